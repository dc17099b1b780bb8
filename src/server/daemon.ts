import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { ZashikiError } from '../core/errors.ts';
import type { JournalEvent } from '../core/events.ts';
import type { Experiment, Json, Verdict, Window } from '../core/model.ts';
import { groupsOf, narrowTo } from '../core/plan.ts';
import { drawSeed, seededRng } from '../core/rng.ts';
import type { Schedule } from '../core/schedule/model.ts';
import { windowOf } from '../core/schedule/next.ts';
import { aborted } from '../core/signal.ts';
import { followJournal } from '../journal/follow.ts';
import { removeRun } from '../journal/history.ts';
import { hasRun, type RunSummary, runSummary } from '../journal/runs.ts';
import { journalPath } from '../journal/state.ts';
import { fanOut, type Notifier } from '../notifiers/index.ts';
import type { Engine } from '../sdk/engine.ts';
import { readDocuments, readValue } from '../spec/index.ts';
import { type ChatWord, chatRoute, createChat, createCounter, fileCounterStore } from '../triggers/index.ts';
import { type Firing, runSchedules } from '../triggers/schedule.ts';
import { openScheduleFiles } from '../triggers/schedule-store.ts';
import { createApp } from './app.ts';
import { chatActions } from './chat-actions.ts';
import { type Listening, listen } from './listen.ts';
import { asOnlyDaemon } from './only-daemon.ts';
import type { RunRow } from './run-view.ts';
import { scheduleLine } from './schedule-line.ts';

export interface CounterTrigger {
  readonly url: string;
  readonly path: string;
  readonly start?: number;
  readonly step?: number;
  readonly every?: number;
  /** Name of the experiment that is run. */
  readonly experiment: string;
}

