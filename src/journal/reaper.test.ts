import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock as clock } from '../core/clock.ts';
import { isError } from '../core/errors.ts';
import type { EventOf, JournalEvent, ProcessIdentity } from '../core/events.ts';
import { intentOn, startedBy, testCatalogue } from './fixtures/catalogue.ts';
import { buildFixture, start, temporaryFolder, until } from './fixtures/fixtures.ts';
import { identityOf, ownIdentity, sameProcess } from './identity.ts';
import { createJournal } from './journal.ts';
import { reap } from './reaper.ts';
import { needsRecovery } from './runs.ts';
import { openSafetyNet, warmReaper } from './safety-net.ts';
import { scanJournal } from './scan.ts';
import { journalPath, runFolder } from './state.ts';

const programs = temporaryFolder();
// Real processes on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
let reaper = '';
let runner = '';
beforeAll(async () => {
  reaper = await buildFixture('reaper', programs.folder);
  runner = await buildFixture('runner', programs.folder);
});
afterAll(() => programs.remove());

let state = '';
let remove = () => {};
beforeEach(() => {
  ({ folder: state, remove } = temporaryFolder());
});
afterEach(async () => {
  for (const id of reapers()) await until('the reaper is gone', () => !sameProcess(id));
  remove();
});

const at = (name: string) => join(state, name);
const events = (): readonly JournalEvent[] => {
  const path = journalPath(state, 'r');
  return existsSync(path) ? scanJournal(path).events : [];
};
const find = <T extends JournalEvent['type']>(type: T) =>
  events().findLast((event): event is EventOf<T> & JournalEvent => event.type === type);
const reapers = (): readonly ProcessIdentity[] =>
  events().flatMap((event) => (event.type === 'reaper-started' ? [event.reaper] : []));
const run = (mode: string, ttl: number | 'none', ...names: string[]) =>
  start(runner, [state, 'r', reaper, mode, String(ttl), ...names.map(at)]);

test('a runner that is killed: everything is recovered', async () => {
  const child = run('wait', 'none', 'a', 'b');
  await child.says('injected');
  expect(existsSync(at('b'))).toBe(true);
  child.process.kill('SIGKILL');
  await until('the run is closed', () => find('run-finished') !== undefined);
  expect([existsSync(at('a')), existsSync(at('b'))]).toEqual([false, false]);
  expect(find('recovered')?.author.role).toBe('reaper');
  expect(find('run-finished')).toMatchObject({ outcome: 'deviated' });
  expect(find('run-finished')?.reasons.join()).toMatch(/the runner was gone; the reaper recovered i2, i1/);
});

test.each(['the journal', 'the whole state folder'])(
  '%s is deleted, then the runner is killed: everything is recovered all the same',
  async (what) => {
    const marks = temporaryFolder();
    onTestFinished(() => marks.remove());
    const mark = join(marks.folder, 'a');
    const child = start(runner, [state, 'r', reaper, 'wait', 'none', mark]);
    await child.says('injected');
    rmSync(what === 'the journal' ? journalPath(state, 'r') : state, { recursive: true });
    child.process.kill('SIGKILL');
    await until('the run is closed', () => find('run-finished') !== undefined);
    expect(existsSync(mark)).toBe(false);
    expect(find('recovered')?.author.role).toBe('reaper');
    expect(find('run-finished')).toMatchObject({ outcome: 'deviated' });
  },
);

test('a state folder that is deleted when all is over stays away', async () => {
  const child = run('finish', 5000, 'a');
  await child.says('injected');
  expect(await child.ended).toBe(0);
  const ids = reapers();
  rmSync(state, { recursive: true });
  for (const id of ids) await until('the reaper is gone', () => !sameProcess(id));
  expect(existsSync(state)).toBe(false);
});

test('a runner that exits without a word: everything is recovered', async () => {
  const child = run('leave', 'none', 'a');
  expect(await child.ended).toBe(0);
  await until('the run is closed', () => find('run-finished') !== undefined);
  expect(existsSync(at('a'))).toBe(false);
});

