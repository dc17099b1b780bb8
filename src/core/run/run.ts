import { isWatch } from '../dips.ts';
import { errorRecord, isError } from '../errors.ts';
import type { Author, EventOf, ProcessIdentity } from '../events.ts';
import { checkGuards, type GuardContext } from '../guards.ts';
import type { Plan, Verdict } from '../model.ts';
import type { Catalogue, Clock, Journal, SafetyNet, SharedState } from '../ports.ts';
import { judge } from '../verdict.ts';
import { createGate } from './gate.ts';
import { type Injection, leashedExecutor, overtaken, realExecutor } from './injector.ts';
import { runSteps } from './method.ts';
import { runRollbacks } from './rollbacks.ts';
import { quietNote } from './undo.ts';
import { openWatch, type Watch } from './watch.ts';

export interface RunInput {
  readonly run: string;
  readonly plan: Plan;
  readonly author: Author;
  readonly runner: ProcessIdentity;
  readonly host: string;
  readonly cwd: string;
  readonly version: string;
  /** The command line that replays the run. */
  readonly replay: string;
  readonly sealed: boolean;
  readonly dryRun: boolean;
  readonly environment?: string | undefined;
}

export interface RunPorts {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly safety: SafetyNet;
  readonly shared: SharedState;
}

/**
 * One run from guards to verdict. `signal` stops it early: everything is recovered first, then it resolves. Rejects
 * only when the journal cannot be written or another process took over; the reaper cleans up then.
 */
export async function executeRun(input: RunInput, ports: RunPorts, signal: AbortSignal): Promise<Verdict> {
  const { journal, clock, shared } = ports;
  const { run, plan } = input;
  const { environment, ...started } = input;
  const lasting = (fault: string) => ports.catalogue.fault(fault).reversible;
  const guards: GuardContext = { run, clock, shared, environment, lasting };
  // Guards and the announcement under one lock: of two runs that start together, the second sees the first.
  const refusals = await shared.exclusive(async () => {
    const found = checkGuards(plan.experiment, plan, guards);
    journal.append({ type: 'run-started', ...started }, { durable: true });
    return found;
  });
  for (const refusal of refusals) journal.append({ type: 'guard-refused', ...refusal });
  if (refusals.length > 0) return finish(input, ports);

  const watch = openWatch(plan.experiment.spec, ports, signal);
  try {
    if (!(await mayBegin(input, ports, watch))) return finish(input, ports);
    try {
      return await injectAndJudge(input, ports, guards, watch, signal);
    } catch (error) {
      // We cannot bring it to its end. Whoever can must not wait until this process is gone.
      ports.safety.abandon();
      throw error;
    }
  } finally {
    await watch.end();
  }
}

/** The steady state is there, nobody has stopped us, and the reaper watches. */
async function mayBegin({ dryRun, author }: RunInput, ports: RunPorts, watch: Watch): Promise<boolean> {
  const { journal } = ports;
  journal.append({ type: 'phase', phase: 'before' });
  const steady = await watch.steadyBefore();
  const early = watch.aborted();
  if (early !== null) journal.append({ type: 'aborted', reason: early, author });
  if (!steady || dryRun) return steady;
  const unsafe = await startSafety(ports);
  if (unsafe !== null) journal.append({ type: 'guard-refused', guard: 'reaper', reason: unsafe });
  return unsafe === null;
}

async function injectAndJudge(
  input: RunInput,
  ports: RunPorts,
  guards: GuardContext,
  watch: Watch,
  user: AbortSignal,
): Promise<Verdict> {
  const { journal, clock, shared, catalogue } = ports;
  const { run, plan, author, dryRun, cwd } = input;
  const { spec } = plan.experiment;
  const live: Injection[] = [];
  const gate = createGate((work) => shared.exclusiveRun(run, work));
  const executor = dryRun ? leashedExecutor(journal) : realExecutor({ ...ports, run, author, gate });
  journal.append({ type: 'phase', phase: 'method' });
  watch.begin();
  const began = (injection: Injection) => live.push(injection);
  const method = { ...ports, executor, guards, began, refuse: watch.stop };
  const trouble = await runSteps(plan, spec.method, method, watch.signal).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  stillOurs(journal);
  const aborted = watch.aborted() ?? (trouble ? errorRecord(trouble.error).message : null);
  // Writing may be the very thing that failed; clean-up goes on without the note.
  const note = quietNote(journal);
  if (aborted !== null) note({ type: 'aborted', reason: aborted, author });

  note({ type: 'phase', phase: 'recover' });
  for (const injection of live.toReversed()) {
    await injection.recover().catch((error: unknown) => {
      if (isError(error, 'lock-busy')) throw error;
      note({ type: 'warning', message: errorRecord(error).message });
    });
  }
  if (!dryRun) {
    journal.append({ type: 'phase', phase: 'after' });
    // A person who pulls the lever or presses Ctrl-C wants out; a broken stop condition wants to know about healing.
    if (!user.aborted && shared.lever() === null) await watch.untilStable(live.length > 0 || isWatch(spec));
  }
  await watch.end();
  const verdict = await gate(async () => {
    stillOurs(journal);
    if (spec.rollbacks.length > 0 && !dryRun) {
      journal.append({ type: 'phase', phase: 'rollback' });
      const options = { run, author, clock, cwd, signal: new AbortController().signal };
      await runRollbacks(spec.rollbacks, journal.read(), catalogue, options, note);
    }
    return finish(input, ports);
  });
  if (!dryRun) await ports.safety.finish();
  return verdict;
}

function finish({ plan, author }: RunInput, { journal }: RunPorts): Verdict {
  journal.append({ type: 'phase', phase: 'done' });
  const verdict = judge(plan.experiment, journal.read());
  journal.append({ type: 'run-finished', ...verdict, author }, { durable: true });
  return verdict;
}

function stillOurs(journal: Journal): void {
  if (journal.overtaken()) throw overtaken();
}

/** Null, or why there is no reaper: without one nothing is injected. */
async function startSafety({ safety }: RunPorts): Promise<string | null> {
  return safety.start().then(
    () => null,
    (error: unknown) => errorRecord(error).message,
  );
}

/** The event a run began with. */
export type RunStarted = EventOf<'run-started'>;
