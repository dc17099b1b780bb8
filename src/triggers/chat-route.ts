import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { EpochMs, Milliseconds } from '../core/model.ts';
import { bearerOf, sameSecret } from '../core/secret.ts';
import type { Chat, ChatAction } from './chat.ts';
import { slackVerifier } from './slack-signature.ts';

export interface ChatRouteOptions {
  readonly chat: Chat;
  /** Signing secret of the Slack app; without it form requests are refused. */
  readonly slackSigningSecret?: string | undefined;
  /** Bearer token of a bot that sends JSON; without it JSON requests are refused. */
  readonly token?: string | undefined;
  /** Carry it out; what it returns is said. Throws an Error whose message is said. */
  readonly perform: (action: ChatAction, user: string) => Promise<string>;
  readonly now?: () => EpochMs;
  /** Slack gives up after 3 s, so an answer is given by then. Default 2.5 s. */
  readonly answerWithin?: Milliseconds;
}

interface Message {
  readonly user: string;
  readonly text: string;
}

/**
 * `POST /`: a Slack slash command (form, signed) or a bot (`{ "text", "user" }` with a bearer token). Answers Slack's
 * `{ response_type, text }`; a bot's unknown word gets 204, so that it may pass on all it hears.
 */
export function chatRoute(options: ChatRouteOptions): Hono {
  const verify = slackVerifier(options.slackSigningSecret ?? '', options.now ?? Date.now);
  const app = new Hono();
  app.post('/', bodyLimit({ maxSize: 65_536 }), async (c) => {
    const body = await c.req.text();
    const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
    let message: Message | undefined;
    let slack = false;
    if (type === 'application/x-www-form-urlencoded') {
      slack = true;
      const refusal = options.slackSigningSecret
        ? verify(signatureHeaders(c.req.header('x-slack-request-timestamp'), c.req.header('x-slack-signature')), body)
        : 'no Slack signing secret is configured';
      if (refusal) return c.json(wrong('unauthorized', refusal), 401);
      message = slackMessage(body);
    } else if (type === 'application/json') {
      const given = bearerOf(c.req.header('authorization'));
      if (!options.token || given === undefined || !sameSecret(given, options.token)) {
        return c.json(wrong('unauthorized', 'the bearer token is missing or wrong'), 401);
      }
      message = botMessage(body);
    } else {
      return c.json(wrong('usage', 'send a form (Slack) or application/json'), 415);
    }
    if (!message) return c.json(wrong('usage', 'text and user are required, both as text'), 400);

    const decision = options.chat.hear(message);
    if (decision.kind === 'unknown' && !slack) return c.body(null, 204);
    if (decision.kind !== 'act') return c.json({ response_type: 'ephemeral', text: decision.text });
    const { reply } = decision;
    const done = options
      .perform(decision.action, message.user)
      .then((said) => [reply, said].filter(Boolean).join('\n'), failed);
    const text = await within(
      done,
      options.answerWithin ?? 2500,
      [reply, 'It is on its way.'].filter(Boolean).join('\n'),
    );
    return c.json({ response_type: 'in_channel', text });
  });
  return app;
}

const wrong = (code: string, message: string) => ({ error: { code, message } });

const failed = (error: unknown) => `It failed: ${error instanceof Error ? error.message : String(error)}`;

const signatureHeaders = (timestamp: string | undefined, signature: string | undefined) => ({
  ...(timestamp === undefined ? {} : { timestamp }),
  ...(signature === undefined ? {} : { signature }),
});

/** A command without a text is its own word: `/destroy` says `destroy`. Names may be changed, so only the id counts. */
function slackMessage(body: string): Message | undefined {
  const form = new URLSearchParams(body);
  const user = form.get('user_id') ?? '';
  const text = form.get('text')?.trim() || (form.get('command') ?? '').replace(/^\//, '');
  return user && text ? { user, text } : undefined;
}

function botMessage(body: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (value === null || typeof value !== 'object' || !('text' in value) || !('user' in value)) return undefined;
    const { text, user } = value;
    return typeof text === 'string' && typeof user === 'string' && user !== '' ? { text, user } : undefined;
  } catch {
    return undefined;
  }
}

async function within(work: Promise<string>, limit: Milliseconds, otherwise: string): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), limit);
  });
  const text = await Promise.race([work, late]);
  clearTimeout(timer);
  return text;
}
