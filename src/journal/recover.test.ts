import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock as clock } from '../core/clock.ts';
import { isError } from '../core/errors.ts';
import type { EventBody, JournalEvent, ProcessIdentity } from '../core/events.ts';
import { intentOn, startedBy, testCatalogue } from './fixtures/catalogue.ts';
import { temporaryFolder, until } from './fixtures/fixtures.ts';
import { identityOf, ownIdentity, sameProcess } from './identity.ts';
import { createJournal, openJournal } from './journal.ts';
import { withLock } from './lock.ts';
import { outstanding } from './outstanding.ts';
import { acceptRun, type RecoverOptions, recoverAll, recoverRun } from './recover.ts';
import { listRuns, needsRecovery, readRun, resolveRun } from './runs.ts';
import { scanJournal } from './scan.ts';
import { openSharedState, runLock } from './shared-state.ts';
import { journalPath, keepPath, runFolder } from './state.ts';

let state = '';
let remove = () => {};
beforeEach(() => {
  ({ folder: state, remove } = temporaryFolder());
});
afterEach(() => remove());

/** A process that lived on this boot and is gone. */
const deadRunner: ProcessIdentity = { ...ownIdentity(), pid: 4194303, startTime: '1' };
const at = (name: string) => join(state, name);
const events = (run: string) => scanJournal(journalPath(state, run)).events;
const types = (list: readonly JournalEvent[]) => list.map(({ type }) => type);
const inject = (name: string, injection: string, more = {}): EventBody => {
  writeFileSync(at(name), 'on');
  return { type: 'intent', ...intentOn(at(name), injection, more) };
};

function crashedRun(run: string, bodies: readonly EventBody[], runner = deadRunner, options = {}): void {
  const journal = createJournal({ state, run, clock });
  journal.append(startedBy(runner, options));
  for (const body of bodies) journal.append(body);
  journal.close();
}

const recover = (run: string, more: Partial<RecoverOptions> = {}) =>
  recoverRun({
    ...{ state, run, catalogue: testCatalogue, author: { role: 'startup', user: 'test' }, clock },
    signal: new AbortController().signal,
    ...more,
  });

test('everything outstanding is undone, the latest first, and the run is closed', async () => {
  crashedRun('r', [inject('a', 'i1'), { type: 'injected', injection: 'i1', took: 1 }, inject('b', 'i2')]);
  mkdirSync(keepPath(state, 'r', 'i1'), { recursive: true });
  const recovery = await recover('r');
  expect(recovery).toMatchObject({ recovered: ['i2', 'i1'], failed: [], unclean: [], outcome: 'deviated' });
  expect([existsSync(at('a')), existsSync(at('b'))]).toEqual([false, false]);
  expect(types(events('r')).slice(4)).toEqual([
    ...['aborted', 'recovered', 'verified', 'recovered', 'verified', 'run-finished'],
  ]);
  expect(existsSync(join(runFolder(state, 'r'), 'keep'))).toBe(false);
  expect(needsRecovery(state, 'r')).toBe(false);
});

test('a second recovery does nothing', async () => {
  crashedRun('r', [inject('a', 'i1')]);
  await recover('r');
  const before = readFileSync(journalPath(state, 'r'), 'utf8');
  expect(await recover('r')).toMatchObject({ recovered: [], failed: [], outcome: 'deviated' });
  expect(readFileSync(journalPath(state, 'r'), 'utf8')).toBe(before);
});

test('several recoveries at a time undo each injection once', async () => {
  crashedRun('r', [inject('a', 'i1'), inject('b', 'i2')]);
  const all = await Promise.all([recover('r'), recover('r'), recover('r')]);
  expect(all.flatMap(({ recovered }) => recovered).toSorted()).toEqual(['i1', 'i2']);
  expect(events('r').filter(({ type }) => type === 'run-finished')).toHaveLength(1);
});

