import { errorRecord } from '../core/errors.ts';
import type { EpochMs, Experiment } from '../core/model.ts';
import { openEngine } from '../sdk/engine.ts';
import { authorAnnotation } from './admission/server.ts';
import { experimentKind } from './kinds.ts';
import { mirrored } from './mirror.ts';
import { readOwn } from './own.ts';
import { type ReconcilePorts, reconcile } from './reconcile.ts';
import { type Injection, mayBeOn } from './record.ts';
import { type Condition, finalizer, type OwnStatus, plain, type Resource, type ResourceStatus } from './resource.ts';

/** Runs of this process, by the uid of their resource. */
export type Running = Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>;

export interface ExperimentPorts extends ReconcilePorts {
  readonly running: Running;
  /** A folder for journals; it need not outlive the process. */
  readonly state: string;
  readonly say: (message: string) => void;
  /** Look at this resource again: its run has ended. */
  readonly again: () => void;
}

/** Bring an Experiment of ours a step nearer to its verdict: it is run once, by the same engine as `zashiki run`. */
export async function reconcileExperiment(
  resource: Resource,
  ports: ExperimentPorts,
  interrupted: AbortSignal,
): Promise<EpochMs | undefined> {
  const { running, api, clock } = ports;
  const { uid, deletionTimestamp, finalizers = [] } = resource.metadata;
  const own = resource.status?.zashiki ?? {};
  const live = running.get(uid);
  const stopped = ports.stopped();
  if (live) {
    if (deletionTimestamp || stopped !== undefined) {
      live.abort.abort(new Error(deletionTimestamp ? 'the Experiment was deleted' : `the stop lever: ${stopped}`));
    }
    return clock.now() + 5000;
  }
  // Left by a leader that is gone, or to be let go of: undone by its records, like everything else.
  const left = Object.values(own.injections ?? {}).some((injection) => mayBeOn(injection));
  if (deletionTimestamp && !finalizers.includes(finalizer)) return undefined;
  if (deletionTimestamp || left) {
    const problems = ['the operator that ran it has ended; what was on is recovered, and it is not run again'];
    return reconcile(resource, { ...ports, read: () => ({ problems }) }, interrupted);
  }
  if (own.outcome !== undefined) return undefined;
  if (own.run !== undefined) {
    await finish(resource, own, { outcome: 'interrupted', reasons: ['the operator that ran it has ended'] }, ports);
    return undefined;
  }
  const read = await readOwn(resource);
  if ('problems' in read || read.document.kind !== 'Experiment') {
    const reasons = 'problems' in read ? read.problems : ['kind: not an Experiment'];
    api.event(resource, 'Warning', 'Refused', reasons.join('; '));
    await finish(resource, own, { outcome: 'refused', reasons }, ports);
    return undefined;
  }
  if (stopped !== undefined || resource.metadata.annotations?.[pause] === 'true') return clock.now() + 10_000;
  const held = finalizers.includes(finalizer) ? resource : await api.finalizers(resource, [...finalizers, finalizer]);
  await start(held, read.document, ports);
  return undefined;
}

const pause = 'experiment.chaos-mesh.org/pause';

