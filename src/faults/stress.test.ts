import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { builtModules } from '../../test/fixtures/built.ts';
import { attach, type LivingTarget, machine, startTarget, testContext } from '../../test/fixtures/living-target.ts';
import type { FaultContext } from '../core/ports.ts';
import host from '../platforms/host/platform.ts';
import { testFault } from './contract.ts';
import cpuStress from './cpu-stress.ts';
import fdExhaust, { limitFor } from './fd-exhaust.ts';
import ioStress from './io-stress.ts';
import memoryStress from './memory-stress.ts';
import { findProgram } from './parts/programs.ts';

const built = await builtModules();
afterAll(built.remove);
/** The contract's tests start processes of their own, which takes its time on a busy machine. */
const patient = (name: string, run: () => Promise<void>) => test(name, run, 120_000);

let folder: string;
let context: FaultContext;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'zashiki-stress-'));
  context = await testContext();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await fs.rm(folder, { recursive: true, force: true });
  await fs.rm(context.keep, { recursive: true, force: true });
});

async function start(...args: string[]): Promise<LivingTarget> {
  const living = await startTarget(args);
  cleanups.push(living.end);
  return living;
}

/** Run with a PATH in which stress-ng is not found. */
async function withoutStressNg<T>(work: () => Promise<T>): Promise<T> {
  const path = process.env.PATH;
  process.env.PATH = folder;
  try {
    return await work();
  } finally {
    process.env.PATH = path;
  }
}

const stresses = [
  [cpuStress, { workers: 1, load: 60 }],
  [memoryStress, { size: '48MiB', workers: 1 }],
  [ioStress, { size: '1MiB' }],
] as const;

for (const [fault, params] of stresses) {
  testFault(fault, {
    test: patient,
    platform: host,
    modules: built.modulesOf(fault.id),
    kills: 2,
    async specimen() {
      const own = await fs.mkdtemp(join(tmpdir(), 'zashiki-specimen-'));
      const living = await startTarget();
      const tagged = async () =>
        (await host.discover({ env: { ZASHIKI_WORKER: `re2:^contract-${process.pid}-` } })).length;
      return {
        target: living.target,
        params: fault === ioStress ? { ...params, path: own } : params,
        snapshot: async () => ({ workers: await tagged(), files: await fs.readdir(own) }),
        async end() {
          await living.end();
          await fs.rm(own, { recursive: true, force: true });
        },
      };
    },
  });

  test(`${fault.id} works with its own worker where stress-ng is missing`, async () => {
    const on = await attach(await machine());
    const params_ = fault.params.parse(fault === ioStress ? { ...params, path: folder } : params) as never;
    const undo = (await fault.plan(on, params_, context)) as never;
    cleanups.push(() => on.cgroup.stop(context.tag));
    await withoutStressNg(() => fault.inject(on, params_, undo, context));
    expect(await fault.observe(on, params_, undo, context)).toMatchObject({ yes: true });
    await fault.recover(on, undo, context);
    expect(await fault.verify(on, undo, context)).toMatchObject({ yes: true });
    expect(await fs.readdir(folder)).toEqual([]);
  });

  test(`${fault.id} says so when nothing runs`, async () => {
    const on = await attach(await machine());
    const params_ = fault.params.parse(fault === ioStress ? { ...params, path: folder } : params) as never;
    const undo = (await fault.plan(on, params_, context)) as never;
    expect(await fault.observe(on, params_, undo, context)).toMatchObject({ yes: false });
  });
}

test('io-stress keeps a file busy that is smaller than stress-ng can', async () => {
  const on = await attach(await machine());
  const params = ioStress.params.parse({ path: folder, size: '64KiB' });
  const undo = await ioStress.plan(on, params, context);
  cleanups.push(() => on.cgroup.stop(context.tag));
  await ioStress.inject(on, params, undo, context);
  expect(await ioStress.observe(on, params, undo, context)).toMatchObject({ yes: true });
  await ioStress.recover(on, undo, context);
  expect(await fs.readdir(folder)).toEqual([]);
});

test('workers are ended although the target is gone', async () => {
  const living = await start();
  const on = await attach(living.target);
  const params = cpuStress.params.parse({ load: 5 });
  const undo = await cpuStress.plan(on, params, context);
  await cpuStress.inject(on, params, undo, context);
  expect((await on.cgroup.find(context.tag)).length).toBeGreaterThan(0);
  await living.end();
  await cpuStress.recover(on, undo, context);
  expect(await on.cgroup.find(context.tag)).toEqual([]);
});

