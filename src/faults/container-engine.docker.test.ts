import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hold } from '../../lab/docker/index.ts';
import { staged, targetOfContainer } from '../../test/fixtures/container-target.ts';
import { container, docker, unable, unique } from '../../test/fixtures/docker.ts';
import containerPause from './container-pause.ts';
import containerRecreate from './container-recreate.ts';
import containerRestart from './container-restart.ts';
import diskFill from './disk-fill.ts';
import type { AnyFault } from './fault.ts';
import pidsExhaust from './pids-exhaust.ts';

/** An engine of the test's own, which may be killed. */
async function ownEngine(args: readonly string[] = []) {
  const engine = await hold(unique('e').slice(0, 12), { args });
  onTestFinished(() => engine.release());
  return engine;
}

describe.skipIf(unable)(`an engine that dies${unable ? `: skipped, ${unable}` : ''}`, () => {
  const rows: readonly (readonly [AnyFault, object])[] = [
    [containerPause, {}],
    [containerRestart, { grace: '0s' }],
    [containerRecreate, {}],
    [pidsExhaust, {}],
    [diskFill, { path: '/', size: '2MiB' }],
  ];

  for (const live of [false, true]) {
    test(`dockerd is killed while faults are on, and started again${live ? ' (live restore)' : ''}`, async () => {
      const engine = await ownEngine(live ? ['--live-restore'] : []);
      for (const [fault, params] of rows) {
        const made = await container({
          image: 'scratch-sleeper',
          host: engine.host,
          hostConfig: { RestartPolicy: { Name: 'always' } },
        });
        const target = await targetOfContainer(made.id, engine.host);
        const { plan, inject, observe, recover, verify } = await staged(fault, target, params);
        const undo = await plan();
        await inject(undo);
        expect(await observe(undo), fault.id).toMatchObject({ yes: true });
        await engine.killDaemon();
        // Nobody answers: that is an error to be tried again, never "gone".
        if (fault.needs.includes('lifecycle')) {
          await expect(recover(undo), fault.id).rejects.toMatchObject({ code: 'peer-unavailable' });
        }
        await engine.startDaemon();
        await recover(undo).catch((error) => expect(error, fault.id).toMatchObject({ code: 'target-gone' }));
        await verify(undo).then(
          (seen) => expect(seen, fault.id).toMatchObject({ yes: true }),
          (error) => expect(error, fault.id).toMatchObject({ code: 'target-gone' }),
        );
        await expect
          .poll(
            async () => (await docker('GET', `/containers/${made.name}/json`, undefined, engine.host)).State.Status,
            {
              timeout: 30_000,
            },
          )
          .toBe('running');
        await docker('DELETE', `/containers/${made.name}?force=1&v=1`, undefined, engine.host);
      }
    });
  }
});

describe.skipIf(unable)('two runs', () => {
  test('one container is not restarted by one run while another one has paused it', async () => {
    const { openEngine } = await import('../sdk/engine.ts');
    const { openCatalogue } = await import('../sdk/catalogue.ts');
    const state = await mkdtemp(join(tmpdir(), 'zashiki-two-'));
    onTestFinished(() => rm(state, { recursive: true, force: true }));
    const made = await container();
    const engine = openEngine({ state, catalogue: openCatalogue() });
    const experiment = (fault: string, duration: number) => ({
      apiVersion: 'zashiki.dev/v1' as const,
      kind: 'Experiment' as const,
      metadata: { name: fault },
      spec: {
        ...{ seed: 1, steadyStateHypothesis: [], guards: {}, stopWhen: [], rollbacks: [] },
        method: [
          {
            ...{ kind: 'fault' as const, fault, mode: 'one' as const, resolve: 'plan' as const, params: {}, duration },
            target: { platform: 'docker', selector: { id: made.id, state: 'all' } },
          },
        ],
      },
    });
    let isPaused = () => {};
    const paused = new Promise<void>((resolve) => {
      isPaused = resolve;
    });
    const options = { author: 'test', execute: true };
    const [first, second] = await Promise.all([
      engine.plan(experiment('container-pause', 4000)),
      engine.plan(experiment('container-restart', 100)),
    ]);
    const one = engine.runPlan(first, { ...options, onEvent: ({ type }) => type === 'injected' && isPaused() });
    await paused;
    const { StartedAt } = (await made.inspect()).State;
    const skipped: string[] = [];
    await engine.runPlan(second, {
      ...options,
      onEvent: (event) => event.type === 'step-skipped' && skipped.push(event.reason),
    });
    expect(skipped.join()).toMatch(/container-pause of run .* is still on|is paused/);
    await one;
    expect((await made.inspect()).State).toMatchObject({ Status: 'running', StartedAt });
  });
});
