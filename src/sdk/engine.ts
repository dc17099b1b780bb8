import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { systemClock } from '../core/clock.ts';
import type { EnginePort, RunRequest, RunResult } from '../core/engine-port.ts';
import { errorRecord, isError, ZashikiError } from '../core/errors.ts';
import type { Author, Intent, JournalEvent } from '../core/events.ts';
import type { Experiment, Milliseconds, Plan } from '../core/model.ts';
import { drift, makePlan } from '../core/plan.ts';
import type { Catalogue, Clock } from '../core/ports.ts';
import { executeRun } from '../core/run/run.ts';
import { type Ahead, freshRunId, startAhead } from '../journal/ahead.ts';
import { ownIdentity } from '../journal/identity.ts';
import { createJournal, type FileJournal } from '../journal/journal.ts';
import { pullLever, readLever, releaseLever } from '../journal/lever.ts';
import { showLife } from '../journal/life.ts';
import { outstanding } from '../journal/outstanding.ts';
import { acceptRun, recoverAll, recoverRun, type Swept } from '../journal/recover.ts';
import {
  isLive,
  listRuns,
  needsRecovery,
  type RunRecord,
  type RunSummary,
  readRun,
  runIds,
  runSummary,
} from '../journal/runs.ts';
import { openSafetyNet, reaperPath, type WarmReaper } from '../journal/safety-net.ts';
import { openSharedState } from '../journal/shared-state.ts';
import { checkOwn, makeFolder, openState, runFolder, runsFolder, stateFolder } from '../journal/state.ts';
import { openCatalogue } from './catalogue.ts';
import { stillOn } from './still-on.ts';

declare const __VERSION__: string;

export interface EngineOptions {
  /** The state folder. Default: `$ZASHIKI_STATE`, else the system or user state folder. */
  readonly state?: string | undefined;
  /** The environment's name that `guards.environment` is held against. Default `$ZASHIKI_ENVIRONMENT`. */
  readonly environment?: string | undefined;
  readonly catalogue?: Catalogue;
  readonly clock?: Clock;
  /** What was started for the first run before the engine was there. Whoever started it dismisses it in the end. */
  readonly ahead?: Ahead | undefined;
}

export interface PlanRunOptions {
  /** The run's id, from `newRunId`, when it had to be known beforehand. */
  readonly id?: string;
  readonly author: string;
  readonly role?: Author['role'];
  /** False: dry run. */
  readonly execute: boolean;
  readonly sealed?: boolean;
  /** The command line that replays the run. */
  readonly replay?: string;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: JournalEvent) => void;
  /** The reaper of `id`, started ahead. */
  readonly warm?: WarmReaper | undefined;
}

/** Everything that a door needs: plan, run, recover, stop, look back. */
export interface Engine extends EnginePort {
  readonly catalogue: Catalogue;
  /** A fresh run id, which sorts by time. */
  newRunId(): string;
  /** The state folder; not made until something is written. */
  readonly state: string;
  plan(
    experiment: Experiment,
    options?: { readonly seed?: number | undefined; readonly signal?: AbortSignal },
  ): Promise<Plan>;
  /** Carry out a plan exactly. Throws `plan-drift` when a pinned target is gone, `state-unwritable` before anything. */
  runPlan(plan: Plan, options: PlanRunOptions): Promise<RunResult>;
  /** Undo what earlier lives left behind. Costs little when there is nothing to do. */
  recoverAll(role: Author['role'], author: string, options?: { readonly force?: boolean }): Promise<readonly Swept[]>;
  recoverRun(run: string, author: string): Promise<Swept>;
  /** Take what is not as before as it is: it is not tried again. Returns the injections. */
  acceptRun(run: string, author: string, options?: { readonly all?: boolean }): Promise<readonly string[]>;
  /** Wait until no run is in flight; false when `limit` passed first. */
  idle(limit: Milliseconds): Promise<boolean>;
  /** What is on, or may be on, in any run: one line each. */
  outstanding(): readonly string[];
  /** Runs of which only rollbacks of the user have failed: tried again when asked for by name. */
  failedRollbacks(): readonly string[];
  lever(): ReturnType<typeof readLever>;
  listRuns(limit?: number): readonly RunSummary[];
  readRun(name: string): RunRecord;
}

