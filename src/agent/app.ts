import type { IncomingMessage } from 'node:http';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { errorRecord, isError, ZashikiError } from '../core/errors.ts';
import type { Json } from '../core/model.ts';
import { type Path, type RequestOf, requests } from '../remote/wire.ts';
import { notFound, problem, refusedProblem, thrownProblem, wrongMethod } from '../server/problem.ts';
import type { Activity } from './activity.ts';
import type { Admission } from './auth.ts';
import { isOpen } from './held.ts';
import { type StatusPorts, statusOf } from './status.ts';
import type { Telemetry } from './telemetry.ts';

export interface AgentAppOptions extends StatusPorts {
  readonly telemetry: Telemetry;
  readonly admit: (incoming: IncomingMessage) => Promise<Admission>;
  readonly activity: Activity;
  readonly log: (line: string) => void;
}

type Env = { Bindings: { incoming: IncomingMessage }; Variables: { who: string } };

const longestBody = 8 << 20;

/** The HTTP API of an agent. Nothing changes on GET; every error is `{ error: { code, message, hint } }`. */
export function createAgentApp(options: AgentAppOptions): Hono<Env> {
  const { work, telemetry, log } = options;
  const app = new Hono<Env>();
  app.onError((error) => thrownProblem(forClient(error, log), log));
  app.notFound(notFound);
  // Whether we live is no secret, and a kubelet has no certificate of ours.
  app.get('/healthz', (c) => c.json({ status: 'ok', version: options.version }));
  app.use(async (c, next) => {
    const admission = await options.admit(c.env.incoming);
    if (!('as' in admission)) return refusedProblem(admission);
    c.set('who', admission.as);
    await options.activity.during(next);
    c.res.headers.set('cache-control', 'no-store');
  });
  app.use(
    bodyLimit({ maxSize: longestBody, onError: () => problem(413, 'too-large', 'the body is longer than 8 MiB') }),
  );

  const post = <P extends Path>(
    path: P,
    answer: (body: RequestOf<P>, signal: AbortSignal, who: string) => Promise<object> | object,
  ) => {
    app.post(path, async (c) => {
      const body = await read(c.req.raw, path);
      return c.json((await wanting(() => answer(body, c.req.raw.signal, c.get('who')))) as never);
    });
    app.all(path, (c) => wrongMethod(c, ['POST']));
  };
  post('/v1/targets', (body, signal) => work.targets(body, signal));
  post('/v1/check', (body) => work.check(body));
  post('/v1/foresee', (body, signal) => work.foresee(body, signal));
  post('/v1/plan', (body, signal, who) => work.plan(body, who, signal));
  post('/v1/inject', async (body) => {
    await work.inject(body);
    return { on: true };
  });
  post('/v1/observe', (body, signal) => work.observe(body, signal));
  post('/v1/recover', (body, _, who) => work.recover(body, who));
  post('/v1/verify', (body, signal) => work.verify(body, signal));
  post('/v1/lease', (body) => ({ on: work.lease(body) }));

  app.get('/v1/status', (c) => c.json(statusOf(options) as never));
  app.get('/metrics', (c) => {
    const on = work.held().filter((one) => isOpen(one) && one.phase !== 'planned');
    const here = on.map((one) => ({ fault: one.intent.fault, stuck: one.retry !== undefined }));
    const left = options.leftovers().map(({ fault }) => ({ fault, stuck: true }));
    return c.text(telemetry.text([...here, ...left]), 200, { 'content-type': 'text/plain; version=0.0.4' });
  });
  return app;
}

/** An agent's client is one who may do anything here: what went wrong is no secret to it. */
function forClient(error: Error, log: (line: string) => void): Error {
  if (isError(error)) return error;
  log(error.stack ?? error.message);
  return new ZashikiError('internal', errorRecord(error).message, { cause: error });
}

/** What must be found out first is an answer, not an error. */
async function wanting(answer: () => Promise<object> | object): Promise<object> {
  try {
    return await answer();
  } catch (error) {
    const wants = (error as { wants?: Json }).wants;
    if (isError(error) || wants === undefined) throw error;
    return { wants };
  }
}

async function read<P extends Path>(request: Request, path: P): Promise<RequestOf<P>> {
  let value: unknown;
  try {
    value = await request.json();
  } catch (cause) {
    throw new ZashikiError('usage', `the body is not JSON: ${(cause as Error).message}`);
  }
  const result = requests[path].safeParse(value);
  if (result.success) return result.data as RequestOf<P>;
  const issue = result.error.issues[0];
  throw new ZashikiError('usage', `${issue?.path.join('.') || 'the body'}: ${issue?.message}`, {
    hint: 'see the agent’s API in the guide; are both of one version?',
  });
}