test('a runner that finishes: the reaper goes and writes nothing', async () => {
  const child = run('finish', 5000, 'a');
  expect(await child.ended).toBe(0);
  const [id] = reapers();
  expect(id).toBeDefined();
  await until('the reaper is gone', () => !sameProcess(id as ProcessIdentity));
  expect(find('run-finished')).toMatchObject({ outcome: 'held', author: { role: 'run' } });
  expect(find('aborted')).toBeUndefined();
});

test('a runner that is late: the run is recovered, and the runner learns of it', async () => {
  const child = run('wait', 300, 'a', 'b');
  await child.says('overtaken');
  expect(await child.ended).toBe(0);
  await until('the run is closed', () => find('run-finished') !== undefined);
  expect([existsSync(at('a')), existsSync(at('b'))]).toEqual([false, false]);
  expect(find('aborted')?.reason).toMatch(/late: i2/);
});

test('a runner that spins is late too, and lives', async () => {
  const child = run('spin', 300, 'a');
  await child.says('injected');
  await until('the run is closed', () => find('run-finished') !== undefined);
  expect(existsSync(at('a'))).toBe(false);
  expect(child.process.exitCode).toBeNull();
  expect(child.process.signalCode).toBeNull();
  child.process.kill('SIGKILL');
  expect(await child.ended).toBe('SIGKILL');
});

test('a runner that is stopped, with nothing due, is taken over all the same', async () => {
  const child = run('wait', 'none', 'a');
  await child.says('injected');
  child.process.kill('SIGSTOP');
  await until('the run is closed', () => find('run-finished') !== undefined);
  expect(existsSync(at('a'))).toBe(false);
  expect(find('aborted')).toMatchObject({ reason: expect.stringContaining('no sign of life') });
  child.process.kill('SIGCONT');
  await child.says('overtaken');
});

test('a runner that hangs with the lock in its hand is killed, it alone', async () => {
  const bystander = run('wait', 'none');
  const child = start(runner, [state, 'hung', reaper, 'spin-locked', '300', at('a')]);
  await child.says('injected');
  expect(await child.ended).toBe('SIGKILL');
  await until('it is recovered', () => !needsRecovery(state, 'hung'));
  expect(existsSync(at('a'))).toBe(false);
  expect(readFileSync(join(runFolder(state, 'hung'), 'reaper.log'), 'utf8')).toMatch(/SIGKILL/);
  expect(bystander.process.signalCode).toBeNull();
  bystander.process.kill('SIGKILL');
  await bystander.ended;
  await until('the run is closed', () => find('run-finished') !== undefined);
});

test('a reaper that is killed is replaced, and knows the deadlines', async () => {
  const child = run('wait', 2500, 'a');
  await child.says('injected');
  process.kill((reapers()[0] as ProcessIdentity).pid, 'SIGKILL');
  await until('another reaper', () => reapers().length === 2);
  expect(find('warning')?.message).toMatch(/the reaper died \(SIGKILL\)/);
  await child.says('overtaken');
  await until('the run is closed', () => find('run-finished') !== undefined);
  expect(existsSync(at('a'))).toBe(false);
});

test('Ctrl-C, a hang-up and a polite kill do not reach the reaper', async () => {
  const child = run('wait', 'none', 'a');
  await child.says('injected');
  const [id] = reapers() as [ProcessIdentity];
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE', 'SIGUSR1'] as const) process.kill(id.pid, signal);
  const stat = readFileSync(`/proc/${id.pid}/stat`, 'utf8');
  const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  expect(Number(session)).toBe(id.pid);
  child.process.kill('SIGKILL');
  await until('the run is closed', () => find('run-finished') !== undefined);
  expect(reapers()).toHaveLength(1);
  expect(existsSync(at('a'))).toBe(false);
});

test('a reaper that cannot start: nothing may be injected', async () => {
  const journal = createJournal({ state, run: 'r', clock });
  const broken = at('broken.mjs');
  writeFileSync(broken, 'process.exit(9)');
  for (const [reaperPath, why] of [
    [at('none.mjs'), /exit 1/],
    [broken, /exit 9/],
  ] as const) {
    const net = openSafetyNet({ state, run: 'r', journal, clock, reaperPath });
    const error = await net.start().catch((thrown: unknown) => thrown);
    expect(isError(error, 'reaper-failed')).toBe(true);
    expect((error as Error).message).toMatch(why);
  }
  writeFileSync(broken, 'setTimeout(() => {}, 3000)');
  const net = openSafetyNet({ state, run: 'r', journal, clock, reaperPath: broken, readyMs: 200 });
  await expect(net.start()).rejects.toThrow(/no answer within 200 ms/);
  journal.close();
});

