import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import type { Experiment } from '../../src/core/model.ts';
import type { Catalogue, Rng } from '../../src/core/ports.ts';
import { sameProcess } from '../../src/journal/identity.ts';
import { outstanding } from '../../src/journal/outstanding.ts';
import { needsRecovery, runIds } from '../../src/journal/runs.ts';
import { scanJournal } from '../../src/journal/scan.ts';
import { journalPath } from '../../src/journal/state.ts';
import type { Engine } from '../../src/sdk/engine.ts';
import { makeContainerSpecimen } from './containers.ts';
import { environment, processes } from './processes.ts';
import type { Task } from './runner.ts';
import { makeSpecimen, type Specimen } from './specimens.ts';

/** When the runner dies: at an exact moment of its own counting, or so many ms after it said something. */
export type Kill =
  | { readonly how: 'moment'; readonly from: 'start' | 'intent'; readonly at: number }
  | { readonly how: 'time'; readonly from: 'start' | 'intent'; readonly ms: number }
  | { readonly how: 'never' };

export interface PointSpec {
  readonly index: number;
  readonly faults: readonly string[];
  readonly kill: Kill;
  /** Does the reaper live, or is it killed too, this many ms after the runner? */
  readonly reaper: 'lives' | number;
  /** The recovery at the next start dies too, at this moment of it. */
  readonly recoveryDiesAt: number | null;
  readonly rollback: boolean;
}

export interface PointResult {
  readonly spec: PointSpec;
  readonly killed: boolean;
  /** Faults whose injection was on, or may have been, when the runner died. */
  readonly open: readonly string[];
  /** What is not as it was; nothing when all is well. */
  readonly wrong: readonly string[];
  readonly moments: number;
  /** From `go`, and from the first intent, to the end, in ms. */
  readonly took: { readonly start: number; readonly intent: number };
  readonly folder: string;
}

export interface Bench {
  readonly root: string;
  readonly program: string;
  readonly engine: Engine;
  readonly catalogue: Catalogue;
  /** Targets are containers. */
  readonly onDocker: boolean;
}

/** One crash and what comes after it. The folder is left behind only when something is wrong. */
export async function runPoint(spec: PointSpec, rng: Rng, bench: Bench): Promise<PointResult> {
  const folder = join(bench.root, `point-${spec.index}`);
  const state = join(folder, 'state');
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const specimens: Specimen[] = [];
  const make = (fault: string) =>
    bench.onDocker
      ? makeContainerSpecimen(fault, bench.catalogue, rng)
      : makeSpecimen(fault, folder, bench.catalogue, rng);
  try {
    for (const fault of spec.faults) specimens.push(await make(fault));
    const before = await Promise.all(specimens.map((specimen) => specimen.snapshot()));
    const marker = join(folder, 'rolled-back');
    const plan = await bench.engine.plan(experiment(specimens, spec.rollback ? marker : null));
    const planFile = join(folder, 'plan.json');
    writeFileSync(planFile, JSON.stringify(plan));

    const { kill } = spec;
    const at = kill.how === 'moment' ? kill.at : undefined;
    const from = kill.how === 'never' ? 'start' : kill.from;
    const life = await live(bench.program, { state, plan: planFile, at, from }, kill);
    if (life.code !== 0 && !life.killed) throw new Error(`the runner failed by itself: ${life.errors}`);

    if (spec.reaper !== 'lives' && life.killed) {
      await new Promise((resolve) => setTimeout(resolve, spec.reaper as number));
      for (const { pid } of ours(state)) process.kill(pid, 'SIGKILL');
      if (spec.recoveryDiesAt !== null) {
        await live(bench.program, { state, from: 'start', at: spec.recoveryDiesAt }, { how: 'never' });
      }
    }
    const run = runIds(state)[0];
    const reapers = () =>
      events(state, run).flatMap((event) => (event.type === 'reaper-started' ? [event.reaper] : []));
    const reaperKnew = reapers().length > 0;
    const reapersGone = () => !reapers().some(sameProcess);
    await until(`no reaper is left of ${state}`, () => reapersGone() && ours(state).length === 0);
    const wrong: string[] = [];
    // A reaper that lives needs no help. Where none was started yet, a later start closes the run.
    if (life.killed && !(spec.reaper === 'lives' && reaperKnew)) {
      const next = await live(bench.program, { state, from: 'start' }, { how: 'never' });
      if (next.code !== 0) wrong.push(`the next start failed: ${next.errors}`);
    }
    await until('no process of the run is left', () => run === undefined || tagged(run).length === 0, 10_000).catch(
      (error: Error) => wrong.push(error.message),
    );
    for (const [index, specimen] of specimens.entries()) {
      const after = await specimen.snapshot();
      wrong.push(...differences(before[index], after).map((difference) => `${specimen.fault}: ${difference}`));
    }
    const open = run === undefined ? [] : checkRun(state, run, spec, marker, wrong);
    return { spec, killed: life.killed, open, wrong, moments: life.moments, took: life.took, folder };
  } finally {
    for (const specimen of specimens) await specimen.end();
  }
}

/** Remove what a good point leaves behind. */
export function clearPoint(result: PointResult): void {
  rmSync(result.folder, { recursive: true, force: true });
}

