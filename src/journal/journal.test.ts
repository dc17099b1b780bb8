import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { isError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { intentOn, startedBy } from './fixtures/catalogue.ts';
import { buildFixture, start, temporaryFolder } from './fixtures/fixtures.ts';
import { ownIdentity } from './identity.ts';
import { createJournal, openJournal } from './journal.ts';
import { firstEvent, lastEvent, scanJournal } from './scan.ts';
import { journalPath, newRunId, openState, runFolder, stateFolder } from './state.ts';

let folder = '';
let remove = () => {};
const run = '20260101T000000-abcd';
const options = () => ({ state: folder, run, clock: systemClock });
const warning = (message: string) => ({ type: 'warning', message }) as const;
const messages = (events: readonly object[]) => events.map((event) => (event as { message?: string }).message);
beforeEach(() => {
  ({ folder, remove } = temporaryFolder());
});
afterEach(() => remove());

test('events come back as they were appended, numbered and timed', () => {
  const journal = createJournal(options());
  journal.append(startedBy(ownIdentity()), { durable: true });
  journal.append(warning('åäö 座敷\n童子'));
  const events = journal.read();
  expect(events.map((event) => [event.seq, event.type])).toEqual([
    [1, 'run-started'],
    [2, 'warning'],
  ]);
  expect(messages(events)[1]).toBe('åäö 座敷\n童子');
  expect(readFileSync(journal.path, 'utf8').split('\n')).toHaveLength(3);
  expect(statSync(runFolder(folder, run)).mode & 0o777).toBe(0o700);
  expect(statSync(journal.path).mode & 0o777).toBe(0o600);
  journal.close();
});

test('what another process appends is seen, and known to be not ours', () => {
  const ours = createJournal(options());
  ours.append(warning('a'));
  expect(ours.overtaken()).toBe(false);
  const theirs = openJournal(options());
  theirs.append(warning('b'));
  expect(theirs.overtaken()).toBe(false);
  expect(ours.overtaken()).toBe(true);
  expect(messages(ours.read())).toEqual(['a', 'b']);
  ours.append(warning('c'));
  expect(ours.overtaken()).toBe(true);
  expect(theirs.overtaken()).toBe(true);
  expect(() => ours.append({ type: 'intent', ...intentOn('/x', 'i1') })).toThrow('taken over');
  expect(messages(theirs.read())).toEqual(['a', 'b', 'c']);
  ours.close();
  theirs.close();
});

test('an event cut anywhere is passed over, and the next one is not glued to it', () => {
  const journal = createJournal(options());
  journal.append(warning('whole'));
  const whole = statSync(journal.path).size;
  journal.append(warning('cut'));
  const full = statSync(journal.path).size;
  journal.close();
  const bytes = readFileSync(journal.path);
  for (let size = whole; size < full; size++) {
    rmSync(journal.path);
    appendFileSync(journal.path, bytes.subarray(0, size), { mode: 0o600 });
    expect(scanJournal(journal.path)).toMatchObject({ torn: size > whole, damaged: [] });
    expect(messages(scanJournal(journal.path).events)).toEqual(['whole']);
    const next = openJournal(options());
    expect(next.append(warning('next')).seq).toBe(2);
    expect(next.overtaken()).toBe(false);
    next.append(warning('last'));
    expect(messages(next.read())).toEqual(['whole', 'next', 'last']);
    next.close();
    expect(scanJournal(journal.path).torn).toBe(false);
  }
});

test('lines of rubbish are named and passed over', () => {
  const journal = createJournal(options());
  journal.append(warning('a'));
  appendFileSync(journal.path, '\0\0\0\0\n[1]\nnull\n');
  journal.append(warning('b'));
  expect(scanJournal(journal.path).damaged).toEqual([2, 3, 4]);
  expect(messages(journal.read())).toEqual(['a', 'b']);
  journal.close();
});

test('both ends are read without the middle', () => {
  const journal = createJournal(options());
  journal.append(warning(`first ${'x'.repeat(50_000)}`));
  for (let index = 0; index < 2000; index++) journal.append(warning(`number ${index}`));
  expect(messages([firstEvent(journal.path) ?? {}])[0]).toMatch(/^first x+$/);
  expect(lastEvent(journal.path, 'warning')).toMatchObject({ message: 'number 1999' });
  expect(lastEvent(journal.path, 'run-finished')).toBeUndefined();
  const author = { role: 'run', user: '' } as const;
  journal.append({ type: 'run-finished', outcome: 'held', unverified: false, reasons: [], author });
  const undo = { list: [{ type: 'run-finished' }], text: '"type":"run-finished"' };
  journal.append({ type: 'intent', ...intentOn('/x', 'i1', { undo }) });
  expect(lastEvent(journal.path, 'run-finished')).toMatchObject({ seq: 2002 });
  for (let size = 0; size < 10_000; size += 500) journal.append(warning('y'.repeat(500)));
  expect(lastEvent(journal.path, 'run-finished')).toMatchObject({ seq: 2002 });
  for (let size = 0; size < 10_000; size += 500) journal.append(warning('y'.repeat(500)));
  expect(lastEvent(journal.path, 'run-finished')).toBeUndefined();
  journal.close();
});

test('listeners hear each event; one that throws is told of and left out', () => {
  const journal = createJournal(options());
  const heard: string[] = [];
  let calls = 0;
  journal.subscribe(() => {
    calls++;
    throw new Error('broken reader');
  });
  const stop = journal.subscribe((event) => heard.push(event.type));
  journal.append({ type: 'phase', phase: 'before' });
  journal.append({ type: 'phase', phase: 'method' });
  stop();
  journal.append({ type: 'phase', phase: 'done' });
  expect(calls).toBe(1);
  expect(heard.toSorted()).toEqual(['phase', 'phase', 'warning']);
  expect(messages(journal.read())).toContain('a reader of the events failed and was left out: broken reader');
  journal.close();
});

test('a clock that jumps changes `at` alone', () => {
  let now = 1_000_000;
  let mono = 0;
  const clock: Clock = { now: () => (now -= 50_000), mono: () => (mono += 10), sleep: async () => {} };
  const journal = createJournal({ ...options(), clock });
  const events = [1, 2, 3].map((index) => journal.append(warning(String(index))));
  expect(events.map((event) => event.seq)).toEqual([1, 2, 3]);
  expect(events.map((event) => event.mono)).toEqual([10, 20, 30]);
  expect(messages(journal.read())).toEqual(['1', '2', '3']);
  journal.close();
});

test('a run is made once', () => {
  createJournal(options()).close();
  const again = () => createJournal(options());
  expect(again).toThrow(/cannot write the journal/);
  expect(existsSync(journalPath(folder, run))).toBe(true);
});

test('a journal that was deleted or closed takes no intent', () => {
  const journal = createJournal(options());
  rmSync(runFolder(folder, run), { recursive: true });
  const append = () => journal.append({ type: 'intent', ...intentOn('/x', 'i1') }, { durable: true });
  expect(append).toThrow(/it was deleted/);
  journal.close();
  expect(append).toThrow(/it is closed/);
});

test('a file size limit: the event is refused, no half line stays, the rest is whole', async (ctx) => {
  const program = await buildFixture('filler', folder);
  const child = start(program, [folder, run]);
  expect(await child.ended).toBe(0);
  if (child.lines[0] === 'no prlimit') ctx.skip('prlimit (util-linux) is not installed');
  expect(child.lines.at(-1)).toMatch(/^state-unwritable .*cannot write the journal/);
  const { events, torn, damaged } = scanJournal(journalPath(folder, run));
  expect({ torn, damaged }).toEqual({ torn: false, damaged: [] });
  expect(events.length).toBe(Number(child.lines[0]));
});

test('a full disk: no intent is written, but the end of the run is', (ctx) => {
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', disk]);
  if (mounted.status !== 0) ctx.skip('mounting a small disk needs root');
  try {
    const journal = createJournal({ ...options(), state: disk });
    let written = 0;
    const fill = () => {
      for (;;) {
        journal.append({ type: 'intent', ...intentOn(`/${'x'.repeat(1000)}`, `i${written}`) }, { durable: true });
        written++;
      }
    };
    expect(fill).toThrow(/no space left|were written/i);
    expect(written).toBeGreaterThan(10);
    expect(scanJournal(journal.path)).toMatchObject({ torn: false, damaged: [] });
    expect(journal.read()).toHaveLength(written);
    const author = { role: 'run', user: 'x' } as const;
    for (let index = 0; index < written; index++) {
      journal.append({ type: 'recovered', injection: `i${index}`, author, took: 1, how: 'undone' }, { durable: true });
    }
    journal.append({ type: 'run-finished', outcome: 'deviated', unverified: true, reasons: [], author });
    expect(journal.read()).toHaveLength(2 * written + 1);
    journal.close();
  } finally {
    spawnSync('umount', [disk]);
  }
});

test('a read-only state folder: said so, with the fix', (ctx) => {
  const state = join(folder, 'state');
  if (process.getuid?.() === 0) {
    mkdirSync(state);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', state]);
    if (mounted.status !== 0) ctx.skip('root may not mount here');
  } else {
    mkdirSync(state, { mode: 0o500 });
  }
  try {
    for (const open of [() => openState(state), () => createJournal({ ...options(), state })]) {
      let error: unknown;
      try {
        open();
      } catch (thrown) {
        error = thrown;
      }
      expect(isError(error, 'state-unwritable')).toBe(true);
      expect((error as Error).message).toContain(state);
      expect((error as { hint: string }).hint).toMatch(/make .* writable.*ZASHIKI_STATE/);
    }
  } finally {
    if (process.getuid?.() === 0) spawnSync('umount', [state]);
    else chmodSync(state, 0o700);
  }
});

test('the state folder: where it is, its mode, and who else may write', () => {
  expect(stateFolder({ ZASHIKI_STATE: '/x' }, 0)).toBe('/x');
  expect(stateFolder({}, 0)).toBe('/var/lib/zashiki');
  expect(stateFolder({ XDG_STATE_HOME: '/s', HOME: '/h' }, 1000)).toBe('/s/zashiki');
  expect(stateFolder({ HOME: '/h' }, 1000)).toBe('/h/.local/state/zashiki');
  const state = join(folder, 'a', 'b');
  expect(openState(state)).toBe(state);
  expect(statSync(state).mode & 0o777).toBe(0o700);
  expect(openState(state)).toBe(state);
  chmodSync(state, 0o777);
  expect(() => openState(state)).toThrow(/other users can write/);
});

test('a run id tells the time and sorts by it', () => {
  const idAt = (ms: number, draw: (n: number) => number) =>
    newRunId({ now: () => Date.UTC(2026, 10, 21, 7, 15, 0, ms) }, { below: draw });
  expect(idAt(999, (n) => n - 1)).toBe('20261121T071500-rrzzz');
  expect(idAt(7, (n) => n - 1) < idAt(8, () => 0)).toBe(true);
});

test('a journal that shrank is not written to as if nothing had happened', () => {
  const journal = createJournal(options());
  journal.append(warning('a'));
  truncateSync(journal.path, 0);
  // Nobody has cleaned up: whoever has the undo records in memory goes on with that, but injects nothing more.
  expect(journal.overtaken()).toBe(false);
  const intent = { type: 'intent', ...intentOn('x', 'i1') } as const;
  expect(() => journal.append(intent)).toThrow(/cut off its end/);
  journal.close();
});
