import { expect, test, vi } from 'vitest';
import { errorRecord, isError, ZashikiError } from './errors.ts';

test('an error of another copy of the program is known by its code', async () => {
  vi.resetModules();
  const other = await import('./errors.ts');
  expect(other.ZashikiError).not.toBe(ZashikiError);
  const error = new other.ZashikiError('target-gone', 'it is gone', { hint: 'look elsewhere' });
  expect(isError(error, 'target-gone')).toBe(true);
  expect(isError(error, 'lock-busy')).toBe(false);
  expect(errorRecord(error)).toEqual({ code: 'target-gone', message: 'it is gone', hint: 'look elsewhere' });
});

test.each([new Error('other'), { code: 'target-gone' }, 'target-gone', null, undefined])(
  '%o is none of ours',
  (thrown) => {
    expect(isError(thrown)).toBe(false);
    expect(errorRecord(thrown)).toMatchObject({ code: 'internal' });
  },
);
