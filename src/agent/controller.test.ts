import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { outstanding } from '../journal/outstanding.ts';
import { runIds } from '../journal/runs.ts';
import { scanJournal } from '../journal/scan.ts';
import { journalPath } from '../journal/state.ts';
import { openEngine } from '../sdk/engine.ts';
import { makeCertificates } from './certs.ts';
import { eventually, reapersOf, startAgent, startVictim, testFolder } from './testing.ts';

const program = resolve(import.meta.dirname, '../../dist/cli/main.cjs');

/** `zashiki run` of one pause by an agent, on a state folder of its own. */
function runThrough(folder: string, agent: object, pid: number, duration: string) {
  const file = join(folder, 'experiment.yaml');
  const step = { fault: 'process-pause', target: { host: { agent, pid } }, duration };
  const document = {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Experiment',
    metadata: { name: 'remote' },
    spec: { method: [step] },
  };
  writeFileSync(file, stringify(document));
  const state = join(folder, 'controller');
  const child = spawn(process.execPath, [program, 'run', file, '--yes', '--state', state], {
    stdio: 'ignore',
    cwd: '/',
  });
  const ended = new Promise<number | string>((done) =>
    child.once('exit', (code, signal) => done(code ?? signal ?? '')),
  );
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    for (const reaper of reapersOf(state)) process.kill(reaper, 'SIGKILL');
  });
  return { child, state, ended };
}

const eventsOf = (state: string) => runIds(state).flatMap((run) => scanJournal(journalPath(state, run)).events);

/** Ends a controller as a machine ends that loses its power. */
async function pullPlug({ child, state, ended }: ReturnType<typeof runThrough>): Promise<void> {
  const reapers = reapersOf(state);
  child.kill('SIGKILL');
  for (const reaper of reapers) process.kill(reaper, 'SIGKILL');
  await ended;
}

test('zashiki run by an agent over mutual TLS: a plain run, with the same verdict and exit code', async () => {
  const folder = testFolder();
  const tls = join(folder, 'tls');
  await makeCertificates(tls);
  const agent = await startAgent(folder, { listen: ['127.0.0.1:0'], args: ['--tls-dir', tls] });
  const victim = await startVictim();
  const run = runThrough(folder, { url: agent.url, tls }, victim.pid, '300ms');
  expect(await run.ended).toBe(0);
  expect(victim.paused()).toBe(false);
  const events = eventsOf(run.state);
  expect(events.find(({ type }) => type === 'observed')).toMatchObject({ real: true });
  expect(events.find(({ type }) => type === 'verified')).toMatchObject({ clean: true });
  const intent = events.find((event) => event.type === 'intent');
  // Two machines may have processes of one number: what is held says whose it is. No secret is in there.
  expect(intent?.claims?.[0]).toMatch(/^127\.0\.0\.1:\d+: process-pause on host/);
  expect(JSON.stringify(events)).not.toMatch(/PRIVATE KEY|BEGIN CERT/);
});

test('the controller is killed with -9: its reaper recovers through the agent', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  const victim = await startVictim();
  const run = runThrough(folder, { url: agent.url }, victim.pid, '1h');
  await eventually(() => victim.paused(), 'it is on');
  run.child.kill('SIGKILL');
  await eventually(() => !victim.paused(), 'it is off');
  await eventually(() => eventsOf(run.state).some(({ type }) => type === 'run-finished'), 'the run is closed');
  expect(eventsOf(agent.state).filter(({ type }) => type === 'recovered')).toMatchObject([
    { author: { user: 'local' } },
  ]);
});

test('the controller and its reaper are killed: the lease runs out; the next start closes the run', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  const victim = await startVictim();
  const run = runThrough(folder, { url: agent.url, lease: '2s' }, victim.pid, '1h');
  await eventually(() => victim.paused(), 'it is on');
  await pullPlug(run);
  await eventually(() => !victim.paused(), 'the lease is over');
  expect(eventsOf(agent.state).filter(({ type }) => type === 'recovered')).toMatchObject([
    { author: { role: 'daemon', user: 'agent: lease' } },
  ]);
  await openEngine({ state: run.state }).recoverAll('startup', 'test');
  const left = outstanding(eventsOf(run.state));
  expect(left.intents).toEqual([]);
  expect(left.finished?.outcome).toBe('deviated');
});

test('everybody is killed: the agent recovers when it starts, and both journals come to an end', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  const victim = await startVictim();
  const run = runThrough(folder, { url: agent.url }, victim.pid, '1h');
  await eventually(() => victim.paused(), 'it is on');
  await pullPlug(run);
  await agent.kill({ reapers: true });
  await eventually(() => victim.paused(), 'it is paused');
  await startAgent(folder);
  expect(victim.paused()).toBe(false);
  await openEngine({ state: run.state }).recoverAll('startup', 'test');
  for (const state of [run.state, agent.state]) expect(outstanding(eventsOf(state)).intents).toEqual([]);
});

test('the agent is away when the run has to recover: it is waited for, and the run says so when it stays away', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  const victim = await startVictim();
  const run = runThrough(folder, { url: agent.url }, victim.pid, '1500ms');
  await eventually(() => victim.paused(), 'it is on');
  await agent.kill({ reapers: true });
  // Gone for the whole of the run: what was not seen to be off is not called off.
  expect(await run.ended).toBe(3);
  expect(outstanding(eventsOf(run.state)).intents).toHaveLength(1);
  await startAgent(folder);
  await eventually(() => outstanding(eventsOf(run.state)).intents.length === 0, 'the reaper has gone on');
  expect(victim.paused()).toBe(false);
});