describe('a reaper that is started ahead of its run', () => {
  const begun = () => {
    const journal = createJournal({ state, run: 'r', clock });
    onTestFinished(() => journal.close());
    journal.append(startedBy(ownIdentity()));
    return journal;
  };
  const author = { role: 'run', user: 'test' } as const;

  test('is the one that watches, once there is a journal', async () => {
    const warm = warmReaper({ state, run: 'r', reaperPath: reaper });
    const journal = begun();
    const net = openSafetyNet({ state, run: 'r', journal, clock, reaperPath: reaper, warm });
    await net.start();
    const [id] = reapers() as [ProcessIdentity];
    expect(id.pid).toBe(warm.pid);
    expect(warm.take()).toBeUndefined();
    await warm.dismiss();
    expect(sameProcess(id)).toBe(true);
    journal.append({ type: 'run-finished', outcome: 'held', unverified: true, reasons: [], author });
    await net.finish();
    await until('it has gone', () => !sameProcess(id));
  });

  test('goes without a word when the run never comes', async () => {
    const warm = warmReaper({ state, run: 'r', reaperPath: reaper });
    const id = identityOf(warm.pid) as ProcessIdentity;
    expect(sameProcess(id)).toBe(true);
    await warm.dismiss();
    await until('it has gone', () => !sameProcess(id));
    expect(existsSync(runFolder(state, 'r'))).toBe(false);
  });

  test('that has died is no loss: another one is started', async () => {
    const warm = warmReaper({ state, run: 'r', reaperPath: at('none.mjs') });
    const dead = identityOf(warm.pid);
    await until('it has died', () => dead === undefined || !sameProcess(dead));
    const journal = begun();
    const net = openSafetyNet({ state, run: 'r', journal, clock, reaperPath: reaper, warm });
    await net.start();
    expect(reapers().map(sameProcess)).toEqual([true]);
    journal.append({ type: 'run-finished', outcome: 'held', unverified: true, reasons: [], author });
    await net.finish();
  });
});

/** The reaper in this process, with a clock in our hands. */
function reapHere(clockOf: typeof clock) {
  const journal = createJournal({ state, run: 'r', clock });
  journal.append(startedBy({ ...ownIdentity(), pid: 4194303, startTime: '1' }));
  writeFileSync(at('a'), 'on');
  journal.append({ type: 'intent', ...intentOn(at('a'), 'i1') });
  const input = new PassThrough();
  const catalogue = async () => testCatalogue;
  const result = reap({ state, run: 'r', input, catalogue, clock: clockOf, graceMs: 100 });
  return { input, result, journal, send: (message: object) => input.write(`${JSON.stringify(message)}\n`) };
}

test('setting the wall clock neither hurries a deadline nor delays it', async () => {
  let now = Date.now();
  const jumping = { ...clock, now: () => (now += now % 2 ? 86_400_001 : -172_800_001) };
  const late = reapHere(jumping);
  late.send({ arm: { injection: 'i1', ttlMs: 200 } });
  const from = clock.mono();
  expect(await late.result).toBe('recovered');
  expect(clock.mono() - from).toBeGreaterThanOrEqual(299);
  expect(existsSync(at('a'))).toBe(false);
  late.journal.close();
});

test('disarmed, rubbish and a finish that leaves something behind', async () => {
  const done = reapHere(clock);
  done.send({ arm: { injection: 'i1', ttlMs: 50 } });
  done.send({ disarm: 'i1' });
  done.input.write('rubbish\n{}\n[]\n17\n');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(existsSync(at('a'))).toBe(true);
  done.send({ finish: true });
  expect(await done.result).toBe('recovered');
  expect(existsSync(at('a'))).toBe(false);
  done.journal.close();
});
