import { readFileSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { builtModules } from '../../test/fixtures/built.ts';
import { attach, type LivingTarget, startTarget, testContext } from '../../test/fixtures/living-target.ts';
import { ZashikiError } from '../core/errors.ts';
import type { FaultContext } from '../core/ports.ts';
import host from '../platforms/host/platform.ts';
import { testFault } from './contract.ts';
import processKill from './process-kill.ts';
import processPause from './process-pause.ts';
import processPriority from './process-priority.ts';
import processRestart from './process-restart.ts';
import processStop from './process-stop.ts';

const built = await builtModules();
afterAll(built.remove);
/** The contract's tests start processes of their own, which takes its time on a busy machine. */
const patient = (name: string, run: () => Promise<void>) => test(name, run, 120_000);

const letter = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0];
const isStopped = (pid: number) => letter(pid) === 'T';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(...args: string[]): Promise<LivingTarget> {
  const living = await startTarget(args);
  cleanups.push(living.end);
  return living;
}

async function context(): Promise<FaultContext> {
  const made = await testContext();
  cleanups.push(() => rm(made.keep, { recursive: true, force: true }));
  return made;
}

// ── process-kill ────────────────────────────────────────────────────────────────────────────────────────────────────

test('process-kill ends a process by SIGKILL and sees it', async () => {
  const [living, ctx] = [await start(), await context()];
  const [on, params] = [await attach(living.target), processKill.params.parse({})];
  const undo = await processKill.plan(on, params, ctx);
  await processKill.inject(on, params, undo, ctx);
  expect(await processKill.observe(on, params, undo, ctx)).toEqual({ yes: true, detail: 'ended by SIGKILL' });
});

test('process-kill says that a process lives on after a signal that should have ended it', async () => {
  const [living, ctx] = [await start('--ignore', 'SIGTERM'), await context()];
  const [on, params] = [await attach(living.target), processKill.params.parse({ signal: 'TERM', within: '300ms' })];
  await processKill.inject(on, params, {}, ctx);
  expect(await processKill.observe(on, params, {}, ctx)).toEqual({ yes: false, detail: 'still alive after SIGTERM' });
});

test('process-kill takes a handled SIGHUP for no failure, and SIGSTOP for stopped', async () => {
  const [living, ctx] = [await start('--ignore', 'SIGHUP'), await context()];
  const on = await attach(living.target);
  for (const [signal, detail] of [
    ['SIGHUP', 'still alive after SIGHUP, which it may handle'],
    ['SIGSTOP', 'stopped by SIGSTOP, and stays so'],
  ]) {
    const params = processKill.params.parse({ signal });
    await processKill.inject(on, params, {}, ctx);
    expect(await processKill.observe(on, params, {}, ctx)).toEqual({ yes: true, detail });
  }
});

test('process-kill reads signals by name and number, and knows the nearest name', () => {
  for (const [given, name] of [
    ['term', 'SIGTERM'],
    ['SIGUSR1', 'SIGUSR1'],
    [9, 'SIGKILL'],
    ['15', 'SIGTERM'],
  ]) {
    expect(processKill.params.parse({ signal: given }).signal).toBe(name);
  }
  expect(processKill.params.safeParse({ signal: 'SIGTREM' }).error?.issues[0]?.message).toMatch('did you mean SIGTERM');
});

test('process-kill lets target-gone through when somebody else was faster', async () => {
  const [living, ctx] = [await start(), await context()];
  const on = await attach(living.target);
  await living.end();
  const params = processKill.params.parse({});
  await expect(processKill.inject(on, params, {}, ctx)).rejects.toMatchObject({ code: 'target-gone' });
});

// ── process-stop ────────────────────────────────────────────────────────────────────────────────────────────────────

test('process-stop needs no SIGKILL for a polite process', async () => {
  const [living, ctx] = [await start(), await context()];
  const [on, params] = [await attach(living.target), processStop.params.parse({})];
  await processStop.inject(on, params, {}, ctx);
  expect(await processStop.observe(on, params, {}, ctx)).toMatchObject({
    yes: true,
    detail: expect.stringMatching(/^ended by SIGTERM after /),
  });
});

test('process-stop ends a stubborn process by SIGKILL, and says so', async () => {
  const [living, ctx] = [await start('--ignore', 'SIGTERM'), await context()];
  const [on, params] = [await attach(living.target), processStop.params.parse({ grace: '300ms' })];
  await processStop.inject(on, params, {}, ctx);
  expect(await processStop.observe(on, params, {}, ctx)).toEqual({
    yes: true,
    detail: 'ended by SIGKILL, still alive 300 ms after SIGTERM',
  });
});

// ── process-pause ───────────────────────────────────────────────────────────────────────────────────────────────────

testFault(processPause, {
  test: patient,
  platform: host,
  modules: built.modulesOf('process-pause'),
  async specimen() {
    const living = await startTarget();
    // A process answers again a moment after SIGCONT, so what counts is where it comes to rest.
    const snapshot = async () => void (await expect.poll(() => isStopped(living.pid)).toBe(false));
    return { target: living.target, params: {}, snapshot, end: living.end };
  },
});

