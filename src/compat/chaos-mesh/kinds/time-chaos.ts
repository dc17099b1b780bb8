import { z } from 'zod';
import { Offset } from '../fields.ts';
import { experimentShape, type Kind, legacyContainer, legacyShape } from '../kind.ts';
import { checkPods, containerShape, podShape } from '../selector.ts';

const clocks = [
  ...(['CLOCK_REALTIME', 'CLOCK_MONOTONIC', 'CLOCK_PROCESS_CPUTIME_ID', 'CLOCK_THREAD_CPUTIME_ID'] as const),
  ...(['CLOCK_MONOTONIC_RAW', 'CLOCK_REALTIME_COARSE', 'CLOCK_MONOTONIC_COARSE', 'CLOCK_BOOTTIME'] as const),
  ...(['CLOCK_REALTIME_ALARM', 'CLOCK_BOOTTIME_ALARM'] as const),
] as const;

export const TimeChaosSpec = z.strictObject({
  ...podShape,
  ...containerShape,
  timeOffset: Offset.describe('How far the clock is shifted, such as -10m.'),
  clockIds: z.array(z.enum(clocks)).default(['CLOCK_REALTIME']).describe('Which clocks.'),
  ...experimentShape,
});

/** Shifts the clock that a container sees. */
export const timeChaos: Kind = {
  kind: 'TimeChaos',
  plural: 'timechaos',
  summary: 'Shift the clock that a container sees.',
  state: 'not-yet',
  spec: TimeChaosSpec,
  legacy: { ...legacyShape, ...legacyContainer },
  rules: checkPods,
  block: 'timeChaos',
  columns: ['duration'],
};
