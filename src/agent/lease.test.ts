import { expect, test } from 'vitest';
import { agentApi, type Transport } from '../remote/index.ts';
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

test('a whole injection: on, seen, off, and both sides have it on record', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { agent: on } = await aim(agent.transport, { pid: victim.pid });
  const context = contextFor();
  const undo = await on.plan(pause, context);
  expect(undo.agent).toMatchObject({ name: 'node', injection: context.tag, target: { id: `pid:${victim.pid}` } });
  expect(victim.paused()).toBe(false);
  await on.inject(pause, undo, context);
  await eventually(() => victim.paused(), 'it is paused');
  expect(await on.observe(pause, undo, context)).toMatchObject({ yes: true });
  const { injections } = await agentApi(agent.transport, 'node').status();
  expect(injections).toMatchObject([{ injection: context.tag, fault: 'process-pause', phase: 'on', by: 'local' }]);
  await on.recover('process-pause', undo, context);
  expect(victim.paused()).toBe(false);
  expect(await on.verify('process-pause', undo, context)).toMatchObject({ yes: true });
  // Twice is as good as once.
  await on.recover('process-pause', undo, context);
  expect(await on.observe(pause, undo, context)).toMatchObject({ yes: false });
  expect(story(agent.state).filter((type) => type !== 'warning')).toEqual([
    ...['run-started', 'reaper-started', 'intent', 'injected', 'recovered', 'verified'],
  ]);
});

test('a controller that is gone: the lease runs out, the agent recovers by itself and says so', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { agent: on, target } = await aim(agent.transport, { pid: victim.pid });
  const undo = await injectAndForget(agent.transport, target, pause, { lease: 3000 });
  await eventually(() => victim.paused(), 'it is paused');
  await eventually(() => !victim.paused(), 'the victim runs again');
  const seen = await on.observe(pause, undo, contextFor());
  expect(seen).toEqual({ yes: false, ended: true, detail: expect.stringContaining('its lease ran out') });
  // Too late for a renewal, and for an inject that was on its way.
  const { run, injection } = undo.agent;
  expect(await agentApi(agent.transport, 'node').lease([{ run, injection }], 30_000)).toEqual([]);
  const { name: _, ...bare } = undo.agent;
  const again = await agent.transport('/v1/inject', { ...bare, ...pause, ttl: null, lease: 30_000 });
  expect(again).toMatchObject({
    status: 409,
    body: { error: { code: 'refused', message: expect.stringContaining('lease') } },
  });
  expect(victim.paused()).toBe(false);
  // What the controller does when it is back finds all in order.
  await on.recover('process-pause', undo, contextFor());
  expect(await on.verify('process-pause', undo, contextFor())).toMatchObject({ yes: true });
});

test('an inject that comes again renews the lease: another controller has taken over', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { target } = await aim(agent.transport, { pid: victim.pid });
  const { agent: planned } = await injectAndForget(agent.transport, target, pause, { lease: 10_000 });
  const leftMs = async () => {
    const { injections } = await agentApi(agent.transport, 'node').status();
    return (injections as readonly { leaseLeftMs: number }[])[0]?.leaseLeftMs ?? 0;
  };
  expect(await leftMs()).toBeLessThanOrEqual(10_000);
  const { name: _, ...bare } = planned;
  await post(agent.transport, '/v1/inject', { ...bare, ...pause, ttl: null, lease: 60_000 });
  expect(await leftMs()).toBeGreaterThan(10_000);
  // Never shorter: whoever put it on may still renew it.
  await post(agent.transport, '/v1/inject', { ...bare, ...pause, ttl: null, lease: 1000 });
  expect(await leftMs()).toBeGreaterThan(10_000);
});

test('a client that lives renews the lease; one heartbeat ends when another client recovers', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { agent: on, target } = await aim(agent.transport, { pid: victim.pid }, 1500);
  const context = contextFor();
  const undo = await on.plan(pause, context);
  await on.inject(pause, undo, context);
  const leases = async () => {
    const { injections } = await agentApi(agent.transport, 'node').status();
    return (injections as readonly { leaseLeftMs: number }[]).map(({ leaseLeftMs }) => leaseLeftMs);
  };
  // It comes near its end, and is long again: several times over, so that the first lease would be over.
  for (let round = 0; round < 5; round++) {
    await eventually(async () => ((await leases())[0] ?? 0) < 1200, 'the lease has run a while');
    await eventually(async () => ((await leases())[0] ?? 0) > 1200, 'the lease was renewed');
  }
  await eventually(() => victim.paused(), 'it is paused');
  const { agent: other } = await aim(agent.transport, { pid: victim.pid });
  await other.recover('process-pause', undo, contextFor(context.tag));
  expect(victim.paused()).toBe(false);
  expect(await leases()).toEqual([]);
  expect(target.id).toBe(`pid:${victim.pid}`);
});