test('process-pause leaves a process stopped that was stopped before', async () => {
  const [living, ctx] = [await start(), await context()];
  living.child.kill('SIGSTOP');
  await expect.poll(() => isStopped(living.pid)).toBe(true);
  const on = await attach(living.target);
  const undo = await processPause.plan(on, {}, ctx);
  await processPause.inject(on, {}, undo, ctx);
  await processPause.recover(on, undo, ctx);
  expect(isStopped(living.pid)).toBe(true);
  expect((await processPause.verify(on, undo, ctx)).yes).toBe(true);
});

// ── process-priority ────────────────────────────────────────────────────────────────────────────────────────────────

const isRoot = process.getuid?.() === 0;
const threadsOf = async (living: LivingTarget) => (await attach(living.target)).priority.read();

for (const params of isRoot
  ? [{ nice: 7 }, { nice: 5, ioClass: 'best-effort', ioLevel: 6 }, { ioClass: 'idle' }]
  : [{ ioClass: 'idle' }]) {
  testFault(processPriority, {
    test: (name, run) => patient(`${name} ${JSON.stringify(params)}`, run),
    platform: host,
    modules: built.modulesOf('process-priority'),
    async specimen() {
      const living = await startTarget(['--threads', '1']);
      return { target: living.target, params, snapshot: () => threadsOf(living), end: living.end };
    },
  });
}

test('process-priority changes every thread, and gives a new one what the main thread had', async (ctx) => {
  if (!isRoot) return ctx.skip('needs root: a lower nice can be set back by CAP_SYS_NICE alone');
  const [living, context_] = [await start('--threads', '2'), await context()];
  const on = await attach(living.target);
  const params = processPriority.params.parse({ nice: 9 });
  const undo = await processPriority.plan(on, params, context_);
  await processPriority.inject(on, params, undo, context_);
  const during = await threadsOf(living);
  expect(new Set(during.map(({ nice }) => nice))).toEqual(new Set([9]));
  // As if the last thread had been started while the fault was on.
  const late = during.at(-1)?.tid ?? 0;
  const without = { ...undo, threads: undo.threads.filter(({ tid }) => tid !== late) };
  await processPriority.recover(on, without, context_);
  expect(getPriority(late)).toBe(undo.threads[0]?.nice);
  expect((await processPriority.verify(on, without, context_)).yes).toBe(true);
});

test('process-priority leaves a value alone that somebody else has set meanwhile', async (ctx) => {
  if (!isRoot) return ctx.skip('needs root: a lower nice can be set back by CAP_SYS_NICE alone');
  const [living, context_] = [await start(), await context()];
  const on = await attach(living.target);
  const params = processPriority.params.parse({ nice: 9 });
  const undo = await processPriority.plan(on, params, context_);
  await processPriority.inject(on, params, undo, context_);
  setPriority(living.pid, 15);
  await processPriority.recover(on, undo, context_);
  expect(getPriority(living.pid)).toBe(15);
  expect(await processPriority.verify(on, undo, context_)).toMatchObject({
    yes: true,
    detail: expect.stringMatching(/somebody else/),
  });
});

test('process-priority refuses in plan what an ordinary user could not undo', async () => {
  const [living, ctx] = [await start(), await context()];
  const on = await attach(living.target);
  const priority = { ...on.priority, cannotRestore: async () => 'without CAP_SYS_NICE nice cannot be lowered' };
  const plan = processPriority.plan({ priority }, processPriority.params.parse({ nice: 10 }), ctx);
  await expect(plan).rejects.toMatchObject({
    code: 'permission-missing',
    message: expect.stringMatching('CAP_SYS_NICE'),
  });
});

// ── process-restart ─────────────────────────────────────────────────────────────────────────────────────────────────

testFault(processRestart, {
  test: patient,
  platform: host,
  modules: built.modulesOf('process-restart'),
  async specimen() {
    const mark = `contract-${process.pid}-${Math.random()}`;
    const living = await startTarget([], { ZASHIKI_TEST_MARK: mark });
    const all = async () => host.discover({ env: { ZASHIKI_TEST_MARK: mark } });
    return {
      target: living.target,
      params: { signal: 'SIGTERM', grace: '500ms' },
      // Which process it is has changed; what runs, and how often, has not.
      snapshot: async () => (await all()).map(({ labels }) => ({ command: labels.command, user: labels.user })),
      async end() {
        await living.end();
        for (const { identity } of await all()) process.kill(Number(identity.pid), 'SIGKILL');
      },
    };
  },
});

