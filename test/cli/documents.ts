import type { Place } from './place.ts';

type Entries = Readonly<Record<string, unknown>>;

/** One fault step on the targets of a place. */
export const hit = (place: Place, fault: string, more: Entries = {}): Entries => ({
  fault,
  target: { host: { env: { [place.mark]: 're2:.' } } },
  ...more,
});

/** Good while at least `min` (or `count`: exactly so many) targets of a place live. */
export const counting = (place: Place, tolerance: Entries, more: Entries = {}): Entries => ({
  name: 'the targets live',
  probe: { process: { env: { [place.mark]: 're2:.' } } },
  tolerance: { count: tolerance },
  every: '100ms',
  recoversWithin: '30s',
  ...more,
});

/** An experiment of this `spec`, named after what it shows. */
export const experiment = (name: string, spec: Entries): Entries => ({
  apiVersion: 'zashiki.dev/v1',
  kind: 'Experiment',
  metadata: { name },
  spec,
});

/** The simplest one that holds: a target is frozen for a moment and goes on. */
export const pausing = (place: Place, duration = '300ms', spec: Entries = {}): Entries =>
  experiment('pausing', {
    steadyStateHypothesis: [counting(place, { min: 1 })],
    method: [hit(place, 'process-pause', { duration })],
    ...spec,
  });
