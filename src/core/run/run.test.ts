import { expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { ZashikiError } from '../errors.ts';
import type { EventBody, JournalEvent } from '../events.ts';
import { experiment, faultStep, lonely, type ToyWorld, target, toyWorld } from '../fixtures.ts';
import type { ExperimentSpec, Hypothesis } from '../model.ts';
import { makePlan } from '../plan.ts';
import type { Clock, Journal, SafetyNet, SharedState } from '../ports.ts';
import { executeRun, type RunInput } from './run.ts';

/** A journal in memory, which can be made to fail or to be appended to by somebody else. */
function memoryJournal() {
  const events: JournalEvent[] = [];
  const listeners = new Set<(event: JournalEvent) => void>();
  const state = { full: false, overtaken: false };
  const journal: Journal = {
    append(body: EventBody) {
      if (state.full) throw new ZashikiError('state-unwritable', 'the disk is full');
      const event = { ...body, seq: events.length + 1, at: Date.now(), mono: systemClock.mono() } as JournalEvent;
      events.push(event);
      for (const listener of listeners) listener(event);
      return event;
    },
    read: () => events,
    overtaken: () => state.overtaken,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  return { journal, events, state };
}

interface Setup {
  readonly world?: ToyWorld;
  readonly shared?: Partial<SharedState>;
  readonly safety?: Partial<SafetyNet>;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly input?: Partial<RunInput>;
  readonly onEvent?: (event: JournalEvent, memory: ReturnType<typeof memoryJournal>) => void;
}

async function run(spec: Partial<ExperimentSpec>, setup: Setup = {}) {
  const world = setup.world ?? toyWorld();
  const memory = memoryJournal();
  if (setup.onEvent) memory.journal.subscribe((event) => setup.onEvent?.(event, memory));
  const plan = await makePlan(experiment(spec), world.catalogue);
  const safety: SafetyNet = {
    start: async () => {},
    arm: () => {},
    disarm: () => {},
    finish: async () => {},
    abandon: () => {},
    ...setup.safety,
  };
  const input: RunInput = {
    run: 'r1',
    plan,
    author: { role: 'run', user: 'aiko' },
    runner: { pid: 1, startTime: '1', bootId: 'b' },
    host: 'h',
    cwd: '/',
    version: '0',
    replay: '',
    sealed: false,
    dryRun: false,
    ...setup.input,
  };
  const ports = {
    catalogue: world.catalogue,
    clock: setup.clock ?? systemClock,
    journal: memory.journal,
    safety,
    shared: lonely(setup.shared),
  };
  const verdict = await executeRun(input, ports, setup.signal ?? new AbortController().signal);
  const types = memory.events.map(({ type }) => type);
  return { verdict, world, events: memory.events, types };
}

const threeOn: Hypothesis = {
  name: 'three are on',
  probe: { id: 'toy', params: {} },
  tolerance: 3,
  every: 10,
  recoversWithin: 500,
};

const longStep = faultStep({ duration: 4000 });

test('a fault that its keeper has taken off before its time is not called held', async () => {
  const world = toyWorld();
  const fault = world.catalogue.fault('switch-off');
  let looks = 0;
  const observe = async () =>
    ++looks === 1 ? { yes: true, detail: 'off' } : { yes: false, ended: true, detail: 'its lease ran out' };
  const leased = { ...world, catalogue: { ...world.catalogue, fault: () => ({ ...fault, observe }) } };
  const { verdict, events } = await run({ method: [longStep] }, { world: leased });
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'observed',
      real: false,
      early: true,
      detail: expect.stringContaining('its lease ran out'),
    }),
  );
  expect(verdict.outcome).toBe('skipped');
  expect(verdict.reasons).toContainEqual(expect.stringMatching(/^the fault did not stay on: .*its lease ran out/));
});

test('one that the system has put right by itself is warned of; one that is still on, and one whose target is gone, are not', async () => {
  const warnings = async (after: (world: ToyWorld) => void) => {
    const world = toyWorld();
    const { verdict, events } = await run(
      { method: [longStep] },
      { world, onEvent: ({ type }) => type === 'observed' && setTimeout(() => after(world), 500) },
    );
    return {
      outcome: verdict.outcome,
      told: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
    };
  };
  expect(await warnings(({ off }) => off.clear())).toEqual({
    outcome: 'held',
    told: [expect.stringMatching(/switch-off: it was off before its time/)],
  });
  expect(await warnings(() => {})).toEqual({ outcome: 'held', told: [] });
  const gone = ({ off, targets }: ToyWorld) => {
    off.clear();
    (targets as unknown[]).length = 0;
  };
  expect((await warnings(gone)).told).toEqual([]);
});