test('process-restart runs the same program as a new process, with arguments, environment and folder', async () => {
  const [living, ctx] = [await startTarget(['--keep-open', '2'], { ZASHIKI_TEST_MARK: 'a b=c' }), await context()];
  cleanups.push(living.end);
  const on = await attach(living.target);
  const params = processRestart.params.parse({ signal: 'KILL' });
  const undo = await processRestart.plan(on, params, ctx);
  const before = readFileSync(`/proc/${living.pid}/cmdline`, 'utf8');
  await processRestart.inject(on, params, undo, ctx);
  const pid = (await on.respawn.find(ctx.tag)) ?? 0;
  cleanups.push(async () => void process.kill(pid, 'SIGKILL'));
  expect(pid).not.toBe(living.pid);
  expect((await processRestart.observe(on, params, undo, ctx)).detail).toBe(`ended, and runs again as pid ${pid}`);
  await expect.poll(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toBe(before);
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain('ZASHIKI_TEST_MARK=a b=c\0');
  await processRestart.recover(on, undo, ctx);
  expect(await on.respawn.find(ctx.tag)).toBe(pid);
});

test('process-restart keeps secrets in a file of its own, and none in the undo record', async () => {
  const secret = `hunter2-${Math.random()}`;
  const [living, ctx] = [await startTarget([], { PASSWORD: secret }), await context()];
  cleanups.push(living.end);
  const on = await attach(living.target);
  const undo = await processRestart.plan(on, processRestart.params.parse({}), ctx);
  expect(JSON.stringify(undo)).not.toMatch(/hunter2|PATH|node/);
  expect(readFileSync(join(ctx.keep, 'image.json'), 'utf8')).toContain(secret);
  expect(statSync(join(ctx.keep, 'image.json')).mode & 0o777).toBe(0o600);
});

test('process-restart without its copy: nothing to do for a living process, never a false "undone" for one that ended', async () => {
  const [living, ctx] = [await start(), await context()];
  const on = await attach(living.target);
  const params = processRestart.params.parse({});
  const undo = await processRestart.plan(on, params, ctx);
  await rm(join(ctx.keep, 'image.json'));
  await expect(processRestart.inject(on, params, undo, ctx)).rejects.toMatchObject({ code: 'inject-failed' });
  await processRestart.recover(on, undo, ctx);
  expect(await processRestart.verify(on, undo, ctx)).toMatchObject({ yes: true });
  expect(await on.signal.state()).not.toBe('gone');
  await living.end();
  await expect(processRestart.recover(on, undo, ctx)).rejects.toMatchObject({ code: 'recover-failed' });
  expect(await processRestart.verify(on, undo, ctx)).toMatchObject({ yes: false });
});

test('process-restart starts nothing from a copy that somebody has changed', async () => {
  const [living, ctx] = [await start(), await context()];
  const on = await attach(living.target);
  const undo = await processRestart.plan(on, processRestart.params.parse({}), ctx);
  await writeFile(join(ctx.keep, 'ending.json'), 'true');
  const image = JSON.parse(readFileSync(join(ctx.keep, 'image.json'), 'utf8'));
  await writeFile(join(ctx.keep, 'image.json'), JSON.stringify({ ...image, uid: 12345 }));
  await living.end();
  await expect(processRestart.recover(on, undo, ctx)).rejects.toThrow(/was changed/);
  expect(await on.respawn.find(ctx.tag)).toBeNull();
});

test('process-restart does not start a program again that ended by itself', async () => {
  const [living, ctx] = [await start(), await context()];
  const on = await attach(living.target);
  const params = processRestart.params.parse({});
  const undo = await processRestart.plan(on, params, ctx);
  await living.end();
  await expect(processRestart.inject(on, params, undo, ctx)).rejects.toMatchObject({ code: 'target-gone' });
  await processRestart.recover(on, undo, ctx);
  expect(await on.respawn.find(ctx.tag)).toBeNull();
});

test('process-restart starts a program that has ended although its notes are lost', async () => {
  const [living, ctx] = [await start(), await context()];
  const on = await attach(living.target);
  const params = processRestart.params.parse({ signal: 'KILL' });
  const undo = await processRestart.plan(on, params, ctx);
  await living.end();
  expect(await processRestart.verify(on, undo, ctx)).toMatchObject({ yes: false });
  await processRestart.recover(on, undo, ctx);
  const pid = (await on.respawn.find(ctx.tag)) ?? 0;
  cleanups.push(async () => void process.kill(pid, 'SIGKILL'));
  expect(pid).toBeGreaterThan(0);
  expect(await processRestart.verify(on, undo, ctx)).toMatchObject({ yes: true });
});

test('process-pause leaves nothing outstanding when no signal was permitted', async () => {
  const ctx = await context();
  const refused = new ZashikiError('permission-missing', 'may not');
  let state: 'sleeping' | 'stopped' = 'sleeping';
  const on = { signal: { state: async () => state, send: () => Promise.reject(refused) } };
  await processPause.recover(on, { wasStopped: false }, ctx);
  state = 'stopped';
  await expect(processPause.recover(on, { wasStopped: false }, ctx)).rejects.toBe(refused);
});
