import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import type { EnginePort } from '../core/engine-port.ts';
import { ZashikiError } from '../core/errors.ts';
import type { Experiment, Json } from '../core/model.ts';
import { browserRefusal, guard, tokenRefusal } from './guard.ts';
import { launch } from './launch.ts';
import { refuseExec } from './policy.ts';
import { notFound, problem, refusedProblem, thrownProblem, wrongMethod } from './problem.ts';
import { type RunStore, runDetail, shownRow } from './run-view.ts';
import { createWake, streamRun } from './stream.ts';

export interface AppOptions {
  readonly engine: EnginePort;
  readonly runs: RunStore;
  /** All of /api/v1 asks for it. */
  readonly token: string;
  /** A document as it came (JSON, or YAML as text) to a validated experiment. Throws `document-invalid`. */
  readonly parse: (document: unknown) => Experiment | Promise<Experiment>;
  /** What `GET /api/v1/faults` answers. */
  readonly faults: () => Json;
  /** False (the default): every run is dry, whatever a request asks for. */
  readonly execute?: boolean;
  /** Documents may name programs to run. Default false. */
  readonly allowExec?: boolean;
  /** Host names besides addresses and localhost under which this is reached. */
  readonly names?: readonly string[];
  /** Trigger routes by path, e.g. `{ '/triggers/chat': chatRoute(…) }`; they check who asks by themselves. */
  readonly triggers?: Readonly<Record<string, Hono>>;
  readonly version?: string;
  /** Aborted: runs in flight are recovered and streams end. */
  readonly signal?: AbortSignal;
  readonly onWarning?: (message: string) => void;
}

export interface App {
  readonly app: Hono;
  /** Resolves when no run that was begun here is in flight. */
  settled(): Promise<void>;
}

const oneMiB = 1 << 20;

const RunBody = z.strictObject({
  experiment: z.union([z.record(z.string(), z.unknown()), z.string()], {
    error: 'the body needs "experiment": a document, or its YAML as text',
  }),
  execute: z.boolean().default(false),
  sealed: z.boolean().default(false),
  seed: z.int().min(0).max(0x7fffffff).optional(),
});
const StopBody = z.strictObject({ reason: z.string().min(1).max(500).default('stopped over the API') });

