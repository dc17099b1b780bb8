import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemClock as clock } from '../core/clock.ts';
import { intentOn, startedBy } from './fixtures/catalogue.ts';
import { ownIdentity } from './identity.ts';
import { createJournal } from './journal.ts';
import { openSharing } from './sharing.ts';

const state = mkdtempSync(join(tmpdir(), 'zashiki-sharing-'));
afterAll(() => rmSync(state, { recursive: true, force: true }));

const author = { role: 'run', user: '' } as const;
const runs = ['20260101T000000-aaaa', '20260101T000000-bbbb'] as const;

test('siblings are what is on now, of every run, oldest first, without the one that asks', () => {
  const [one, two] = runs.map((run) => createJournal({ state, run, clock })) as [Journal, Journal];
  const sharing = openSharing(state, clock);
  const names = (except = { run: 'none', injection: 'i1' }) => sharing.siblings('net:1', except);
  const begin = (journal: Journal, injection: string, shares: string, undo: string) => {
    journal.append({ type: 'intent', ...intentOn('/nowhere', injection), shares, undo });
  };
  const on = (journal: Journal, injection: string) => journal.append({ type: 'injected', injection, took: 1 });

  for (const journal of [one, two]) journal.append(startedBy(ownIdentity()));
  begin(one, 'i1', 'net:1', 'a');
  expect(names()).toEqual([]);
  on(one, 'i1');
  begin(two, 'i1', 'net:1', 'b');
  begin(two, 'i2', 'net:2', 'c');
  on(two, 'i1');
  on(two, 'i2');
  expect(names()).toEqual(['a', 'b']);
  expect(names({ run: runs[0], injection: 'i1' })).toEqual(['b']);
  one.append({ type: 'recovered', injection: 'i1', author, took: 1, how: 'undone' });
  expect(names()).toEqual(['b']);
  for (const journal of [one, two]) journal.close();
});

test('a state folder has one owner id for good, and another folder has another', () => {
  const { owner } = openSharing(state, clock);
  expect(owner).toMatch(/^[0-9a-f]{8}$/);
  expect(openSharing(state, clock).owner).toBe(owner);
  const other = mkdtempSync(join(tmpdir(), 'zashiki-sharing-'));
  expect(openSharing(other, clock).owner).not.toBe(owner);
  rmSync(other, { recursive: true });
});

type Journal = ReturnType<typeof createJournal>;
