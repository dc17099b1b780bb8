import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alone } from '../core/alone.ts';
import { systemClock } from '../core/clock.ts';
import type { Json, TargetRef } from '../core/model.ts';
import type { FaultContext, PlatformPort } from '../core/ports.ts';
import { type Elsewhere, elsewhere } from './contract/elsewhere.ts';
import { cutAfter, InjectCut } from './contract/scissors.ts';
import type { AnyFault } from './fault.ts';

/** Something real to hit, made anew for each test. */
export interface Specimen {
  readonly target: TargetRef;
  /** As a document would write them. */
  readonly params: unknown;
  /** Everything that the fault could change: before inject and after recover it must be the same. */
  snapshot(): Promise<unknown>;
  /** End and remove it, whatever state it is in. */
  end(): Promise<void>;
}

/** What `testFault` works with. */
export interface FaultContract {
  /** `test` of vitest, jest or node:test. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  readonly platform: Pick<PlatformPort, 'attach'>;
  specimen(): Promise<Specimen>;
  /** Modules whose default exports are the fault and the platform: with them, other processes take part. */
  readonly modules?: { readonly fault: URL; readonly platform: URL };
  /** At how many moments a process is killed in the middle of inject. Default 3. */
  readonly kills?: number;
  /** Inject is cut short at every so manieth call to the outside. Default: at each one. */
  readonly cutEvery?: number;
}

/**
 * The promises that every reversible fault must keep, as tests against a real target: plan only reads, the undo record
 * is JSON, inject and recover may be repeated, recover works from any point and from another process, observe and
 * verify tell the truth. Register it once per set of parameters.
 */
export function testFault(fault: AnyFault, contract: FaultContract): void {
  const { test, modules } = contract;
  const on = (name: string, body: (stage: Stage) => Promise<void>) =>
    test(`${fault.id}: ${name}`, () => onStage(fault, contract, body));

  on('plan changes nothing and gives plain JSON', async ({ plan, unchanged }) => {
    const undo = await plan();
    assert.deepEqual(JSON.parse(JSON.stringify(undo)), undo);
    await unchanged();
  });

  on(
    'the effect is seen after inject and is gone after recover',
    async ({ plan, inject, observe, recover, verify, unchanged }) => {
      const undo = await plan();
      await inject(undo);
      holds(await observe(undo), true);
      await recover(undo);
      holds(await verify(undo), true);
      await unchanged();
    },
  );

  on('inject twice is inject once', async ({ plan, inject, observe, recover, verify, unchanged }) => {
    const undo = await plan();
    await inject(undo);
    await inject(undo);
    holds(await observe(undo), true);
    await recover(undo);
    holds(await verify(undo), true);
    await unchanged();
  });

  on('recover twice is recover once', async ({ plan, inject, recover, verify, unchanged }) => {
    const undo = await plan();
    await inject(undo);
    await recover(undo);
    await unchanged();
    await recover(undo);
    holds(await verify(undo), true);
    await unchanged();
  });

  on('recover without inject changes nothing', async ({ plan, recover, verify, unchanged }) => {
    const undo = await plan();
    await recover(undo);
    holds(await verify(undo), true);
    await unchanged();
  });

  test(`${fault.id}: recover works wherever inject was cut short`, async () => {
    for (let calls = 0, more = true; more; calls += contract.cutEvery ?? 1) {
      await onStage(fault, contract, async ({ plan, injectCut, recover, verify, unchanged }) => {
        const undo = await plan();
        more = await injectCut(undo, calls);
        await recover(undo);
        holds(await verify(undo), true);
        await unchanged();
      });
    }
  });

  if (!modules) return;

  on('another process recovers from the undo record alone', async ({ plan, inject, unchanged, there }) => {
    const undo = await plan();
    await inject(undo);
    const sighting = await there(modules, 'recover', undo).finished();
    assert.equal(sighting.yes, true, sighting.detail);
    await unchanged();
  });

  on('recover works after inject was killed', async (first) => {
    const undo = await first.plan();
    const took = (await first.there(modules, 'inject', undo).finished()).took;
    await first.recover(undo);
    await first.unchanged();
    const { kills = 3 } = contract;
    for (let i = 0; i < kills; i++) {
      await onStage(fault, contract, async ({ plan, recover, verify, unchanged, there }) => {
        const undo = await plan();
        await there(modules, 'inject', undo).killedAfter((took * (i + 0.5)) / kills);
        await recover(undo);
        holds(await verify(undo), true);
        await unchanged();
      });
    }
  });
}

type Stage = Awaited<ReturnType<typeof stageFor>>;

async function onStage(fault: AnyFault, contract: FaultContract, body: (stage: Stage) => Promise<void>): Promise<void> {
  const keep = await mkdtemp(join(tmpdir(), 'zashiki-contract-'));
  const specimen = await contract.specimen();
  const abort = new AbortController();
  try {
    await body(await stageFor(fault, contract, specimen, keep, abort.signal));
  } finally {
    abort.abort();
    await specimen.end();
    await rm(keep, { recursive: true, force: true });
  }
}

async function stageFor(
  fault: AnyFault,
  { platform }: FaultContract,
  specimen: Specimen,
  keep: string,
  signal: AbortSignal,
) {
  const params = fault.params.parse(specimen.params);
  const tag = `contract-${process.pid}-${keep.slice(-6)}.i1`;
  const context: FaultContext = { ...alone, tag, ttl: 120_000, keep, clock: systemClock, signal };
  const capabilities = () => platform.attach(specimen.target);
  const before = await specimen.snapshot();
  return {
    plan: async (): Promise<Json> => await fault.plan(await capabilities(), params, context),
    inject: async (undo: Json) => fault.inject(await capabilities(), params, undo, context),
    /** Inject, cut short after so many calls to the outside; false when it was done before that. */
    injectCut: async (undo: Json, calls: number): Promise<boolean> => {
      const cut = cutAfter(calls);
      try {
        const clock = cut(context.clock);
        await fault.inject(cutAll(await capabilities(), cut), params, undo, { ...context, clock });
        return false;
      } catch (error) {
        if (error instanceof InjectCut) return true;
        throw error;
      }
    },
    observe: async (undo: Json) => fault.observe(await capabilities(), params, undo, context),
    recover: async (undo: Json) => fault.recover(await capabilities(), undo, context),
    verify: async (undo: Json) => fault.verify(await capabilities(), undo, context),
    unchanged: async () => assert.deepEqual(await specimen.snapshot(), before),
    there: (modules: Elsewhere['modules'], act: Elsewhere['act'], undo: Json) =>
      elsewhere({ modules, act, undo, target: specimen.target, params: specimen.params, tag, keep }),
  };
}

const cutAll = (capabilities: object, cut: <T extends object>(capability: T) => T): object =>
  Object.fromEntries(Object.entries(capabilities).map(([name, capability]) => [name, cut(capability)]));

function holds(sighting: { readonly yes: boolean; readonly detail: string }, yes: boolean): void {
  assert.equal(sighting.yes, yes, sighting.detail);
}