/** The HTTP API. Nothing changes on GET; every error is `{ error: { code, message, hint } }`. */
export function createApp(options: AppOptions): App {
  const { engine, runs, signal, onWarning = () => {} } = options;
  const wake = createWake();
  const inFlight = new Set<Promise<unknown>>();
  const app = new Hono();
  app.onError((error) => thrownProblem(error, onWarning));
  app.notFound(notFound);
  // Before the guard: they are signed, and come by the public name of a proxy.
  for (const [path, route] of Object.entries(options.triggers ?? {})) app.route(path, route);
  app.use(guard((header) => browserRefusal(header, options.names), refusedProblem));
  app.use(
    bodyLimit({
      maxSize: oneMiB,
      onError: () => problem(413, 'too-large', 'the body is longer than 1 MiB', 'send a smaller document'),
    }),
  );
  app.use(
    '/api/v1/*',
    guard((header) => tokenRefusal(header, options.token), refusedProblem),
  );
  app.use('/api/v1/*', async (c, next) => {
    await next();
    c.res.headers.set('cache-control', 'no-store');
  });

  app.get('/healthz', (c) => c.json({ status: 'ok', version: options.version ?? null }));
  app.get('/api/v1/faults', (c) => c.json({ faults: options.faults() }));

  app.get('/api/v1/runs', async (c) => c.json({ runs: (await runs.listRuns()).map(shownRow) }));

  app.post('/api/v1/runs', async (c) => {
    const asked = await readBody(c.req.raw, RunBody);
    if (asked.execute && options.execute !== true) {
      throw new ZashikiError('refused', 'this server only makes dry runs', { hint: 'start it with --execute' });
    }
    const experiment = await options.parse(asked.experiment);
    if (options.allowExec !== true) refuseExec(experiment);
    const { execute, sealed, seed } = asked;
    let run: string | undefined;
    const { started, finished } = launch(
      engine,
      { experiment, author: 'api', execute, sealed, ...(seed === undefined ? {} : { seed }) },
      {
        ...(signal ? { signal } : {}),
        onEvent: (event) => {
          if (event.type === 'run-started') run = event.run;
          if (run !== undefined) wake(run);
        },
      },
    );
    const tracked = finished.catch((error: unknown) => {
      if (run !== undefined) onWarning(`run ${run}: ${error instanceof Error ? error.message : String(error)}`);
    });
    inFlight.add(tracked);
    tracked.finally(() => inFlight.delete(tracked));
    run = await started;
    c.header('Location', `/api/v1/runs/${run}`);
    if (c.req.query('wait') !== 'true') return c.json({ run }, 202);
    const { verdict } = await finished;
    return c.json({ run, verdict });
  });

  app.get('/api/v1/runs/:id', async (c) => {
    const detail = runDetail(await eventsOf(runs, c.req.param('id')));
    if (!detail) throw unknownRun(c.req.param('id'));
    return c.json(detail);
  });

  app.get('/api/v1/runs/:id/events', async (c) => {
    const run = c.req.param('id');
    const read = looksLikeId(run) ? await runs.followRun(run) : undefined;
    if (!read) throw unknownRun(run);
    return streamRun(c, run, read, wake, signal);
  });

  app.post('/api/v1/stop', async (c) => {
    const { reason } = await readBody(c.req.raw, StopBody);
    const { stopped: stoppedRuns, outstanding, leverError } = await engine.stop(reason, 'api');
    const facts = { reason, runs: stoppedRuns, outstanding };
    if (outstanding.length === 0 && leverError === null) return c.json({ stopped: true, ...facts });
    const error =
      outstanding.length > 0
        ? {
            code: 'recover-failed',
            message: `${outstanding.length} are still outstanding`,
            hint: 'try: zashiki recover',
          }
        : { code: 'state-unwritable', message: `the stop lever is not pulled: ${leverError}` };
    return c.json({ stopped: false, ...facts, leverPulled: leverError === null, error }, 500);
  });

  app.post('/api/v1/stop/release', async (c) => {
    await engine.release('api');
    return c.json({ stopped: false });
  });

  // Last, so that only what no route above takes comes here.
  for (const [path, methods] of methodsByPath(app)) app.all(path, (c) => wrongMethod(c, methods));

  return {
    app,
    async settled() {
      while (inFlight.size > 0) await Promise.all(inFlight);
    },
  };
}

/** What each path of the API answers to. */
function methodsByPath(app: Hono): ReadonlyMap<string, readonly string[]> {
  const known = new Map<string, string[]>();
  for (const { path, method } of app.routes) {
    if (method === 'ALL' || !path.startsWith('/api/v1/')) continue;
    const methods = method === 'GET' ? ['GET', 'HEAD'] : [method];
    known.set(path, [...(known.get(path) ?? []), ...methods]);
  }
  return known;
}

/** An empty body is `{}`. Throws `usage` naming the field. */
async function readBody<T extends z.ZodType>(request: Request, schema: T): Promise<z.output<T>> {
  const text = await request.text();
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new ZashikiError('usage', `the body is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  const field = issue?.path.join('.') || 'the body';
  const message = issue?.message ?? 'wrong';
  throw new ZashikiError('usage', message.startsWith('the body') ? message : `${field}: ${message}`, {
    hint: 'see the API reference for the fields',
  });
}

/** Ids become file names, so only what an id can look like is looked up. */
const looksLikeId = (run: string) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(run);

async function eventsOf(runs: RunStore, run: string) {
  const events = looksLikeId(run) ? await runs.readRun(run) : undefined;
  if (!events) throw unknownRun(run);
  return events;
}

const unknownRun = (run: string) =>
  new ZashikiError('run-unknown', `there is no run ${JSON.stringify(run.slice(0, 80))}`, {
    hint: 'GET /api/v1/runs lists them',
  });
