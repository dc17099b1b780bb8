import type { Capability } from '../../capabilities/index.ts';

/** What a container of this machine offers while its main process lives. */
export const nodeContainerOffers: readonly Capability[] = [
  'signal',
  'lifecycle',
  'priority',
  'limits',
  'cgroup',
  'bounds',
  'files',
  'netns',
];

/** What is left of a pod whose container does not run: its network namespace, held by another container of it. */
export const podOffers: readonly Capability[] = ['netns'];
