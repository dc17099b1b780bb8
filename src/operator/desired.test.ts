import { expect, test } from 'vitest';
import { type Circumstances, desired } from './desired.ts';

const now = 100_000;
const plain: Circumstances = { isDeleted: false, isPaused: false, oneShot: false, heldFor: 0 };

test.each<[string, Partial<Circumstances>, object]>([
  ['runs', {}, { on: true, because: 'run' }],
  ['deleted', { isDeleted: true, stopped: 's', refused: 'r' }, { on: false, because: 'deleted' }],
  ['refused', { refused: 'r', stopped: 's' }, { on: false, because: 'refused' }],
  ['stopped', { stopped: 's', isPaused: true }, { on: false, because: 'stopped' }],
  ['paused', { isPaused: true }, { on: false, because: 'paused' }],
  [
    'one-shot: no pause, no duration',
    { isPaused: true, oneShot: true, duration: 1, countsFrom: 0 },
    { on: true, because: 'run' },
  ],
  ['one-shot: the lever counts', { oneShot: true, stopped: 's' }, { on: false, because: 'stopped' }],
  ['a duration that has not begun to count', { duration: 10 }, { on: true, because: 'run' }],
  ['within its duration', { duration: 20, countsFrom: now - 10 }, { on: true, because: 'run', until: now + 10 }],
  ['time is up', { duration: 10, countsFrom: now - 10 }, { on: false, because: 'time-up' }],
  [
    'a pause does not count',
    { duration: 10, countsFrom: now - 15, heldFor: 10 },
    { on: true, because: 'run', until: now + 5 },
  ],
])('CM-09, CM-12 %s', (_, given, expected) => {
  expect(desired({ ...plain, ...given }, now)).toEqual(expected);
});