test('an intent whose line is torn was never injected; one that failed may have been', async () => {
  const error = { code: 'internal', message: 'x' };
  crashedRun('r', [inject('a', 'i1'), { type: 'inject-failed', injection: 'i1', error }]);
  writeFileSync(at('b'), 'not ours');
  const line = JSON.stringify({ seq: 9, at: 0, mono: 0, type: 'intent', ...intentOn(at('b'), 'i2') });
  appendFileSync(journalPath(state, 'r'), line);
  expect((await recover('r')).recovered).toEqual(['i1']);
  expect(existsSync(at('a'))).toBe(false);
  expect(readFileSync(at('b'), 'utf8')).toBe('not ours');
  expect(outstanding(events('r')).intents).toEqual([]);
});

test('a one-shot fault leaves nothing to undo', async () => {
  crashedRun('r', [inject('a', 'i1', { reversible: false })]);
  expect(await recover('r')).toMatchObject({ recovered: [], outcome: 'deviated' });
  expect(existsSync(at('a'))).toBe(true);
});

test('a target that is gone counts as recovered', async () => {
  crashedRun('r', [inject('a', 'i1', { fault: 'vanished' })]);
  rmSync(at('a'));
  expect(await recover('r')).toMatchObject({ recovered: ['i1'], failed: [], unclean: [] });
  expect(events('r').find(({ type }) => type === 'recovered')).toMatchObject({ how: 'gone' });
});

test('what fails is tried again, and does not keep the others from being undone', async () => {
  crashedRun('r', [inject('a', 'i1'), inject('b', 'i2', { fault: 'stubborn' })]);
  writeFileSync(at('b.stubborn'), '2');
  expect(await recover('r')).toMatchObject({ recovered: ['i1', 'i2'], failed: [], outcome: 'deviated' });
  expect(types(events('r')).filter((type) => type === 'recover-failed')).toHaveLength(2);
});

test('what cannot be undone stays outstanding, is said, and is tried again at the next start', async () => {
  crashedRun('r', [inject('a', 'i1', { fault: 'stubborn' })]);
  writeFileSync(at('a.stubborn'), '2');
  expect(await recover('r', { attempts: 2 })).toMatchObject({
    ...{ recovered: [], outcome: 'rollback-incomplete' },
    failed: [{ injection: 'i1', fault: 'stubborn', error: { code: 'permission-missing' } }],
  });
  const finished = events('r').at(-1);
  expect(finished).toMatchObject({ type: 'run-finished', reasons: ['i1 (stubborn) is still on: not yet'] });
  expect(needsRecovery(state, 'r')).toBe(true);
  expect(await recover('r')).toMatchObject({ recovered: ['i1'] });
  expect(needsRecovery(state, 'r')).toBe(false);
  expect(events('r').filter(({ type }) => type === 'run-finished')).toHaveLength(1);
});

test('a recover that hangs is given up', async () => {
  crashedRun('r', [inject('a', 'i1'), inject('b', 'i2', { fault: 'hanging' })]);
  expect(await recover('r', { attempts: 1, patienceMs: 100 })).toMatchObject({
    ...{ recovered: ['i1'], failed: [{ injection: 'i2' }], outcome: 'rollback-incomplete' },
  });
});

test('undone but not as before: the copies are kept, and it stays outstanding until a person accepts it', async () => {
  crashedRun('r', [inject('a', 'i1', { fault: 'dirty' })]);
  expect(await recover('r')).toMatchObject({ recovered: ['i1'], unclean: ['i1'], outcome: 'rollback-incomplete' });
  expect(existsSync(keepPath(state, 'r', 'i1'))).toBe(true);
  // It is not well until it was seen to be, or until somebody says that it is well enough.
  expect(needsRecovery(state, 'r')).toBe(true);
  const author = { role: 'recover', user: 'aiko' } as const;
  expect(await acceptRun({ state, run: 'r', author, clock })).toEqual(['i1']);
  expect(needsRecovery(state, 'r')).toBe(false);
  expect(existsSync(keepPath(state, 'r', 'i1'))).toBe(false);
});

test('an unknown fault or an undo record of another version fails alone', async () => {
  crashedRun('r', [inject('a', 'i1'), inject('b', 'i2', { fault: 'no-such' })]);
  expect(await recover('r', { attempts: 1 })).toMatchObject({
    ...{ recovered: ['i1'], failed: [{ error: { code: 'unknown-fault' } }] },
  });
});

