import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import type { Json } from '../core/model.ts';
import probe from './process.ts';

const never = new AbortController().signal;
const counting = (count: number) => ({ count: async () => count });

test.each<[number, Json | undefined, string | null]>([
  [1, undefined, null],
  [0, undefined, 'processes: 0 is below 1'],
  [3, { count: 3 }, null],
  [2, { count: 3 }, 'processes: 2 is not 3'],
  [2, { count: { min: 1, max: 2 } }, null],
  [3, { count: { max: 2 } }, 'processes: 3 is above 2'],
])('%i processes held against %j', async (count, tolerance, expected) => {
  const reading = await probe.read(probe.params.parse({ name: 'nginx' }), never, counting(count));
  expect(probe.judge(reading, probe.tolerance.parse(tolerance))).toBe(expected);
});

test('the host platform is asked with the selector as it is', async () => {
  const asked: unknown[] = [];
  const count = async (...args: unknown[]) => asked.push(args);
  await probe.read(probe.params.parse({ command: 're2:worker', port: 80 }), never, { count });
  expect(asked).toEqual([['host', { command: 're2:worker', port: 80 }]]);
});

test('a failed look is an error, an abort is none', async () => {
  const failing = { count: () => Promise.reject(new Error('no /proc here')) };
  expect(await probe.read({ name: 'x' }, never, failing)).toEqual({ value: null, error: 'no /proc here' });
  await expect(probe.read({ name: 'x' }, AbortSignal.abort(new Error('enough')), failing)).rejects.toThrow('enough');
});

test('an empty selector is refused', () => {
  expect(probe.params.safeParse({}).success).toBe(false);
});

test('counts real processes through the host platform', async (ctx) => {
  if (process.platform !== 'linux') ctx.skip('the host platform needs Linux');
  const { default: host } = await import('../platforms/host/platform.ts');
  const count = async (_platform: string, selector: object) =>
    (await host.discover(host.selector.parse(selector))).length;
  const mark = `zashiki-count-${process.pid}`;
  const born = [0, 1].map(() =>
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', mark], { stdio: 'ignore' }),
  );
  const params = probe.params.parse({ command: `re2:${mark}$` });
  const look = async (tolerance: Json) =>
    probe.judge(await probe.read(params, never, { count }), probe.tolerance.parse(tolerance));
  try {
    await expect.poll(() => look({ count: 2 }), { timeout: 15_000 }).toBeNull();
    const [one] = born;
    const gone = new Promise((resolve) => one?.once('exit', resolve));
    one?.kill('SIGKILL');
    await gone;
    expect(await look({ count: 1 })).toBeNull();
    expect(await look({ count: 2 })).toBe('processes: 1 is not 2');
  } finally {
    for (const each of born) each.kill('SIGKILL');
  }
});