test('injects, observes, recovers, verifies, and measures the recovery', async () => {
  const { verdict, world, types } = await run({
    steadyStateHypothesis: [threeOn],
    method: [faultStep({ duration: 80 })],
  });
  expect(verdict).toMatchObject({ outcome: 'held', unverified: false });
  expect(world.log.map((line) => line.split(' ')[0])).toEqual(['plan', 'inject', 'recover']);
  const order = ['run-started', 'intent', 'injected', 'observed', 'recovered', 'verified', 'run-finished'];
  expect(types.filter((type) => order.includes(type))).toEqual(order);
});

test('the undo record is written before anything is changed', async () => {
  const world = toyWorld();
  let atIntent: number | undefined;
  await run(
    { method: [faultStep({ duration: 1 })] },
    {
      world,
      onEvent: (event) => {
        if (event.type === 'intent') atIntent = world.off.size;
      },
    },
  );
  expect(atIntent).toBe(0);
});

test('deviates when the hypothesis breaks while the fault is on', async () => {
  const { verdict } = await run({
    steadyStateHypothesis: [{ ...threeOn, during: { atLeast: 0.9 } }],
    method: [faultStep({ duration: 100 })],
  });
  expect(verdict.outcome).toBe('deviated');
});

test('not steady before: nothing is injected', async () => {
  const { verdict, world } = await run({ steadyStateHypothesis: [{ ...threeOn, tolerance: 9 }] });
  expect(verdict).toMatchObject({ outcome: 'skipped' });
  expect(world.log).toEqual([]);
});

test('a guard refuses: no probe is read, nothing is injected', async () => {
  const { verdict, world, types } = await run({
    steadyStateHypothesis: [threeOn],
    guards: { environment: 'production' },
  });
  expect(verdict.outcome).toBe('refused');
  expect(world.log).toEqual([]);
  expect(types).not.toContain('probe');
});

test('no reaper, no fault', async () => {
  const start = () => Promise.reject(new ZashikiError('reaper-failed', 'the reaper did not start'));
  const { verdict, world } = await run({}, { safety: { start } });
  expect(verdict).toMatchObject({ outcome: 'refused', reasons: [expect.stringContaining('did not start')] });
  expect(world.log).toEqual([]);
});

test('without a hypothesis the verdict says that nothing was judged', async () => {
  const { verdict } = await run({ method: [faultStep({ duration: 1 })] });
  expect(verdict).toMatchObject({ outcome: 'held', unverified: true });
});

test('a dry run only says whom it would hit', async () => {
  const { verdict, world, types } = await run({ method: [faultStep({ mode: 'all' })] }, { input: { dryRun: true } });
  expect(types.filter((type) => type === 'would-inject')).toHaveLength(3);
  expect(world.log).toEqual([]);
  expect(verdict.unverified).toBe(true);
});

test('faults without a duration stay until the method ends, and come off in reverse order', async () => {
  const { world } = await run({ method: [faultStep({ mode: 'all' }), { kind: 'pause', pause: 20 }] });
  expect(world.log.filter((line) => !line.startsWith('plan'))).toEqual([
    'inject toy:1',
    'inject toy:2',
    'inject toy:3',
    'recover toy:3',
    'recover toy:2',
    'recover toy:1',
  ]);
});

test('parallel steps overlap, serial ones do not', async () => {
  const steps = [faultStep({ mode: 'all', duration: 60 }), faultStep({ mode: 'all', duration: 60 })];
  const parallel = await run({ method: [{ kind: 'parallel', steps }] }, { world: toyWorld(1) });
  expect(parallel.world.log.slice(0, 4).filter((line) => line.startsWith('inject'))).toHaveLength(2);
  const serial = await run({ method: [{ kind: 'serial', steps }] }, { world: toyWorld(1) });
  expect(serial.world.log).toEqual([
    'plan toy:1',
    'inject toy:1',
    'recover toy:1',
    'plan toy:1',
    'inject toy:1',
    'recover toy:1',
  ]);
});

