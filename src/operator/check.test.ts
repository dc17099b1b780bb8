import { expect, test } from 'vitest';
import type { StatusCheck } from '../compat/chaos-mesh/document.ts';
import { afterCheck, type CheckStatus, checkVerdict, isWanted, nextCheck } from './check.ts';

const now = Date.UTC(2026, 0, 1);
const spec = (more: Partial<StatusCheck['spec']> = {}): StatusCheck['spec'] => ({
  mode: 'Synchronous',
  type: 'HTTP',
  timeoutSeconds: 1,
  intervalSeconds: 10,
  failureThreshold: 2,
  successThreshold: 2,
  recordsHistoryLimit: 3,
  ...more,
});
/** S and F, one look each interval. */
function seen(looks: string, given = spec()): CheckStatus {
  let status: CheckStatus = {};
  [...looks].forEach((each, index) => {
    const at = now + index * 10_000;
    status = afterCheck(
      given,
      status,
      { startTime: new Date(at).toISOString(), outcome: each === 'S' ? 'Success' : 'Failure' },
      at,
    );
  });
  return status;
}

test.each<[string, string, Partial<StatusCheck['spec']>, boolean, boolean]>([
  ['goes on', 'S', {}, false, false],
  ['well, often enough', 'SS', {}, true, true],
  ['not well, often enough', 'SFF', {}, true, false],
  ['a success in between starts anew', 'FSF', {}, false, false],
  ['Continuous: being well ends nothing', 'SSSS', { mode: 'Continuous' }, false, true],
  ['Continuous: failing does', 'SSFF', { mode: 'Continuous' }, true, false],
])('%s: %s', (_, looks, more, ended, verdict) => {
  const status = seen(looks, spec(more));
  expect(status.completionTime !== undefined).toBe(ended);
  expect(checkVerdict(spec(more), status)).toBe(verdict);
});

test('the next look is due an interval after the last; none after the end', () => {
  expect(nextCheck(spec(), {}, now)).toEqual({ do: 'look' });
  expect(nextCheck(spec(), seen('S'), now + 1)).toEqual({ do: 'wait', until: now + 10_000 });
  expect(nextCheck(spec(), seen('SS'), now + 99_999)).toEqual({ do: 'end' });
});

test('as many records as are wanted', () => {
  expect(seen('SFSFSF').records).toHaveLength(3);
  expect(seen('SFSFSF').count).toBe(6);
});

test('time is up', () => {
  const short = spec({ duration: '15s' });
  const status = seen('S', short);
  expect(nextCheck(short, status, now + 12_000)).toEqual({ do: 'look' });
  const after = afterCheck(short, status, undefined, now + 15_000);
  expect(after.conditions).toContainEqual({ type: 'DurationExceed', status: 'True' });
  expect(after.completionTime).toBeDefined();
});

test('codes and ranges', () => {
  expect([isWanted('200', 200), isWanted('200', 201), isWanted('200-299', 204), isWanted('200-299', 300)]).toEqual([
    true,
    false,
    true,
    false,
  ]);
});