test('rollbacks of the user run once the method began, until they succeed', async () => {
  const action = (name: string, fails = false) => ({
    name,
    action: { id: 'exec' as const, params: { path: at(name), fails } },
  });
  const rollbacks = [action('one'), action('two', true), action('three')];
  crashedRun('early', [{ type: 'phase', phase: 'before' }], deadRunner, { rollbacks });
  expect(await recover('early')).toMatchObject({ rollbacksFailed: [], outcome: 'skipped' });
  expect(existsSync(at('one'))).toBe(false);

  const author = { role: 'run', user: '' } as const;
  const done: EventBody = { type: 'rollback', index: 0, ok: true, detail: '', author };
  crashedRun('late', [{ type: 'phase', phase: 'method' }, inject('a', 'i1'), done], deadRunner, { rollbacks });
  expect(await recover('late')).toMatchObject({ rollbacksFailed: [1], outcome: 'rollback-incomplete' });
  expect(existsSync(at('one'))).toBe(false);
  expect(readFileSync(at('three'), 'utf8')).toBe('rolled back\n');
  await recover('late');
  expect(readFileSync(at('three'), 'utf8')).toBe('rolled back\n');

  crashedRun('dry', [{ type: 'phase', phase: 'method' }], deadRunner, { rollbacks, dryRun: true });
  expect(await recover('dry')).toMatchObject({ rollbacksFailed: [], outcome: 'skipped' });
});

test('all runs: the dead are recovered, the living are left alone, unless forced', async () => {
  crashedRun('dead', [inject('a', 'i1')]);
  crashedRun('otherboot', [inject('b', 'i1')], { ...ownIdentity(), bootId: '0123' });
  crashedRun('live', [inject('c', 'i1')], ownIdentity());
  mkdirSync(join(state, 'runs', 'empty'));
  const options = {
    ...{ state, catalogue: testCatalogue, author: { role: 'startup', user: '' } as const, clock },
    signal: new AbortController().signal,
  };
  const swept = await recoverAll(options);
  expect(swept.map(({ run, did }) => `${run} ${did}`)).toEqual(['otherboot recovered', 'live left', 'dead recovered']);
  expect([existsSync(at('a')), existsSync(at('b')), existsSync(at('c'))]).toEqual([false, false, true]);
  expect(await recoverAll(options)).toHaveLength(1);
  expect(await recoverAll({ ...options, force: true })).toMatchObject([{ run: 'live', did: 'recovered' }]);
  expect(existsSync(at('c'))).toBe(false);
  expect(await recoverAll({ ...options, force: true })).toEqual([]);
});

test('copies that a crash at the very end left behind are cleared away, those of an unclean run are not', async () => {
  const author = { role: 'run', user: '' } as const;
  const done: EventBody = { type: 'recovered', injection: 'i1', author, took: 1, how: 'undone' };
  const end: EventBody = { type: 'run-finished', outcome: 'held', unverified: true, reasons: [], author };
  const seen = (clean: boolean): EventBody => ({ type: 'verified', injection: 'i1', clean, detail: '' });
  for (const clean of [true, false]) {
    crashedRun(`${clean}`, [inject('a', 'i1'), done, seen(clean), end]);
    mkdirSync(keepPath(state, `${clean}`, 'i1'), { recursive: true });
  }
  const signal = new AbortController().signal;
  const by = { role: 'startup', user: '' } as const;
  expect(await recoverAll({ state, catalogue: testCatalogue, author: by, clock, signal })).toEqual([]);
  expect([true, false].map((clean) => existsSync(keepPath(state, `${clean}`, 'i1')))).toEqual([false, true]);
});

test('a catalogue is not loaded when nothing is outstanding', async () => {
  crashedRun('r', []);
  const catalogue = () => {
    throw new Error('it was loaded');
  };
  expect(await recover('r', { catalogue })).toMatchObject({ outcome: 'skipped' });
});

