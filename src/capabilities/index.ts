import type { BoundsCapability } from './bounds.ts';
import type { CgroupCapability } from './cgroup.ts';
import type { ExecCapability } from './exec.ts';
import type { FilesCapability } from './files.ts';
import type { LifecycleCapability } from './lifecycle.ts';
import type { LimitsCapability } from './limits.ts';
import type { NetnsCapability } from './netns.ts';
import type { NodeCapability } from './node.ts';
import type { PodCapability } from './pod.ts';
import type { PriorityCapability } from './priority.ts';
import type { RespawnCapability } from './respawn.ts';
import type { ScaleCapability } from './scale.ts';
import type { SignalCapability } from './signal.ts';
import type { ToxicsCapability } from './toxics.ts';

/** What a target can offer a fault. A platform offers some of these for each target; a fault asks for some. */
export interface Capabilities {
  readonly signal: SignalCapability;
  readonly respawn: RespawnCapability;
  readonly priority: PriorityCapability;
  readonly limits: LimitsCapability;
  readonly cgroup: CgroupCapability;
  readonly bounds: BoundsCapability;
  readonly files: FilesCapability;
  readonly netns: NetnsCapability;
  readonly lifecycle: LifecycleCapability;
  readonly exec: ExecCapability;
  readonly toxics: ToxicsCapability;
  readonly pod: PodCapability;
  readonly scale: ScaleCapability;
  readonly node: NodeCapability;
}

export type Capability = keyof Capabilities;

/** One line each, for `zashiki faults` and the reference. */
export const capabilitySummaries: Readonly<Record<Capability, string>> = {
  signal: 'send a POSIX signal to the target',
  respawn: 'start the target again as it was',
  priority: 'change CPU and I/O priority',
  limits: 'change resource limits of a running process',
  cgroup: 'run a helper beside the target, in its cgroup',
  bounds: 'change the bounds of the target’s own cgroup',
  files: 'reach files as the target sees them',
  netns: 'work in the network namespace of the target',
  lifecycle: 'start, stop, pause and remove the target as a whole',
  exec: 'run a program inside the target',
  toxics: 'add and remove toxics of a fault proxy',
  pod: 'delete or evict the pod, exchange its images',
  scale: 'change how many replicas are wanted',
  node: 'cordon and empty the node',
};