test('a step whose condition does not hold is skipped', async () => {
  const when = { probe: { id: 'toy', params: {} }, tolerance: 9 };
  const { world, types } = await run({ method: [faultStep({ when }), faultStep({ duration: 1 })] });
  expect(types).toContain('step-skipped');
  expect(world.log.filter((line) => line.startsWith('inject'))).toHaveLength(1);
});

test('a stop condition ends the method and everything is recovered', async () => {
  const { verdict, world, events } = await run({
    method: [faultStep({ duration: 60_000 })],
    stopWhen: [{ name: 'all on', probe: { id: 'toy', params: {} }, tolerance: 3, every: 10 }],
  });
  expect(verdict.outcome).toBe('deviated');
  expect(world.off.size).toBe(0);
  const abort = events.find((event) => event.type === 'aborted');
  expect(abort).toMatchObject({ reason: expect.stringContaining('all on') });
});

test('a signal from the user recovers, then ends', async () => {
  const user = new AbortController();
  const { verdict, world } = await run(
    { method: [faultStep({ duration: 60_000 })] },
    { signal: user.signal, onEvent: (event) => event.type === 'injected' && user.abort(new Error('SIGINT')) },
  );
  expect(world.off.size).toBe(0);
  expect(verdict).toMatchObject({ outcome: 'deviated', reasons: [expect.stringContaining('SIGINT')] });
});

test('the stop lever ends a run that goes on', async () => {
  let pulled = false;
  const { verdict, world } = await run(
    { method: [faultStep({ duration: 60_000 })] },
    {
      shared: { lever: () => (pulled ? { by: 'aiko', reason: 'pager' } : null) },
      onEvent: (event) => {
        if (event.type === 'injected') pulled = true;
      },
    },
  );
  expect(world.off.size).toBe(0);
  expect(verdict.reasons.join()).toContain('pager');
});

test('a fault that cannot be undone is the worst outcome', async () => {
  const world = toyWorld(1);
  world.broken.add('recover toy:1');
  const { verdict, events } = await run({ method: [faultStep({ duration: 1 })] }, { world });
  expect(verdict.outcome).toBe('rollback-incomplete');
  expect(events.filter(({ type }) => type === 'recover-failed').length).toBeGreaterThan(1);
});

test('a failed inject is recovered at once, and counts as no effect', async () => {
  const world = toyWorld(1);
  world.broken.add('inject toy:1');
  const { verdict, types } = await run({}, { world });
  expect(types).toContain('inject-failed');
  expect(types).toContain('recovered');
  expect(verdict).toMatchObject({ outcome: 'skipped', reasons: [expect.stringContaining('is broken')] });
});

test('a victim that is gone when its turn comes is told of, not an error', async () => {
  const world = toyWorld(1);
  const { verdict } = await run(
    { method: [{ kind: 'pause', pause: 1 }, faultStep()] },
    {
      world,
      onEvent: (event) => {
        if (event.type === 'phase' && event.phase === 'method') world.targets = [target(7)];
      },
    },
  );
  expect(verdict).toMatchObject({ outcome: 'skipped', reasons: [expect.stringContaining('gone')] });
});

test('`resolve: step` chooses among those that are there when the step begins', async () => {
  const world = toyWorld(1);
  const { events } = await run(
    { method: [faultStep({ resolve: 'step', duration: 1 })] },
    {
      world,
      onEvent: (event) => {
        if (event.type === 'phase' && event.phase === 'method') world.targets = [target(7)];
      },
    },
  );
  expect(events.find((event) => event.type === 'intent')).toMatchObject({ target: { id: 'toy:7' } });
});

test('a journal that cannot be written stops the run; what is on still comes off', async () => {
  const world = toyWorld(1);
  const going = run(
    { steadyStateHypothesis: [{ ...threeOn, tolerance: 0 }], method: [faultStep({ duration: 60_000 })] },
    {
      world,
      onEvent: (event, memory) => {
        if (event.type === 'observed') memory.state.full = true;
      },
    },
  );
  await expect(going).rejects.toMatchObject({ code: 'state-unwritable' });
  expect(world.off.size).toBe(0);
});

test('nothing is injected when the intent cannot be written', async () => {
  const world = toyWorld(1);
  const going = run(
    {},
    {
      world,
      onEvent: (event, memory) => {
        if (event.type === 'step-started') memory.state.full = true;
      },
    },
  );
  await expect(going).rejects.toMatchObject({ code: 'state-unwritable' });
  expect(world.log.filter((line) => line.startsWith('inject'))).toEqual([]);
});

