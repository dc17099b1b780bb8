import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { journalPath } from '../journal/state.ts';
import { agentApi } from '../remote/index.ts';
import {
  aim,
  contextFor,
  eventually,
  injectAndForget,
  post,
  startAgent,
  startVictim,
  story,
  testFolder,
} from './testing.ts';

const pause = { fault: 'process-pause', params: {} };

test('kill -9 of the agent: its reaper undoes at once', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { target } = await aim(agent.transport, { pid: victim.pid });
  await injectAndForget(agent.transport, target, pause);
  await agent.kill();
  await eventually(() => !victim.paused(), 'the victim runs again');
  await eventually(() => story(agent.state).includes('run-finished'), 'the run is closed');
});

test('kill -9 of the agent and its reaper: the next start undoes it before it listens; the controller is told', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  const victim = await startVictim();
  const { agent: on, target } = await aim(agent.transport, { pid: victim.pid });
  const undo = await injectAndForget(agent.transport, target, pause);
  await agent.kill({ reapers: true });
  await eventually(() => victim.paused(), 'it is paused');
  await startAgent(folder);
  expect(victim.paused()).toBe(false);
  expect(await on.observe(pause, undo, contextFor())).toEqual({
    yes: false,
    ended: true,
    detail: expect.stringContaining('no memory'),
  });
  await on.recover('process-pause', undo, contextFor());
  expect(await on.verify('process-pause', undo, contextFor())).toMatchObject({ yes: true });
});

test('the disk of the agent is lost: the undo record that the controller has is enough', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  const victim = await startVictim();
  const { agent: on, target } = await aim(agent.transport, { pid: victim.pid });
  // A fault whose original is in the record alone. A lower nice can be set back by CAP_SYS_NICE alone.
  const isRoot = process.getuid?.() === 0;
  const params = isRoot ? { nice: 6 } : { ioClass: 'idle' };
  const undo = await injectAndForget(agent.transport, target, { fault: 'process-priority', params });
  await agent.kill({ reapers: true });
  rmSync(agent.state, { recursive: true });
  await startAgent(folder);
  expect(victim.nice()).toBe(isRoot ? 6 : 0);
  expect(await on.verify('process-priority', undo, contextFor())).toMatchObject({ yes: false });
  await on.recover('process-priority', undo, contextFor());
  expect(victim.nice()).toBe(0);
  expect(await on.verify('process-priority', undo, contextFor())).toMatchObject({ yes: true });
});

test('killed between plan and inject: the late inject is refused, nothing is on', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  const victim = await startVictim();
  const { target } = await aim(agent.transport, { pid: victim.pid });
  const { platform, id, name, identity } = target;
  const planned = await post(agent.transport, '/v1/plan', {
    ...{ target: { ref: { platform, id, name, identity } }, ...pause, tag: 'late.i1', ttl: null },
  });
  await agent.kill({ reapers: true });
  const next = await startAgent(folder);
  const late = await next.transport('/v1/inject', { ...planned, ...pause, ttl: null, lease: 30_000 });
  expect(late).toMatchObject({ status: 409, body: { error: { code: 'refused' } } });
  expect(victim.paused()).toBe(false);
});

test('a second agent on one state folder is refused', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  await expect(startAgent(folder, { listen: [`unix:${folder}/other.sock`] })).rejects.toThrow(
    /is running with the state folder/,
  );
  expect(agent.child.exitCode).toBeNull();
});

test('somebody recovers by hand on the node: the agent notices, and takes new faults', async () => {
  const { openEngine } = await import('../sdk/engine.ts');
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { agent: on, target } = await aim(agent.transport, { pid: victim.pid });
  const undo = await injectAndForget(agent.transport, target, pause);
  await openEngine({ state: agent.state }).recoverAll('recover', 'somebody', { force: true });
  expect(victim.paused()).toBe(false);
  await eventually(async () => !(await on.observe(pause, undo, contextFor())).yes, 'the agent says that it is off');
  await injectAndForget(agent.transport, target, pause, { tag: 'new.i1' });
  await eventually(() => victim.paused(), 'it is paused');
  const { injections } = await agentApi(agent.transport, 'node').status();
  expect(injections).toHaveLength(1);
});

test('the stop lever on the node ends what is on and lets nothing on', async () => {
  const { openEngine } = await import('../sdk/engine.ts');
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { agent: on, target } = await aim(agent.transport, { pid: victim.pid });
  await injectAndForget(agent.transport, target, pause);
  const engine = openEngine({ state: agent.state });
  const stopped = await engine.stop('enough', 'somebody');
  expect(stopped.outstanding).toEqual([]);
  expect(victim.paused()).toBe(false);
  await expect(on.plan(pause, contextFor())).rejects.toMatchObject({ message: expect.stringContaining('stop lever') });
  await engine.release('somebody');
  await on.plan(pause, contextFor());
});

test('the machine has another name and was started again since: what was left is recovered all the same', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  const victim = await startVictim();
  const { target } = await aim(agent.transport, { pid: victim.pid });
  const { agent: planned } = await injectAndForget(agent.transport, target, pause);
  await agent.kill({ reapers: true });
  // As a pod of another name has it, on a node that was booted again.
  const path = journalPath(agent.state, planned.run);
  const [first = '', ...rest] = readFileSync(path, 'utf8').split('\n');
  const started = JSON.parse(first) as { runner: object };
  const runner = { ...started.runner, place: 'agent-x7k2p/pid:[1]', bootId: '00000000-0000-0000-0000-000000000000' };
  writeFileSync(path, [JSON.stringify({ ...started, runner }), ...rest].join('\n'));
  await eventually(() => victim.paused(), 'it is still on');
  await startAgent(folder);
  expect(victim.paused()).toBe(false);
});

test('an agent that is stopped, or hangs: its reaper takes over; awake again it says so, and goes on', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { agent: on, target } = await aim(agent.transport, { pid: victim.pid });
  const undo = await injectAndForget(agent.transport, target, pause, { lease: 600_000 });
  await eventually(() => victim.paused(), 'it is on');
  agent.child.kill('SIGSTOP');
  await eventually(() => !victim.paused(), 'the reaper has taken over', 80_000);
  await eventually(() => story(agent.state).includes('run-finished'), 'the run is closed');
  agent.child.kill('SIGCONT');
  await eventually(async () => !(await on.observe(pause, undo, contextFor())).yes, 'the agent says that it is off');
  expect(await on.observe(pause, undo, contextFor())).toMatchObject({
    detail: expect.stringContaining('by the reaper'),
  });
  const again = await injectAndForget(agent.transport, target, pause, { tag: 'again.i1' });
  expect(again.agent.run).not.toBe(undo.agent.run);
  await eventually(() => victim.paused(), 'it is on');
}, 180_000);
