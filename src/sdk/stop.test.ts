import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock as clock } from '../core/clock.ts';
import type { EventBody, ProcessIdentity } from '../core/events.ts';
import { intentOn, startedBy, testCatalogue } from '../journal/fixtures/catalogue.ts';
import { temporaryFolder, until } from '../journal/fixtures/fixtures.ts';
import { identityOf, ownIdentity } from '../journal/identity.ts';
import { createJournal, type FileJournal } from '../journal/journal.ts';
import { readLever } from '../journal/lever.ts';
import { readRun } from '../journal/runs.ts';
import { openEngine } from './engine.ts';

let state = '';
let remove = () => {};
const children: ReturnType<typeof spawn>[] = [];
beforeEach(() => {
  ({ folder: state, remove } = temporaryFolder());
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  remove();
});

const engine = () => openEngine({ state, catalogue: testCatalogue });
const gone: ProcessIdentity = { ...ownIdentity(), pid: 4194303, startTime: '1' };
const at = (name: string) => join(state, name);

/** A run that has injected `fault` on a file of this name. */
function begun(run: string, runner = gone, fault = 'marker'): FileJournal {
  writeFileSync(at(run), 'on');
  const journal = createJournal({ state, run, clock });
  journal.append({ ...startedBy(runner), run } as EventBody);
  journal.append({ type: 'intent', ...intentOn(at(run), 'i1', { fault }) });
  return journal;
}

/** A process that lives, and knows nothing of runs. */
async function bystander(): Promise<ProcessIdentity> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  return identityOf(child.pid) ?? gone;
}

test('crashed runs are recovered, and named', async () => {
  begun('a').close();
  begun('b').close();
  expect(await engine().stop('enough', 'ann')).toEqual({ stopped: ['b', 'a'], outstanding: [], leverError: null });
  expect([existsSync(at('a')), existsSync(at('b'))]).toEqual([false, false]);
  expect(readLever(state)).toMatchObject({ reason: 'enough', by: 'ann' });
});

test('a recovery that fails is said, and the others are done', async () => {
  begun('a').close();
  begun('b', gone, 'stubborn').close();
  writeFileSync(at('b.stubborn'), '1000');
  const { stopped, outstanding } = await engine().stop('enough', 'ann');
  expect(stopped).toEqual(['a']);
  expect(outstanding).toEqual(['b: i1 (stubborn) is still on: not yet']);
  begun('c', gone, 'dirty').close();
  expect((await engine().stop('enough', 'ann')).outstanding).toContain(
    'c: i1 was undone, but the target is not as it was before',
  );
});

test('the crashed do not wait for those that live', async () => {
  const live = begun('live', await bystander());
  begun('crashed').close();
  const stopping = engine().stop('enough', 'ann');
  await until('the crashed one is recovered', () => !existsSync(at('crashed')));
  expect(existsSync(at('live'))).toBe(true);
  live.append({ type: 'recovered', injection: 'i1', author: { role: 'run', user: '' }, took: 1, how: 'undone' });
  live.append({
    ...{ type: 'run-finished', outcome: 'deviated', unverified: true, reasons: [] },
    author: { role: 'run', user: '' },
  });
  live.close();
  expect(await stopping).toMatchObject({ stopped: ['live', 'crashed'], outstanding: [] });
});

test('without a lever everything is recovered all the same, at once, and it is said', async () => {
  begun('live', await bystander()).close();
  begun('crashed').close();
  // A draft that cannot be removed stands in for a file system that takes no link.
  mkdirSync(at(`stop.json.${process.pid}.draft/x`), { recursive: true });
  const { stopped, outstanding, leverError } = await engine().stop('enough', 'ann');
  expect(leverError).toContain('the stop lever');
  expect({ stopped, outstanding }).toEqual({ stopped: ['live', 'crashed'], outstanding: [] });
  expect([existsSync(at('live')), existsSync(at('crashed'))]).toEqual([false, false]);
  expect(readRun(state, 'live').events.at(-1)).toMatchObject({ type: 'run-finished' });
});

test('nothing that others may have written is believed', async () => {
  begun('a').close();
  for (const folder of ['', 'runs']) {
    chmodSync(at(folder), 0o777);
    const refused = { code: 'state-unwritable', message: expect.stringContaining('other users can write') };
    await expect(engine().recoverAll('recover', 'ann')).rejects.toMatchObject(refused);
    await expect(engine().recoverRun('a', 'ann')).rejects.toMatchObject(refused);
    await expect(engine().stop('enough', 'ann')).rejects.toMatchObject(refused);
    chmodSync(at(folder), 0o700);
  }
  expect(existsSync(at('a'))).toBe(true);
  expect(await engine().recoverAll('recover', 'ann')).toMatchObject([{ did: 'recovered' }]);
});

test('root does not carry out what another user has written down', async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root');
  begun('a').close();
  for (const folder of ['', 'runs']) {
    chownSync(at(folder), 12345, 12345);
    const refused = {
      code: 'state-unwritable',
      message: expect.stringContaining('belongs to another user (uid 12345)'),
      hint: expect.stringContaining("sudo -u '#12345'"),
    };
    await expect(engine().recoverAll('recover', 'ann')).rejects.toMatchObject(refused);
    await expect(engine().recoverRun('a', 'ann')).rejects.toMatchObject(refused);
    await expect(engine().stop('enough', 'ann')).rejects.toMatchObject(refused);
    chownSync(at(folder), 0, 0);
  }
  expect(existsSync(at('a'))).toBe(true);
});
