import { parseDuration } from '../core/duration.ts';
import type { CounterTrigger } from '../server/daemon.ts';
import type { ChatWord } from '../triggers/index.ts';
import { usage } from './context.ts';

export interface TriggerFlags {
  readonly chatWord?: readonly string[];
  readonly chatUser?: readonly string[];
  readonly counter?: readonly string[];
  readonly counterStart: number;
  readonly counterStep: number;
  readonly counterEvery: string;
}

/** For a flag that may be given again and again. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** `destroy=kill-a-worker`, `halt=stop` → chat words; undefined when none were given. Throws `usage`. */
export function chatOf(flags: TriggerFlags, env: NodeJS.ProcessEnv) {
  if (!flags.chatWord) return undefined;
  if (!flags.chatUser)
    throw usage('--chat-word without --chat-user: nobody could use it', 'name who may, with --chat-user ID');
  const [token, slackSigningSecret] = [env.ZASHIKI_CHAT_TOKEN, env.ZASHIKI_SLACK_SIGNING_SECRET];
  if (!token && !slackSigningSecret) {
    throw usage('--chat-word needs to know who asks', 'set ZASHIKI_CHAT_TOKEN or ZASHIKI_SLACK_SIGNING_SECRET');
  }
  return { words: flags.chatWord.map(wordOf), users: flags.chatUser, token, slackSigningSecret };
}

function wordOf(text: string): ChatWord {
  const at = text.lastIndexOf('=');
  if (at < 1 || at === text.length - 1) throw usage(`--chat-word "${text}" is not WORD=EXPERIMENT`);
  const [word, goal] = [text.slice(0, at), text.slice(at + 1)];
  return { word, action: goal === 'stop' || goal === 'release' ? { kind: goal } : { kind: 'run', experiment: goal } };
}

/** `http://host/likes.json#likes_count=kill-a-worker` → counters. Throws `usage`. */
export function countersOf(flags: TriggerFlags): readonly CounterTrigger[] {
  const every = parseDuration(flags.counterEvery);
  if (every === undefined) throw usage(`--counter-every "${flags.counterEvery}" is not a duration`, 'like 30s or 10m');
  return (flags.counter ?? []).map((text) => {
    const match = /^(https?:\/\/[^#]+)#([^=]+)=(.+)$/.exec(text);
    if (!match) throw usage(`--counter "${text}" is not URL#PATH=EXPERIMENT`);
    const [, url = '', path = '', experiment = ''] = match;
    return { url, path, experiment, start: flags.counterStart, step: flags.counterStep, every };
  });
}
