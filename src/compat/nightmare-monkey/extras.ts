import type { Hono } from 'hono';
import type { EnginePort } from '../../core/engine-port.ts';
import { ZashikiError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { stopSentence } from '../../server/index.ts';
import { type Counter, chatRoute, createChat, createCounter, fileCounterStore } from '../../triggers/index.ts';
import type { Picked } from './pick.ts';
import type { ChatSettings, CounterSettings } from './settings.ts';

/** Words that the monkey hears, and what it says then. */
export const destroyWord = 're2:(destroy)|(ですとろい)|(デストロイ)';
export const destroyReply = '(emoticon)< デストイイイ!!!!';
const hubotDesc = 'request from hubot';

export interface MonkeyChatOptions {
  readonly settings: ChatSettings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly engine: EnginePort;
  readonly kill: (desc: string) => Promise<Picked>;
  readonly execute: boolean;
  readonly clock: Clock;
}

/** `POST /api/chat`: destroy, stop, release. Throws `usage` when no secret is set for it. */
export function monkeyChat({ settings, env, engine, kill, execute, clock }: MonkeyChatOptions): Hono {
  const [token, slackSigningSecret] = [env.ZASHIKI_CHAT_TOKEN, env.ZASHIKI_SLACK_SIGNING_SECRET];
  if (!token && !slackSigningSecret) {
    throw new ZashikiError(
      'usage',
      '--chat-users: set ZASHIKI_CHAT_TOKEN (a bot) or ZASHIKI_SLACK_SIGNING_SECRET (Slack)',
    );
  }
  const run = { kind: 'run', experiment: 'nightmare-monkey' } as const;
  const chat = createChat({
    words: [
      { word: destroyWord, action: run, reply: destroyReply, confirm: settings.confirm },
      { word: 'stop', action: { kind: 'stop' } },
      { word: 'release', action: { kind: 'release' } },
    ],
    users: settings.users,
    clock,
  });
  return chatRoute({
    chat,
    token,
    slackSigningSecret,
    now: () => clock.now(),
    async perform(action, user) {
      if (action.kind === 'stop') {
        const stopped = await engine.stop('asked for in chat', `chat:${user}`);
        return stopSentence(stopped, 'nothing is killed until it is released');
      }
      if (action.kind === 'release') {
        await engine.release(`chat:${user}`);
        return 'Released.';
      }
      const picked = await kill(hubotDesc);
      if (picked.kind === 'asleep') throw new Error('Nightmare Monkey is sleeping now');
      if (picked.kind !== 'killed') throw new Error(picked.message);
      return execute ? '' : 'A dry run: nothing was killed.';
    },
  });
}

/** Kills each time the number passes its next threshold. */
export function monkeyCounter(
  settings: CounterSettings,
  kill: (desc: string) => Promise<Picked>,
  clock: Clock,
  log: (line: string) => void,
): Counter {
  return createCounter({
    url: settings.url,
    path: settings.path,
    start: settings.start,
    step: settings.step,
    every: settings.interval * 1000,
    store: fileCounterStore(settings.stateFile),
    // The spelling is the original script's.
    fire: (value) => kill(`Congraturations you have got ${value} like`),
    clock,
    onWarning: (message) => log(`error: ${message}`),
  });
}