test('when another process took over, this one changes nothing more', async () => {
  const world = toyWorld(1);
  const going = run(
    { method: [faultStep(), { kind: 'pause', pause: 20 }, faultStep()] },
    {
      world,
      onEvent: (event, memory) => {
        if (event.type === 'observed') memory.state.overtaken = true;
      },
    },
  );
  await expect(going).rejects.toMatchObject({ code: 'lock-busy' });
  expect(world.log.filter((line) => line.startsWith('recover'))).toEqual([]);
});

test("the user's rollbacks run after everything, also after an abort; a failed one is told of", async () => {
  const world = toyWorld(1);
  world.broken.add('rollback b');
  const rollbacks = ['a', 'b', 'c'].map((name) => ({ name, action: { id: 'exec' as const, params: { name } } }));
  const { verdict } = await run({ rollbacks, method: [faultStep({ duration: 1 })] }, { world });
  expect(world.log.slice(-4)).toEqual(['recover toy:1', 'rollback a', 'rollback b', 'rollback c']);
  expect(verdict).toMatchObject({ outcome: 'rollback-incomplete', reasons: [expect.stringContaining('"b"')] });
});

test('what is on already is not injected a second time: its change would be taken for the original', async () => {
  const steps = [faultStep({ mode: 'all', duration: 60 }), faultStep({ mode: 'all', duration: 60 })];
  const held: { run: string; fault: string; claims: readonly string[] }[] = [];
  const { events, world } = await run(
    { method: [{ kind: 'parallel', steps }] },
    {
      world: toyWorld(1),
      shared: { outstanding: () => held as never },
      onEvent: (event) => {
        if (event.type === 'intent') held.push({ run: 'r1', fault: event.fault, claims: event.claims ?? [] });
      },
    },
  );
  expect(world.log.filter((line) => line.startsWith('inject'))).toHaveLength(1);
  const skipped = events.find((event) => event.type === 'step-skipped');
  expect(skipped).toMatchObject({ reason: expect.stringContaining('is still on there') });
});

test('a victim that may not be hit any more is spared', async () => {
  const world = toyWorld(1);
  const platform = await world.catalogue.platform('toy');
  const catalogue = { ...world.catalogue, platform: async () => ({ ...platform, spare: async () => 'our ancestor' }) };
  const { verdict } = await run({}, { world: { ...world, catalogue } });
  expect(verdict).toMatchObject({ outcome: 'skipped', reasons: [expect.stringContaining('our ancestor')] });
  expect(world.log).toEqual([]);
});

test('a branch that fails ends its siblings', async () => {
  const world = toyWorld(2);
  const platform = await world.catalogue.platform('toy');
  let calls = 0;
  const broken = async () => {
    calls++;
    // The plan, its check, and the first branch may look; the second may not.
    if (calls > 2) throw new Error('the inventory is gone');
    return world.targets;
  };
  const catalogue = { ...world.catalogue, platform: async () => ({ ...platform, discover: broken }) };
  const steps = [faultStep({ duration: 60_000 }), faultStep({ duration: 60_000 })];
  const { verdict } = await run({ method: [{ kind: 'parallel', steps }] }, { world: { ...world, catalogue } });
  expect(verdict.reasons.join()).toContain('the inventory is gone');
  expect(world.off.size).toBe(0);
});

test('a window that closes while the fault is on ends the method', async () => {
  const window = { days: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 1439, timezone: 'UTC', holidays: [] };
  const now = { value: Date.UTC(2026, 0, 5) };
  const { verdict, world } = await run(
    { method: [faultStep({ duration: 60_000 })], guards: { window: { ...window, to: 600 } } },
    {
      clock: { ...systemClock, now: () => now.value },
      onEvent: (event) => {
        if (event.type === 'injected') now.value += 11 * 3_600_000;
      },
    },
  );
  expect(verdict.reasons.join()).toContain('the window closed');
  expect(world.off.size).toBe(0);
});

test('a run that was taken over while it waits ends by itself, and leaves the rest to the other', async () => {
  const world = toyWorld(1);
  let abandoned = 0;
  const going = run(
    { method: [faultStep(), { kind: 'pause', pause: 60_000 }] },
    {
      world,
      safety: { abandon: () => void abandoned++ },
      onEvent: (event, memory) => {
        if (event.type === 'observed') memory.state.overtaken = true;
      },
    },
  );
  await expect(going).rejects.toMatchObject({ code: 'lock-busy' });
  expect(abandoned).toBe(1);
});