/** What the journal says about it; returns the faults that the runner left open. */
function checkRun(state: string, run: string, spec: PointSpec, marker: string, wrong: string[]): readonly string[] {
  const all = events(state, run);
  const left = outstanding(all);
  // Died before its first event: then nothing had happened, and there is nothing to close.
  if (!left.started) {
    if (all.length > 0) wrong.push('the journal does not begin with run-started');
    return [];
  }
  if (left.intents.length > 0) wrong.push(`still outstanding: ${left.intents.map(({ fault }) => fault).join(', ')}`);
  if (!left.finished) wrong.push('the run was not closed');
  if (left.unclean.length > 0) wrong.push(`not verified clean: ${left.unclean.join(', ')}`);
  if (needsRecovery(state, run)) wrong.push('it still needs recovery');
  if (left.finished?.outcome === 'rollback-incomplete') wrong.push(`incomplete: ${left.finished.reasons.join('; ')}`);
  // A run that was left alone and hit nobody tests nothing.
  if (spec.kill.how === 'never') {
    const skipped = all.flatMap((event) => (event.type === 'step-skipped' ? [event.reason] : []));
    if (!all.some((event) => event.type === 'injected')) wrong.push(`nothing was injected: ${skipped.join('; ')}`);
  }
  const dueRollback =
    spec.rollback && (left.touched || all.some((event) => event.type === 'phase' && event.phase === 'method'));
  if (dueRollback && !existsSync(marker)) wrong.push('the rollback of the experiment did not run');
  if (existsSync(join(state, 'runs', run, 'keep'))) {
    const kept = readdirSync(join(state, 'runs', run, 'keep'));
    if (kept.length > 0) wrong.push(`copies were kept: ${kept.join(', ')}`);
  }
  const byRunner = new Set(
    all.flatMap((event) => (event.type === 'recovered' && event.author.role === 'run' ? [event.injection] : [])),
  );
  return all.flatMap((event) => (event.type === 'intent' && !byRunner.has(event.injection) ? [event.fault] : []));
}

function experiment(specimens: readonly Specimen[], marker: string | null): Experiment {
  const steps = specimens.map(({ step }) => step);
  return {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Experiment',
    metadata: { name: 'crash-test' },
    spec: {
      ...{ seed: 1, steadyStateHypothesis: [], guards: {}, stopWhen: [] },
      method: steps.length === 1 ? steps : [{ kind: 'parallel', steps }],
      rollbacks: marker
        ? [{ name: 'leave a mark', action: { id: 'exec', params: { command: ['touch', marker] } } }]
        : [],
    },
  };
}

interface Life {
  readonly killed: boolean;
  readonly code: number | null;
  readonly errors: string;
  readonly moments: number;
  readonly took: { readonly start: number; readonly intent: number };
}

/** Start the program and wait until it and all that hold its pipes are gone; kill it on the way if so told. */
function live(program: string, task: Task, kill: Kill): Promise<Life> {
  const child = spawn(process.execPath, [program, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
  });
  let [errors, moments] = ['', 0];
  const at: Record<string, number> = {};
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [word = '', number] = line.split(' ');
    at[word === 'go' ? 'start' : word] ??= performance.now();
    if (word === 'moments') moments = Number(number);
    const told = word === 'go' ? 'start' : word;
    if (kill.how === 'time' && kill.from === told) setTimeout(() => child.kill('SIGKILL'), kill.ms);
  });
  const overdue = setTimeout(() => child.kill('SIGKILL'), 60_000);
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(overdue);
      const end = performance.now();
      const took = { start: end - (at.start ?? end), intent: end - (at.intent ?? end) };
      resolve({ killed: signal === 'SIGKILL', code, errors, moments, took });
    });
  });
}

const events = (state: string, run: string | undefined) => {
  const path = journalPath(state, run ?? 'none');
  return existsSync(path) ? scanJournal(path).events : [];
};

/** Our processes of this state folder: reapers, and nothing else. */
const ours = (state: string) => processes((line, pid) => pid !== process.pid && line.includes(`${state} `));

/** Helpers of this run: workers. A process that process-restart has started again is to stay. */
const tagged = (run: string) =>
  processes((_, pid) => environment(pid).some((entry) => entry.startsWith(`ZASHIKI_WORKER=${run}`)));

async function until(what: string, check: () => boolean, limit = 30_000): Promise<void> {
  const end = performance.now() + limit;
  while (!check()) {
    if (performance.now() > end) throw new Error(`waited ${limit} ms, but not so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** The log of the reaper and the journal, for a failure. */
export function evidence({ folder }: PointResult): string {
  const runs = join(folder, 'state', 'runs');
  return readdirSync(runs)
    .flatMap((run) => ['journal.jsonl', 'reaper.log'].map((name) => join(runs, run, name)))
    .filter((path) => existsSync(path))
    .map((path) => `--- ${path}\n${readFileSync(path, 'utf8')}`)
    .join('\n');
}

/** Where two JSON values differ, one line each. */
export function differences(before: unknown, after: unknown, path = ''): readonly string[] {
  if (isDeepStrictEqual(before, after)) return [];
  const objects = [before, after].every((value) => typeof value === 'object' && value !== null);
  if (!objects) return [`${path} was ${JSON.stringify(before)}, is ${JSON.stringify(after)}`];
  const [a, b] = [before as Record<string, unknown>, after as Record<string, unknown>];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
    differences(a[key], b[key], `${path}/${key}`),
  );
}