test('two runs at once: one holds its own lock, the other is recovered meanwhile', async () => {
  crashedRun('one', [inject('a', 'i1')]);
  crashedRun('two', [inject('b', 'i1')]);
  await withLock(runFolder(state, 'one'), runLock, async () => {
    await recover('two');
    const busy = await recover('one', { lockTimeoutMs: 20 }).catch((error: unknown) => error);
    expect(isError(busy, 'lock-busy')).toBe(true);
  });
  expect([existsSync(at('a')), existsSync(at('b'))]).toEqual([true, false]);
});

test('what is shared and cannot be had alone is lifted at once, and outstanding until it was lifted alone', async () => {
  crashedRun('r', [inject('a', 'i1', { shares: 'x' }), { type: 'injected', injection: 'i1', took: 1 }]);
  await withLock(state, 'state', async () => {
    const busy = await recover('r', { lockTimeoutMs: 50, attempts: 1 });
    expect(busy).toMatchObject({ recovered: [], failed: [{ injection: 'i1', error: { code: 'lock-busy' } }] });
    expect(busy.outcome).toBe('rollback-incomplete');
    expect(existsSync(at('a'))).toBe(false);
    // Whoever holds the lock had read before that it is on, and builds it in.
    writeFileSync(at('a'), 'on');
  });
  expect(needsRecovery(state, 'r')).toBe(true);
  expect(await recover('r')).toMatchObject({ recovered: ['i1'], failed: [] });
  expect(existsSync(at('a'))).toBe(false);
  expect(needsRecovery(state, 'r')).toBe(false);
});

test('a state folder that became read-only: undone all the same, and again later', async (ctx) => {
  if (process.getuid?.() !== 0) ctx.skip('remounting needs root');
  const disk = at('disk');
  mkdirSync(disk);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', disk]).status !== 0) ctx.skip('cannot mount');
  try {
    const journal = createJournal({ state: disk, run: 'r', clock });
    journal.append(startedBy(deadRunner));
    journal.append(inject('a', 'i1'));
    journal.close();
    spawnSync('mount', ['-o', 'remount,ro', disk]);
    expect(await recover('r', { state: disk })).toMatchObject({ recovered: ['i1'], outcome: null });
    expect(existsSync(at('a'))).toBe(false);
    expect(needsRecovery(disk, 'r')).toBe(true);
  } finally {
    spawnSync('umount', [disk]);
  }
});

test('a zombie is not alive, a later process of the same pid is another one', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const id = identityOf(child.pid as number) as ProcessIdentity;
  expect(sameProcess(id)).toBe(true);
  expect(sameProcess({ ...id, startTime: '1' })).toBe(false);
  expect(sameProcess({ ...id, bootId: 'another' })).toBe(false);
  child.kill('SIGKILL');
  await until('it is dead', () => !sameProcess(id));
  const parent = spawn('sh', ['-c', 'true & exec sleep 60'], { stdio: 'ignore' });
  try {
    const children = () => readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8').trim();
    await until('a zombie', () => {
      const zombie = Number(children());
      return zombie > 0 && / Z /.test(readFileSync(`/proc/${zombie}/stat`, 'utf8'));
    });
    const zombie = identityOf(Number(children())) as ProcessIdentity;
    expect(sameProcess(zombie)).toBe(false);
  } finally {
    parent.kill('SIGKILL');
  }
});

test('runs are listed newest first, and found by a beginning of their name', () => {
  crashedRun('20260101T000000-aaaa', [], deadRunner, { name: 'old' });
  crashedRun('20260102T000000-bbbb', [], ownIdentity(), { name: 'now' });
  const journal = openJournal({ state, run: '20260101T000000-aaaa', clock });
  const author = { role: 'run', user: '' } as const;
  journal.append({ type: 'run-finished', outcome: 'held', unverified: false, reasons: [], author });
  journal.close();
  crashedRun('20260101T000000-aabb', []);
  expect(listRuns(state).map(({ experiment, outcome }) => `${experiment} ${outcome}`)).toEqual([
    ...['now running', 'test crashed', 'old held'],
  ]);
  expect(listRuns(state, 1)).toHaveLength(1);
  expect(readRun(state, 'last').id).toBe('20260102T000000-bbbb');
  expect(resolveRun(state, '20260102')).toBe('20260102T000000-bbbb');
  expect(() => resolveRun(state, '20260101')).toThrow(/beginning of 2 runs/);
  expect(() => resolveRun(state, '2027')).toThrow(/there is no run "2027"/);
  expect(() => resolveRun(at('none'), 'last')).toThrow(/there are no runs/);
  expect(listRuns(at('none'))).toEqual([]);
});