test('an inject that fails on a full disk is undone all the same, and the reaper is told', async () => {
  const world = toyWorld(1);
  world.broken.add('inject toy:1');
  let abandoned = 0;
  const going = run(
    {},
    {
      world,
      safety: { abandon: () => void abandoned++ },
      onEvent: (event, memory) => {
        if (event.type === 'intent') memory.state.full = true;
      },
    },
  );
  await expect(going).rejects.toMatchObject({ code: 'state-unwritable' });
  expect(world.log).toContain('recover toy:1');
  expect(abandoned).toBe(1);
});

test('victims that do not come back count against the blast radius of the next step', async () => {
  const world = toyWorld(4);
  const once = world.catalogue.fault('switch-off');
  const catalogue = {
    ...world.catalogue,
    fault: () => ({
      ...once,
      reversible: false,
      inject: async (on: object) => {
        world.targets = world.targets.filter(({ id }) => id !== (on as { id: string }).id);
      },
    }),
  };
  const method = [faultStep({ resolve: 'step' }), faultStep({ resolve: 'step' })];
  const { events } = await run({ method, guards: { blastRadius: { count: 1 } } }, { world: { ...world, catalogue } });
  expect(events.find((event) => event.type === 'guard-refused')).toMatchObject({
    reason: expect.stringContaining('have not come back'),
  });
  expect(world.targets).toHaveLength(3);
});

/** Looks for new targets come at once. */
const hasty: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms === 2000 ? 10 : ms, signal) };

test('reselect hits targets that appear while the fault is on, and recovers them all', async () => {
  const world = toyWorld();
  const { verdict, events } = await run(
    { method: [faultStep({ mode: 'all', duration: 300, reselect: true })] },
    {
      world,
      clock: hasty,
      onEvent: (event) => {
        if (event.type === 'injected' && event.injection === 'i3') world.targets.push(target(4));
      },
    },
  );
  expect(verdict.outcome).toBe('held');
  const chosen = events.filter((event) => event.type === 'victims-chosen');
  expect(chosen.map(({ victims }) => victims.map(({ id }) => id))).toEqual([['toy:4']]);
  expect(world.log.filter((line) => line.endsWith(' toy:4'))).toEqual(['plan toy:4', 'inject toy:4', 'recover toy:4']);
  expect(events.filter((event) => event.type === 'observed' && event.real)).toHaveLength(4);
  expect(world.off.size).toBe(0);
});

test('reselect keeps to the mode: a victim that is gone is replaced, no more', async () => {
  const world = toyWorld();
  const { events } = await run(
    { method: [faultStep({ mode: 'one', duration: 300, reselect: true })] },
    {
      world,
      clock: hasty,
      onEvent: (event) => {
        if (event.type === 'intent' && event.injection === 'i1') {
          world.targets.splice(
            world.targets.findIndex(({ id }) => id === event.target.id),
            1,
          );
        }
      },
    },
  );
  expect(events.filter(({ type }) => type === 'injected')).toHaveLength(2);
});

test('reselect keeps to the blast radius, and says so once', async () => {
  const world = toyWorld();
  const { verdict, events } = await run(
    { method: [faultStep({ mode: 'all', duration: 300, reselect: true })], guards: { blastRadius: { count: 4 } } },
    {
      world,
      clock: hasty,
      onEvent: (event) => {
        if (event.type === 'injected' && event.injection === 'i3') world.targets.push(target(4), target(5));
      },
    },
  );
  expect(verdict.outcome).toBe('held');
  expect(events.filter(({ type }) => type === 'injected')).toHaveLength(4);
  const warnings = events.filter((event) => event.type === 'warning');
  expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('at most 4 allowed')]);
  expect(world.off.size).toBe(0);
});

test('a run that is stopped while new targets are hit recovers these, too', async () => {
  const world = toyWorld();
  const stop = new AbortController();
  await run(
    { method: [faultStep({ mode: 'all', duration: 5000, reselect: true })] },
    {
      world,
      clock: hasty,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'injected' && event.injection === 'i3') world.targets.push(target(4));
        if (event.type === 'victims-chosen') stop.abort(new Error('enough'));
      },
    },
  );
  expect(world.off.size).toBe(0);
  const undone = world.log.filter((line) => line.startsWith('recover')).length;
  expect(undone).toBe(world.log.filter((line) => line.startsWith('inject')).length);
});