/** Put the house together: catalogue, journal, reaper, clock. */
export function openEngine(options: EngineOptions = {}): Engine {
  const { clock = systemClock, catalogue = openCatalogue() } = options;
  const environment = options.environment ?? process.env.ZASHIKI_ENVIRONMENT;
  // The reaper works from another folder, so the path must not depend on this one.
  const state = resolve(options.state ?? stateFolder());
  const shared = openSharedState(state, clock);
  const never = new AbortController().signal;
  let { ahead } = options;

  const engine: Engine = {
    catalogue,
    state,
    newRunId: () => freshRunId(clock),
    async plan(experiment, { seed, signal } = {}) {
      const seeded = seed === undefined ? experiment : { ...experiment, spec: { ...experiment.spec, seed } };
      return makePlan(seeded, catalogue, signal);
    },
    async runPlan(plan, options) {
      const { id, author, role = 'run', execute, sealed = false, replay = '', signal = never, onEvent, warm } = options;
      openState(state);
      const drifted = await drift(plan, catalogue);
      if (drifted.length > 0) {
        throw new ZashikiError('plan-drift', `the plan does not fit any more:\n  ${drifted.join('\n  ')}`, {
          hint: 'make a new plan; nothing was done',
        });
      }
      const run = id ?? engine.newRunId();
      const journal = createJournal({ state, run, clock });
      const endLife = showLife(runFolder(state, run));
      if (onEvent) journal.subscribe(onEvent);
      const safety = openSafetyNet({ state, run, journal, reaperPath: reaperPath(), clock, warm });
      try {
        const input = {
          run,
          plan,
          author: { role, user: author },
          runner: ownIdentity(),
          host: hostname(),
          cwd: currentFolder(),
          version: __VERSION__,
          replay,
          sealed,
          dryRun: !execute,
          environment,
        };
        const verdict = await executeRun(input, { catalogue, clock, journal, safety, shared }, signal).catch((error) =>
          takenOver(error, journal, clock),
        );
        return { run, verdict, events: journal.read() };
      } finally {
        endLife();
        journal.close();
      }
    },
    async run({ experiment, author, execute, sealed, seed, id: known }: RunRequest, { signal, onEvent } = {}) {
      const early = execute && known === undefined ? ahead : undefined;
      if (early) ahead = undefined;
      const { run: id, warm } =
        early ??
        (execute ? startAhead({ state, clock, run: known }) : { run: known ?? engine.newRunId(), warm: undefined });
      try {
        await engine.recoverAll('startup', author);
        const plan = await engine.plan(experiment, { seed, ...(signal ? { signal } : {}) });
        return await engine.runPlan(plan, {
          author,
          role: 'daemon',
          execute,
          id,
          warm,
          ...(sealed === undefined ? {} : { sealed }),
          ...(signal ? { signal } : {}),
          ...(onEvent ? { onEvent } : {}),
        });
      } finally {
        await warm?.dismiss();
      }
    },
    async recoverAll(role, user, { force = false } = {}) {
      checkOwn(state);
      return recoverAll({ state, catalogue, author: { role, user }, clock, signal: never, force });
    },
    acceptRun: (run, user, { all = false } = {}) =>
      acceptRun({ state, run, author: { role: 'recover', user }, clock, all }),
    async recoverRun(run, user) {
      checkOwn(state);
      try {
        // Asked for by name, also rollbacks of the user that failed are tried again.
        const failedRollbacks = () => outstanding(readRun(state, run).events).rollbacks;
        if (!needsRecovery(state, run) && failedRollbacks().length === 0)
          return { run, did: 'left', why: 'nothing is outstanding' };
        const author: Author = { role: 'recover', user };
        return {
          run,
          did: 'recovered',
          recovery: await recoverRun({ state, run, catalogue, author, clock, signal: never }),
        };
      } catch (error) {
        return { run, did: 'failed', error: errorRecord(error) };
      }
    },
    async stop(reason, by) {
      checkOwn(state);
      const inFlight = runIds(state).filter((id) => isLive(state, id) || needsRecovery(state, id));
      let leverError: string | null = null;
      try {
        makeFolder(runsFolder(state));
        pullLever(state, reason, by, clock.now());
      } catch (error) {
        leverError = errorRecord(error).message;
      }
      // The crashed first: nobody else recovers them. Those that live see the lever by themselves, if it is there.
      const crashed = await engine.recoverAll('recover', by);
      if (leverError === null) await engine.idle(30_000);
      const rest = await engine.recoverAll('recover', by, { force: true });
      const left = stillOn([...crashed, ...rest], engine.outstanding());
      const stopped = inFlight.filter((id) => !left.some((line) => line.startsWith(`${id}: `)));
      return { stopped, outstanding: left, leverError };
    },
    async release() {
      releaseLever(state);
    },
    async idle(limit) {
      const until = clock.mono() + limit;
      while (runIds(state).some((id) => isLive(state, id))) {
        if (clock.mono() > until) return false;
        await clock.sleep(100);
      }
      return true;
    },
    outstanding: () =>
      runIds(state)
        .filter((id) => needsRecovery(state, id))
        .flatMap((id) =>
          outstanding(readRun(state, id).events).intents.map((intent) => `${id}: ${describeIntent(intent)}`),
        ),
    failedRollbacks: () =>
      runIds(state).filter(
        (id) =>
          runSummary(state, id)?.outcome === 'rollback-incomplete' &&
          !needsRecovery(state, id) &&
          outstanding(readRun(state, id).events).rollbacks.length > 0,
      ),
    lever: () => readLever(state),
    listRuns: (limit) => listRuns(state, limit),
    readRun: (name) => readRun(state, name),
  };
  return engine;
}

/** A folder that was deleted under us has no name; rollbacks then run in the root folder. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

const describeIntent = ({ injection, fault, target }: Intent) =>
  `${injection} ${fault} on ${target.name} (${target.id})`;

/** Another process cleans up: wait for the verdict that it comes to. */
async function takenOver(error: unknown, journal: FileJournal, clock: Clock) {
  if (isError(error, 'state-unwritable')) throw unsure(error, journal);
  if (!isError(error, 'lock-busy', 'refused')) throw error;
  for (let tries = 0; tries < 300; tries++) {
    const finished = journal.read().findLast((event) => event.type === 'run-finished');
    if (finished) return { outcome: finished.outcome, unverified: finished.unverified, reasons: finished.reasons };
    await clock.sleep(100);
  }
  throw error;
}

/** Nothing more can be written down: what is not known to be undone is the worst outcome, whatever became of it. */
function unsure(error: ZashikiError, journal: FileJournal): ZashikiError {
  const { length } = outstanding(journal.read()).intents;
  if (length === 0) return error;
  const message = `${error.message}; ${length} injection${length === 1 ? '' : 's'} may still be in place`;
  return new ZashikiError('recover-failed', message, { hint: `run \`zashiki recover\`; ${error.hint}`, cause: error });
}
