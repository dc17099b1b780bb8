import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { builtModules } from '../../test/fixtures/built.ts';
import { attach, machine, startTarget, testContext } from '../../test/fixtures/living-target.ts';
import type { FaultContext } from '../core/ports.ts';
import host from '../platforms/host/platform.ts';
import { testFault } from './contract.ts';
import { findProgram } from './parts/programs.ts';
import { readStressors } from './parts/stressors.ts';
import stress from './stress.ts';

const built = await builtModules();
afterAll(built.remove);

let context: FaultContext;
beforeEach(async () => {
  context = await testContext();
});
afterEach(async () => {
  const on = await attach(await machine());
  await on.cgroup.stop(context.tag);
  await fs.rm(context.keep, { recursive: true, force: true });
});

const load = { arguments: ['--cpu', '1', '--cpu-load', '30', '--hdd', '1', '--hdd-bytes', '1m'] };

testFault(stress, {
  test: (name, run) => test(name, run, 120_000),
  platform: host,
  modules: built.modulesOf('stress'),
  kills: 2,
  async specimen() {
    const living = await startTarget();
    const tagged = async () =>
      (await host.discover({ env: { ZASHIKI_WORKER: `re2:^contract-${process.pid}-` } })).length;
    return {
      target: living.target,
      params: load,
      snapshot: async () => ({ workers: await tagged() }),
      end: living.end,
    };
  },
});

async function onMachine(params: { readonly arguments: readonly string[] }) {
  const on = await attach(await machine());
  const parsed = stress.params.parse(params);
  const undo = await stress.plan(on, parsed, context);
  await stress.inject(on, parsed, undo, context);
  return { on, parsed, undo };
}

async function without<T>(work: () => Promise<T>): Promise<T> {
  const path = process.env.PATH;
  process.env.PATH = await fs.mkdtemp(join(tmpdir(), 'zashiki-path-'));
  try {
    return await work();
  } finally {
    await fs.rm(process.env.PATH, { recursive: true });
    process.env.PATH = path;
  }
}

test('CPU, memory and disk by our own workers where stress-ng is missing', async () => {
  const args = ['-c', '1', '--vm', '1', '--vm-bytes', '8m', '--hdd', '1', '--timeout', '60s'];
  const { on, parsed, undo } = await without(() => onMachine({ arguments: args }));
  expect(await on.cgroup.find(context.tag)).toHaveLength(3);
  expect(await stress.observe(on, parsed, undo, context)).toMatchObject({ yes: true });
  await stress.recover(on, undo, context);
  expect(await stress.verify(on, undo, context)).toMatchObject({ yes: true });
  expect(await fs.readdir(context.keep)).toEqual([]);
});

test('what only stress-ng knows is refused without it, and nothing runs', async () => {
  await expect(without(() => onMachine({ arguments: ['--matrix', '1'] }))).rejects.toMatchObject({
    code: 'not-supported',
    message: expect.stringContaining('--matrix'),
  });
});

test('its own timeout ends it before the fault does', async (ctx) => {
  if (!findProgram('stress-ng')) return ctx.skip('needs stress-ng');
  const { on, parsed, undo } = await onMachine({ arguments: ['--cpu', '1', '--timeout', '1s'] });
  await expect.poll(() => on.cgroup.find(context.tag), { timeout: 30_000, interval: 200 }).toEqual([]);
  expect(await stress.observe(on, parsed, undo, context)).toMatchObject({ yes: false });
});

test('arguments that stress-ng does not take are told before anything runs', async (ctx) => {
  if (!findProgram('stress-ng')) return ctx.skip('needs stress-ng');
  await expect(onMachine({ arguments: ['--cpuu', '1'] })).rejects.toMatchObject({
    code: 'document-invalid',
    message: expect.stringMatching(/--cpuu 1: .*unrecognized option/),
  });
  expect(await (await attach(await machine())).cgroup.find(context.tag)).toEqual([]);
});

describe('reading arguments', () => {
  test.each([
    [['--cpu', '4', '--timeout', '60s'], ['--cpu', '4'], 60_000, [['cpu', 4]]],
    [['-c', '2', '-l', '50', '-t', '2m'], ['-c', '2', '-l', '50'], 120_000, [['cpu', 2]]],
    [['--cpu=1', '--timeout=5'], ['--cpu=1'], 5000, [['cpu', 1]]],
    [
      ['--vm', '2', '--vm-bytes', '1g', '--vm-keep'],
      ['--vm', '2', '--vm-bytes', '1g', '--vm-keep'],
      null,
      [['memory', 2]],
    ],
    [['--io', '1', '-d', '2'], ['--io', '1', '-d', '2'], null, [['io', 3]]],
    [['--cpu', '1', '--timeout', '0'], ['--cpu', '1'], null, [['cpu', 1]]],
    [['--matrix', '1', '-t', '1h'], ['--matrix', '1'], 3_600_000, null],
    [['--vm', '1', '--vm-bytes', '50%'], ['--vm', '1', '--vm-bytes', '50%'], null, null],
    [['--cpu', 'x'], ['--cpu', 'x'], null, null],
  ])('%j', (given, args, timeout, workers) => {
    const read = readStressors(given);
    const named = read.workers?.map(({ name, count }) => [name, count]) ?? null;
    expect([read.args, read.timeout, named]).toEqual([args, timeout, workers]);
  });

  test.each([['--log-file'], ['--yaml=/etc/x'], ['-Y'], ['--pathological'], ['--temp-path'], ['--job']])(
    '%s is refused',
    (argument) => {
      expect(() => readStressors(['--cpu', '1', argument, 'x'])).toThrow(expect.objectContaining({ code: 'refused' }));
    },
  );

  test('a timeout that is none', () => {
    expect(() => readStressors(['--cpu', '1', '-t', 'soon'])).toThrow(/--timeout "soon" is no time/);
  });
});
