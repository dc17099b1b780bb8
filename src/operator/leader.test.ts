import { expect, test } from 'vitest';
import { formOf, type Lease, mayTake, taken } from './leader.ts';

const lease = (holderIdentity: string | undefined, renewTime = '2026-01-01T00:00:00.000000Z'): Lease => ({
  metadata: { name: 'l', namespace: 'n', resourceVersion: '1' },
  spec: { leaseDurationSeconds: 15, renewTime, ...(holderIdentity === undefined ? {} : { holderIdentity }) },
});

test.each<[string, Lease, number, boolean]>([
  ['nobody holds it', lease(''), 0, true],
  ['it is ours', lease('me'), 0, true],
  ['another one has renewed it', lease('other'), 14_999, false],
  ['another one has not renewed it for its whole duration', lease('other'), 15_000, true],
])('%s', (_, given, age, expected) => {
  expect(mayTake(given, { form: formOf(given), at: 100 }, 'me', 100 + age)).toBe(expected);
});

test('taking it over is counted, renewing is not', () => {
  const now = new Date('2026-02-02T02:02:02.123Z');
  const over = taken(lease('other'), 'me', 15, now);
  expect(over.spec).toMatchObject({
    holderIdentity: 'me',
    leaseTransitions: 1,
    renewTime: '2026-02-02T02:02:02.123000Z',
  });
  const again = taken(over, 'me', 15, new Date('2026-02-02T02:02:04.000Z'));
  expect(again.spec).toMatchObject({
    leaseTransitions: 1,
    acquireTime: over.spec?.renewTime,
    renewTime: '2026-02-02T02:02:04.000000Z',
  });
});

test('the form changes with every renewal', () => {
  expect(formOf(lease('a'))).not.toBe(formOf(lease('a', 'later')));
});
