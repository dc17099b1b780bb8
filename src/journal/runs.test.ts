import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock as clock } from '../core/clock.ts';
import type { EventBody } from '../core/events.ts';
import { intentOn, startedBy, testCatalogue } from './fixtures/catalogue.ts';
import { temporaryFolder } from './fixtures/fixtures.ts';
import { ownIdentity } from './identity.ts';
import { createJournal } from './journal.ts';
import { recoverRun } from './recover.ts';
import { hasRun, listRuns, runSummary } from './runs.ts';

let state = '';
let remove = () => {};
beforeEach(() => {
  ({ folder: state, remove } = temporaryFolder());
});
afterEach(() => remove());

test('an incomplete rollback that a later recovery has made good is shown so', async () => {
  const target = join(state, 'target');
  writeFileSync(target, 'on');
  writeFileSync(`${target}.stubborn`, '1');
  const journal = createJournal({ state, run: 'r', clock });
  journal.append({ ...startedBy({ ...ownIdentity(), pid: 4194303, startTime: '1' }), run: 'r' } as EventBody);
  journal.append({ type: 'intent', ...intentOn(target, 'i1', { fault: 'stubborn' }) });
  journal.close();
  const signal = new AbortController().signal;
  const author = { role: 'recover', user: 'ann' } as const;
  const recover = () => recoverRun({ state, run: 'r', catalogue: testCatalogue, author, clock, signal, attempts: 1 });
  expect(runSummary(state, 'r')).toMatchObject({ outcome: 'crashed', recoveredLater: false });
  await recover();
  expect(listRuns(state)).toMatchObject([{ outcome: 'rollback-incomplete', recoveredLater: false }]);
  await recover();
  expect(listRuns(state)).toMatchObject([{ outcome: 'rollback-incomplete', recoveredLater: true }]);
});

test('only a folder with a journal is a run', () => {
  mkdirSync(join(state, 'runs', 'empty'), { recursive: true });
  expect([hasRun(state, 'empty'), hasRun(state, 'none'), hasRun(state, '')]).toEqual([false, false, false]);
  expect(runSummary(state, 'none')).toBeUndefined();
});