test('what engines share: who lives, what was injected lately whatever the wall clock says', () => {
  crashedRun('dead', [{ type: 'injected', injection: 'i1', took: 1 }], deadRunner, { name: 'a' });
  crashedRun('live', [{ type: 'injected', injection: 'i1', took: 1 }], ownIdentity(), { name: 'b' });
  crashedRun('dry', [], ownIdentity(), { dryRun: true });
  const names = (list: readonly { experiment: string; type: string }[]) =>
    list.filter(({ type }) => type === 'injected').map(({ experiment }) => experiment);
  const shared = openSharedState(state, clock);
  expect(shared.liveRuns('dry')).toHaveLength(1);
  expect(shared.liveRuns('live')).toHaveLength(1);
  expect(names(shared.history(60_000)).toSorted()).toEqual(['a', 'b']);
  const jumped = openSharedState(state, { ...clock, now: () => Date.now() + 3_600_000 });
  expect(names(jumped.history(60_000)).toSorted()).toEqual(['a', 'b']);
  const later = openSharedState(state, { ...clock, mono: () => clock.mono() + 120_000 });
  expect(names(later.history(60_000))).toEqual([]);
  expect(shared.keepFolder('live', 'i1')).toBe(keepPath(state, 'live', 'i1'));
  expect(existsSync(keepPath(state, 'live', 'i1'))).toBe(true);
  expect(shared.lever()).toBeNull();
});

test('a run of another machine or pid namespace is left alone, unless forced: nothing can be seen from here', async () => {
  crashedRun('far', [inject('a', 'i1')], { ...deadRunner, place: 'another-machine/pid:[1]' });
  const author = { role: 'recover', user: 'aiko' } as const;
  const { signal } = new AbortController();
  const [swept] = await recoverAll({ state, catalogue: testCatalogue, author, clock, signal });
  expect(swept).toMatchObject({
    run: 'far',
    did: 'failed',
    error: { message: expect.stringContaining('another machine') },
  });
  expect(existsSync(at('a'))).toBe(true);
  const [forced] = await recoverAll({ state, catalogue: testCatalogue, author, clock, signal, force: true });
  expect(forced).toMatchObject({ did: 'recovered', recovery: { recovered: ['i1'] } });
});

test('a journal whose first line is damaged is still recovered, and the damage is told of', async () => {
  crashedRun('r', [inject('a', 'i1')]);
  const path = journalPath(state, 'r');
  writeFileSync(path, readFileSync(path, 'utf8').replace('{', '['));
  expect(needsRecovery(state, 'r')).toBe(true);
  expect(await recover('r')).toMatchObject({ recovered: ['i1'], damaged: [1], outcome: 'rollback-incomplete' });
  expect(existsSync(at('a'))).toBe(false);
});

test('what can never be undone can be given up on purpose, not by accident', async () => {
  crashedRun('r', [inject('a', 'i1', { fault: 'stubborn' })]);
  writeFileSync(at('a.stubborn'), '9');
  expect(await recover('r', { attempts: 1 })).toMatchObject({ failed: [{ injection: 'i1' }] });
  const author = { role: 'recover', user: 'aiko' } as const;
  expect(await acceptRun({ state, run: 'r', author, clock })).toEqual([]);
  expect(needsRecovery(state, 'r')).toBe(true);
  expect(await acceptRun({ state, run: 'r', author, clock, all: true })).toEqual(['i1']);
  expect(needsRecovery(state, 'r')).toBe(false);
});