for (const kind of ['stress-ng', 'own worker'] as const) {
  test(`a worker ends by itself after the ttl when nobody recovers (${kind})`, async (ctx) => {
    if (kind === 'stress-ng' && !findProgram('stress-ng')) return ctx.skip('stress-ng is not installed');
    const on = await attach(await machine());
    const params = cpuStress.params.parse({ load: 5 });
    const short = { ...context, ttl: 100 };
    const undo = await cpuStress.plan(on, params, short);
    cleanups.push(() => on.cgroup.stop(context.tag));
    const inject = () => cpuStress.inject(on, params, undo, short);
    await (kind === 'own worker' ? withoutStressNg(inject) : inject());
    expect((await on.cgroup.find(context.tag)).length).toBeGreaterThan(0);
    await expect.poll(() => on.cgroup.find(context.tag), { timeout: 20_000, interval: 200 }).toEqual([]);
  });
}

test('our own CPU worker keeps to its share of a CPU', async () => {
  const on = await attach(await machine());
  const params = cpuStress.params.parse({ load: 20 });
  const undo = await cpuStress.plan(on, params, context);
  cleanups.push(() => on.cgroup.stop(context.tag));
  await withoutStressNg(() => cpuStress.inject(on, params, undo, context));
  // Starting Node costs CPU time too: only what follows is measured. A loaded machine gives less, never more.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const [from, before] = [performance.now(), await on.cgroup.usage(context.tag)];
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const used = ((await on.cgroup.usage(context.tag)).cpuMs - before.cpuMs) / (performance.now() - from);
  expect(used).toBeGreaterThan(0.02);
  expect(used).toBeLessThan(0.35);
});

test('memory-stress refuses more than the machine has to spare', async () => {
  const on = await attach(await machine());
  const plan = memoryStress.plan(on, memoryStress.params.parse({ size: '100TiB' }), context);
  await expect(plan).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringMatching('of memory to spare'),
  });
});

// ── fd-exhaust ──────────────────────────────────────────────────────────────────────────────────────────────────────

testFault(fdExhaust, {
  test: patient,
  platform: host,
  modules: built.modulesOf('fd-exhaust'),
  async specimen() {
    const living = await startTarget();
    const { limits } = await attach(living.target);
    return { target: living.target, params: {}, snapshot: () => limits.read('nofile'), end: living.end };
  },
});

test('fd-exhaust lets the process open exactly as many more as asked, and all again after recover', async () => {
  const living = await start('--keep-open', '10');
  const on = await attach(living.target);
  const params = fdExhaust.params.parse({ leave: 2 });
  const undo = await fdExhaust.plan(on, params, context);
  await fdExhaust.inject(on, params, undo, context);
  expect([await living.ask('open'), await living.ask('open'), await living.ask('open')]).toEqual([
    'ok',
    'ok',
    'EMFILE',
  ]);
  expect(await fdExhaust.observe(on, params, undo, context)).toMatchObject({
    yes: true,
    detail: expect.stringMatching(/ 0 more possible$/),
  });
  await fdExhaust.recover(on, undo, context);
  expect(await living.ask('open')).toBe('ok');
});

test('fd-exhaust leaves a limit that somebody else has set meanwhile', async () => {
  const living = await start();
  const on = await attach(living.target);
  const params = fdExhaust.params.parse({});
  const undo = await fdExhaust.plan(on, params, context);
  await fdExhaust.inject(on, params, undo, context);
  await on.limits.setSoft('nofile', undo.set + 100);
  await fdExhaust.recover(on, undo, context);
  expect((await on.limits.read('nofile')).soft).toBe(undo.set + 100);
  expect(await fdExhaust.verify(on, undo, context)).toMatchObject({
    yes: true,
    detail: expect.stringMatching('somebody else'),
  });
});

test('the limit counts numbers, not files: gaps below are free', () => {
  expect(limitFor([0, 1, 2], 0)).toBe(3);
  expect(limitFor([0, 1, 2, 255], 0)).toBe(3);
  expect(limitFor([0, 2, 3], 0)).toBe(1);
  expect(limitFor([0, 2, 3], 1)).toBe(4);
  expect(limitFor([], 2)).toBe(2);
});