test('all that a client has on at an agent is renewed by one call', async () => {
  const agent = await startAgent(testFolder());
  const asked: string[][] = [];
  const counting: Transport = (path, body, signal) => {
    const { injections = [] } = (body ?? {}) as { injections?: readonly { injection: string }[] };
    if (path === '/v1/lease') asked.push(injections.map(({ injection }) => injection));
    return agent.transport(path, body, signal);
  };
  const put = async () => {
    const victim = await startVictim();
    const { agent: on } = await aim(counting, { pid: victim.pid }, 1500);
    const context = contextFor();
    const undo = await on.plan(pause, context);
    await on.inject(pause, undo, context);
    return { name: undo.agent.injection, off: () => on.recover('process-pause', undo, context) };
  };
  const [one, two] = [await put(), await put()];
  await eventually(() => asked.some((names) => names.includes(one.name) && names.includes(two.name)), 'both in one');
  await one.off();
  await eventually(() => asked.at(-1)?.join() === two.name, 'what is off is renewed no more');
  await two.off();
  await eventually(async () => {
    const before = asked.length;
    await new Promise((resolve) => setTimeout(resolve, 1200));
    return asked.length === before;
  }, 'nobody is asked when nothing is on');
});

test('the duration is over and the controller does nothing but live: the agent recovers', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { agent: on, target } = await aim(agent.transport, { pid: victim.pid });
  const undo = await injectAndForget(agent.transport, target, pause, { lease: 60_000, ttl: 500 });
  await eventually(() => !victim.paused(), 'the victim runs again');
  expect(await on.observe(pause, undo, contextFor())).toEqual({
    yes: false,
    ended: true,
    detail: expect.stringContaining('duration is over'),
  });
});

test('a plan that nobody carries out changes nothing, and may be made again', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { agent: on } = await aim(agent.transport, { pid: victim.pid });
  const context = contextFor();
  const first = await on.plan(pause, context);
  const second = await on.plan(pause, context);
  expect(second.agent.injection).toBe(first.agent.injection);
  await on.recover('process-pause', second, context);
  expect(victim.paused()).toBe(false);
  expect(story(agent.state)).toEqual(['run-started', 'reaper-started']);
});

const isRoot = process.getuid?.() === 0;

test('two controllers: what one has on the other does not take for the original', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { agent: on, target } = await aim(agent.transport, { pid: victim.pid });
  // A lower nice can be set back by CAP_SYS_NICE alone.
  const [mine, theirs] = isRoot
    ? [{ nice: 5 }, { nice: 7 }]
    : [{ ioClass: 'idle' }, { ioClass: 'best-effort', ioLevel: 6 }];
  const priority = { fault: 'process-priority', params: mine };
  const undo = await injectAndForget(agent.transport, target, priority, { tag: 'one.i1' });
  expect(victim.nice()).toBe(isRoot ? 5 : 0);
  await expect(on.plan({ ...priority, params: theirs }, contextFor('two.i1'))).rejects.toMatchObject({
    code: 'inject-failed',
    message: expect.stringContaining('process-priority of run'),
  });
  // Planned while nothing was on, carried out while something is: refused as well.
  await on.recover('process-priority', undo, contextFor('one.i1'));
  const early = await post(agent.transport, '/v1/plan', {
    target: { ref: { ...target, labels: undefined } as never },
    ...priority,
    tag: 'two.i2',
    ttl: null,
  });
  await injectAndForget(agent.transport, target, priority, { tag: 'one.i2' });
  const late = await agent.transport('/v1/inject', { ...early, ...priority, ttl: null, lease: 30_000 });
  expect(late).toMatchObject({ status: 500, body: { error: { code: 'inject-failed' } } });
  expect(victim.nice()).toBe(isRoot ? 5 : 0);
});

test('SIGTERM: everything is recovered, and the end is on record', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { target } = await aim(agent.transport, { pid: victim.pid });
  await injectAndForget(agent.transport, target, pause);
  expect(await agent.stop()).toBe(0);
  expect(victim.paused()).toBe(false);
  expect(story(agent.state).at(-1)).toBe('run-finished');
});
