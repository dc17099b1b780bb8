import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { browserRefusal, tokenRefusal } from '../../server/index.ts';
import { goJson } from './go-text.ts';
import type { Picked } from './pick.ts';

export interface KillApiOptions {
  /** Picks, kills and logs. */
  readonly kill: (desc: string) => Promise<Picked>;
  readonly log: (line: string) => void;
  readonly execute: boolean;
  readonly sealed: boolean;
  /** Asked for when it is set. */
  readonly token?: string | undefined;
  readonly chat?: Hono | undefined;
}

/**
 * `POST /api/kill` with `{ "desc" }`, answered as Nightmare Monkey 0.0.1 does, but for: application/json, a missing
 * desc is 400, outside the window is 409, a dry run says so, and web pages are kept out.
 */
export function killApi(options: KillApiOptions): Hono {
  const { kill, log, execute, sealed, token } = options;
  const app = new Hono();
  app.notFound(() => text(404, '404 page not found\n'));
  app.onError((error) => {
    log(`error: ${error.message}`);
    return answer(500, { code: 500, message: 'something went wrong' });
  });
  app.use(async (c, next) => {
    const header = (name: string) => c.req.header(name);
    const chat = c.req.path === '/api/chat' && options.chat !== undefined;
    // Chat checks by itself who asks, and its requests come by the name of a proxy.
    const refused = chat ? null : (browserRefusal(header) ?? (token ? tokenRefusal(header, token) : null));
    if (refused) return failure(refused.status, refused.message);
    await next();
  });
  app.use(bodyLimit({ maxSize: 1 << 20, onError: () => failure(413, 'the body is longer than 1 MiB') }));
  app.post('/api/kill', async (c) => {
    const body = Buffer.from(await c.req.arrayBuffer()).toString('utf8');
    const read = readDesc(body);
    if (read.error !== undefined) {
      log(`error: ${read.error}`);
      return failure(400, read.missing ? read.error : 'format error');
    }
    const picked = await kill(read.desc);
    if (picked.kind === 'asleep') return failure(409, 'Nightmare Monkey is sleeping now');
    if (picked.kind === 'refused') return failure(409, picked.message);
    if (sealed) return answer(200, { desc: read.desc, sealed: true, ...(execute ? {} : { dryRun: true }) });
    if (picked.kind === 'failed') return failure(500, picked.message);
    const { name, pid, ppid } = picked.victim;
    return answer(200, { name, desc: read.desc, pid, ppid, ...(execute ? {} : { dryRun: true }) });
  });
  app.all('/api/kill', () => new Response(null, { status: 405, headers: { allow: 'POST' } }));
  if (options.chat) app.route('/api/chat', options.chat);
  return app;
}

type Desc =
  | { readonly desc: string; readonly error?: undefined }
  | { readonly error: string; readonly missing: boolean };

const missing = 'desc is required: say why, like {"desc":"game day"}';

/** Go's decoder: other keys are let by, letter case of the key does not count. */
function readDesc(body: string): Desc {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error), missing: false };
  }
  if (value === null) return { error: missing, missing: true };
  if (typeof value !== 'object' || Array.isArray(value)) return { error: 'the body is not an object', missing: false };
  const desc = Object.entries(value).findLast(([key]) => key.toLowerCase() === 'desc')?.[1] ?? '';
  if (typeof desc !== 'string') return { error: 'desc is not a string', missing: false };
  return desc.trim() === '' ? { error: missing, missing: true } : { desc };
}

const failure = (code: number, message: string) => answer(code, { code, message });

const answer = (status: number, body: unknown) =>
  new Response(goJson(body), { status, headers: { 'content-type': 'application/json' } });

const text = (status: number, body: string) =>
  new Response(body, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  });