async function start(resource: Resource, experiment: Experiment, ports: ExperimentPorts): Promise<void> {
  const { api, catalogue, board, clock, running, signal } = ports;
  const { uid, annotations } = resource.metadata;
  const run = openEngine({ state: ports.state }).newRunId();
  let current = await api.saveStatus(
    resource,
    statusOf(resource, { ...resource.status?.zashiki, run, injections: {} }),
  );
  api.event(resource, 'Normal', 'Started', `Experiment has started as run ${run}`);
  let writing: Promise<unknown> = Promise.resolve();
  const injections: Record<string, Injection> = {};
  // One write after another: each is made of what all of them have come to.
  const write = () => {
    const next = writing.then(async () => {
      board.put(uid, injections);
      current = await api.saveStatus(
        current,
        statusOf(current, { ...current.status?.zashiki, injections: { ...injections } }),
      );
    });
    writing = next.catch(() => undefined);
    return next;
  };
  const mirror = {
    begin: (injection: Injection) => {
      injections[injection.tag] = injection;
      return write();
    },
    move: async (tag: string, phase: 'undone' | 'off') => {
      const known = injections[tag];
      if (!known) return;
      if (phase === 'off') delete injections[tag];
      else injections[tag] = { ...known, phase };
      await write();
    },
    wanted: (injection: Injection) => ports.wanted(uid, injection),
  };
  const engine = openEngine({ state: ports.state, catalogue: mirrored(catalogue, mirror, board, clock) });
  const abort = new AbortController();
  const author = annotations?.[authorAnnotation] ?? 'kubernetes';
  const work = async () => {
    let end: Ended;
    try {
      const result = await engine.run(
        { experiment, author, execute: true, id: run },
        { signal: AbortSignal.any([signal, abort.signal]) },
      );
      const { outcome, reasons, unverified } = result.verdict;
      // Somebody has ended the operator, not the Experiment: it says nothing about the system.
      const isCut = signal.aborted && outcome !== 'rollback-incomplete';
      end = isCut
        ? {
            outcome: 'interrupted',
            reasons: ['the operator that ran it has ended; what was on is recovered'],
            unverified,
          }
        : { outcome, reasons, unverified };
    } catch (error) {
      const { message, hint } = errorRecord(error);
      end = { outcome: 'failed', reasons: [hint ? `${message}; ${hint}` : message] };
    }
    await writing;
    const found = await api.get(experimentKind, current.metadata.namespace, current.metadata.name);
    if (found?.metadata.uid === uid)
      await finish({ ...current, metadata: found.metadata }, current.status?.zashiki ?? {}, end, ports);
  };
  const done = work()
    .catch((error: unknown) => ports.say(`run ${run}: ${errorRecord(error).message}`))
    .finally(() => {
      running.delete(uid);
      ports.again();
    });
  running.set(uid, { abort, done });
}

interface Ended {
  readonly outcome: string;
  readonly reasons: readonly string[];
  readonly unverified?: boolean;
}

async function finish(resource: Resource, own: OwnStatus, end: Ended, { api, clock }: ExperimentPorts): Promise<void> {
  const { outcome, reasons, unverified } = end;
  const finishedAt = new Date(clock.now()).toISOString();
  const status = statusOf(resource, { ...own, ...end, finishedAt });
  const saved = await api.saveStatus(resource, status);
  // Nothing is left on, so nobody needs us to let it go.
  const { finalizers = [] } = saved.metadata;
  if (finalizers.includes(finalizer))
    await api.finalizers(
      saved,
      finalizers.filter((name) => name !== finalizer),
    );
  const why = reasons.join('; ').slice(0, 900);
  const isGood = outcome === 'held';
  const words = `${outcome}${unverified ? ', unverified' : ''}${why ? `: ${why}` : ''}`;
  api.event(resource, isGood ? 'Normal' : 'Warning', 'Finished', `Experiment has finished: ${words}`);
}

function statusOf(resource: Resource, own: OwnStatus): ResourceStatus {
  const injections = Object.values(own.injections ?? {});
  const outcome = typeof own.outcome === 'string' ? own.outcome : undefined;
  const condition = (type: string, yes: boolean, reason?: string): Condition => ({
    type,
    status: yes ? 'True' : 'False',
    ...(reason ? { reason } : {}),
  });
  const conditions = [
    condition('Running', own.run !== undefined && outcome === undefined),
    condition('AllRecovered', !injections.some(mayBeOn)),
    condition('Finished', outcome !== undefined, outcome),
    condition('Held', outcome === 'held'),
  ];
  return plain({ ...resource.status, conditions, zashiki: own }) as ResourceStatus;
}
