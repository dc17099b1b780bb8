import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/model.ts';
import probe from './exec.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zashiki-exec-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const never = new AbortController().signal;
const context = { count: async () => 0 };
const read = (params: object, signal = never) => probe.read(probe.params.parse(params), signal, context);
const node = (script: string) => [process.execPath, '-e', script];
const look = async (params: object, tolerance?: Json) =>
  probe.judge(await read({ timeout: '20s', ...params }), probe.tolerance.parse(tolerance));

/** A zombie is dead: a container's first process may take its time to collect it. */
const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !existsSync('/proc/self/stat') || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

/** A program that writes down its own pid and that of a child which ignores SIGTERM, then waits. */
const family = (file: string) => [
  'sh',
  '-c',
  'trap "" TERM; sleep 1000 & echo "$$ $!" > "$0.new"; mv "$0.new" "$0"; wait',
  file,
];

async function pids(file: string): Promise<readonly number[]> {
  await expect.poll(() => readFile(file, 'utf8').catch(() => ''), { timeout: 15_000 }).not.toBe('');
  return (await readFile(file, 'utf8')).split(' ').map(Number);
}

describe('what is good', () => {
  test.each<[string, Json | undefined, string | null]>([
    ['0', undefined, null],
    ['process.exitCode = 3', undefined, 'exit code 3, wanted 0'],
    ['process.exitCode = 3; console.error("no disk")', undefined, 'exit code 3, wanted 0: "no disk"'],
    ['process.exitCode = 3', { exitCode: 3 }, null],
    ['process.exitCode = 1', { exitCode: [0, 1] }, null],
    ['process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000)', undefined, 'ended by SIGKILL, wanted 0'],
    ['console.log(" ok ")', { stdout: 'ok' }, null],
    ['console.log("not ok")', { stdout: 'ok' }, 'output "not ok" does not match "ok"'],
    ['console.log("not ok")', { stdout: 're2:ok$' }, null],
    ['console.log(12)', { numeric: { min: 10, max: 12 } }, null],
    ['console.log(12)', { numeric: { max: 11.5 } }, '12 is above 11.5'],
    ['console.log("")', { numeric: { min: 0 } }, 'output "" is not a number'],
    ['console.log("12 MB")', { numeric: { min: 0 } }, 'output "12 MB" is not a number'],
  ])('%s held against %j', async (script, tolerance, expected) => {
    expect(await look({ command: node(script) }, tolerance)).toBe(expected);
  });

  test('arguments are passed as they are, never through a shell', async () => {
    const { value } = await read({
      command: [...node('console.log(process.argv[1])'), '$(id) "; ls *'],
      timeout: '20s',
    });
    expect(value).toMatchObject({ code: 0, stdout: '$(id) "; ls *' });
  });

  test('environment and folder', async () => {
    const script = 'console.log(process.env.WHO, !!process.env.PATH, process.cwd())';
    const { value } = await read({ command: node(script), env: { WHO: 'me' }, cwd: folder, timeout: '20s' });
    expect(value).toMatchObject({ stdout: `me true ${folder}` });
  });

  test('much output is read to its end and kept in part', async () => {
    const { value } = await read({ command: node('process.stdout.write("x".repeat(3e6))'), timeout: '20s' });
    expect((value as { stdout: string }).stdout).toHaveLength(64 * 1024);
    expect(probe.brief?.(value)).toHaveProperty('stdout.length', 200);
  });
});

describe('what goes wrong is a sentence', () => {
  test.each([
    [{ command: ['/no/such/program'] }, 'program not found: /no/such/program'],
    [{ command: [tmpdir()] }, `program may not be run: ${tmpdir()}`],
    [{ command: [process.execPath, '-e', '0'], cwd: '/no/such/folder' }, 'no such folder: /no/such/folder'],
  ])('%j', async (params, error) => {
    expect(await read({ ...params, timeout: '20s' })).toMatchObject({ value: null, error });
  });

  test('a timeout kills the program and its children', async () => {
    const file = join(folder, 'timeout');
    const reading = read({ command: family(file), timeout: '2s' });
    const born = await pids(file);
    expect((await reading).error).toMatch(/no answer within 2 s; killed$/);
    await expect.poll(() => born.filter(alive), { timeout: 10_000 }).toEqual([]);
  });

  test('an abort kills them too, and rejects with its reason', async () => {
    const file = join(folder, 'abort');
    const stop = new AbortController();
    const reading = read({ command: family(file), timeout: '60s' }, stop.signal);
    const refused = expect(reading).rejects.toThrow('enough');
    const born = await pids(file);
    stop.abort(new Error('enough'));
    await refused;
    await expect.poll(() => born.filter(alive), { timeout: 10_000 }).toEqual([]);
  });

  test('children that outlive the program are ended with it', async () => {
    const file = join(folder, 'orphan');
    const command = ['sh', '-c', 'sleep 1000 & echo "$!" > "$0"; echo done', file];
    expect(await read({ command, timeout: '20s' })).toMatchObject({ value: { code: 0, stdout: 'done' } });
    const born = await pids(file);
    await expect.poll(() => born.filter(alive), { timeout: 10_000 }).toEqual([]);
  });
});

test.each([[{ command: [] }], [{ command: 'ls -l' }], [{ command: ['ls'], shell: true }]])(
  '%j is refused',
  (params) => {
    expect(probe.params.safeParse(params).success).toBe(false);
  },
);