export interface DaemonOptions {
  readonly engine: Engine;
  readonly schedules: readonly Schedule[];
  /** By name, for the chat words and the counters. */
  readonly experiments: readonly Experiment[];
  /** False: everything is dry. */
  readonly execute: boolean;
  readonly seed?: number | undefined;
  readonly sealed?: boolean;
  readonly http?: {
    readonly host: string;
    readonly port: number;
    readonly token: string;
    readonly allowExec: boolean;
    readonly names?: readonly string[];
    readonly faults: () => Json;
  };
  readonly chat?: {
    readonly words: readonly ChatWord[];
    readonly users: readonly string[];
    readonly slackSigningSecret?: string | undefined;
    readonly token?: string | undefined;
  };
  readonly counters: readonly CounterTrigger[];
  readonly notifiers: readonly Notifier[];
  readonly version: string;
  readonly author: string;
  /** One line for the log. */
  readonly log: (line: string) => void;
  /** A listener for the events of one run. */
  readonly follow?: () => (event: JournalEvent) => void;
  readonly onListening?: (url: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Schedules, HTTP API and triggers in one process, until `signal` aborts; then what is in flight is recovered. One
 * daemon per state folder: throws `lock-busy` for a second one.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  await asOnlyDaemon(options.engine.state, () => serve(options));
}

async function serve(options: DaemonOptions): Promise<void> {
  const { engine, signal, log, execute } = options;
  const notices = fanOut({ notifiers: options.notifiers, onWarning: log });
  const named = new Map(options.experiments.map((experiment) => [experiment.metadata.name, experiment]));
  const sealed = options.sealed ?? false;
  // Whoever begins a run, it is told of to the same notifiers and to the same log.
  const perform: Engine['run'] = async (request, more = {}) => {
    const follow = notices.follow();
    const show = options.follow?.();
    return engine.run(
      { ...request, sealed: request.sealed === true || sealed },
      {
        ...more,
        signal: more.signal ?? signal,
        onEvent(event) {
          follow(event);
          show?.(event);
          more.onEvent?.(event);
        },
      },
    );
  };
  const told: Engine = {
    ...engine,
    async run(request, more) {
      const result = await perform(request, more);
      const drill = sealed || request.sealed === true;
      log(`${result.run}: ${verdictLine(result.verdict, request.execute === true, drill)}`);
      return result;
    },
  };

  const seed = options.seed ?? drawSeed();
  if (options.schedules.length > 0) log(`seed ${seed}`);
  else log('no schedule is loaded; experiments run only by the API, a chat word or a counter');
  // What was only played dry must not count as done for real.
  const store = openScheduleFiles(join(engine.state, execute ? 'schedules' : 'schedules-dry'));
  const fire = async (schedule: Schedule, { run, group, signal: ends }: Firing) => {
    const { metadata, spec } = schedule;
    const whole = experimentOf(schedule);
    const experiment = 'meanTimeBetween' in spec.schedule ? narrowTo(group, whole) : whole;
    const request = { id: run, experiment, author: `schedule ${metadata.name}`, execute, sealed: spec.sealed };
    const { verdict } = await perform({ ...request, ...seedOf(experiment, seed, run) }, { signal: ends });
    log(`${metadata.name}: run ${run} ${verdictLine(verdict, execute, sealed || spec.sealed === true)}`);
    return verdict.outcome;
  };
  let server: Listening | undefined;
  const app = options.http ? await openHttp(options, told, named) : undefined;
  try {
    if (app && options.http) {
      const { host, port, token } = options.http;
      server = await listen({ fetch: app.app.fetch, host, port, guarded: token !== '' });
      log(`listening on ${server.url}`);
      options.onListening?.(server.url);
    }
    const counters = options.counters.map((counter) => openCounter(counter, options, told, named).loop(signal));
    const schedules = runSchedules({
      schedules: options.schedules,
      store,
      clock: systemClock,
      rng: (purpose) => seededRng(seed, purpose),
      groups: (schedule) => groupsOf(experimentOf(schedule), engine.catalogue),
      fire,
      runId: () => engine.newRunId(),
      onEvent: (event) => {
        if (event.type === 'prune') for (const run of event.runs) prune(engine, run);
        const line = scheduleLine(event, windowsOf(options.schedules, event.schedule));
        if (line) log(line);
      },
      signal,
    });
    await Promise.all([...counters, schedules, app ? aborted(signal) : undefined]);
  } finally {
    await server?.close();
    await app?.settled();
    store.close();
    await notices.flush();
  }
}

/** What a run came to, with the reasons unless it was a drill. A dry run has no verdict to tell. */
function verdictLine({ outcome, reasons }: Verdict, execute: boolean, sealed: boolean): string {
  if (!execute && outcome === 'held') return 'dry run: nothing was injected';
  return sealed || reasons.length === 0 ? outcome : `${outcome}: ${reasons.join('; ')}`;
}

/** The windows that a due time of this schedule must lie in: the schedule's own, and the experiment's guard. */
function windowsOf(schedules: readonly Schedule[], name: string): readonly Window[] {
  const spec = schedules.find(({ metadata }) => metadata.name === name)?.spec;
  return [spec && windowOf(spec), spec?.experiment.guards.window].filter((window) => window !== undefined);
}

/** The experiment that a schedule runs, under the schedule's name. */
const experimentOf = ({ metadata, spec }: Schedule): Experiment => ({
  apiVersion: 'zashiki.dev/v1',
  kind: 'Experiment',
  metadata,
  spec: spec.experiment,
});

/** A schedule without a seed of its own draws anew each time, replayable from the daemon's seed and the run's id. */
const seedOf = (experiment: Experiment, seed: number, run: string) =>
  experiment.spec.seed === undefined ? { seed: seededRng(seed, run).below(0x7fffffff) } : {};

async function openHttp(options: DaemonOptions, engine: Engine, named: ReadonlyMap<string, Experiment>) {
  const { http, chat, execute, version, signal, log } = options;
  if (!http) return undefined;
  const triggers = chat
    ? {
        '/triggers/chat': chatRoute({
          chat: createChat({ ...chat, clock: systemClock }),
          slackSigningSecret: chat.slackSigningSecret,
          token: chat.token,
          perform: chatActions({ engine, experiments: Object.fromEntries(named), execute, signal, onWarning: log }),
        }),
      }
    : {};
  return createApp({
    engine,
    runs: {
      listRuns: async () => engine.listRuns(200).flatMap(rowOf),
      readRun: async (id) => (hasRun(engine.state, id) ? engine.readRun(id).events : undefined),
      followRun: async (id) => (hasRun(engine.state, id) ? followJournal(journalPath(engine.state, id)) : undefined),
    },
    token: http.token,
    parse: readExperiment,
    faults: http.faults,
    execute,
    allowExec: http.allowExec,
    names: http.names ?? [],
    triggers,
    version,
    signal,
    onWarning: log,
  });
}

/** None for a run that died before it wrote anything. */
function rowOf({ id, outcome, experiment, startedAt, finishedAt, dryRun, sealed }: RunSummary): readonly RunRow[] {
  const known = outcome === 'running' || outcome === 'crashed' ? null : outcome;
  return experiment === '' ? [] : [{ run: id, experiment, startedAt, finishedAt, outcome: known, dryRun, sealed }];
}

async function readExperiment(document: unknown): Promise<Experiment> {
  const read = typeof document === 'string' ? readDocuments : readValue;
  const { documents, problems } = await read(document as string, 'experiment');
  const [first] = problems;
  if (first) {
    throw new ZashikiError('document-invalid', problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  }
  const [only] = documents;
  if (only?.kind !== 'Experiment')
    throw new ZashikiError('usage', 'experiment: one document of kind Experiment is wanted');
  return only.experiment;
}

function openCounter(
  trigger: CounterTrigger,
  options: DaemonOptions,
  engine: Engine,
  named: ReadonlyMap<string, Experiment>,
) {
  const experiment = named.get(trigger.experiment);
  if (!experiment) throw new ZashikiError('usage', `no experiment is called "${trigger.experiment}"`);
  const { url, path, start, step, every } = trigger;
  const file = `counter-${trigger.experiment}.json`;
  return createCounter({
    url,
    path,
    ...(start === undefined ? {} : { start }),
    ...(step === undefined ? {} : { step }),
    ...(every === undefined ? {} : { every }),
    store: fileCounterStore(join(options.engine.state, file)),
    fire: (value) => engine.run({ experiment, author: `counter at ${value}`, execute: options.execute }),
    onWarning: options.log,
  });
}

/** A finished run beyond a schedule's history limit. What still needs recovery is never thrown away. */
function prune(engine: Engine, run: string): void {
  const { outcome, recoveredLater } = runSummary(engine.state, run) ?? { outcome: 'running' };
  if (outcome === 'running' || outcome === 'crashed') return;
  if (outcome === 'rollback-incomplete' && !recoveredLater) return;
  removeRun(engine.state, run, systemClock);
}
