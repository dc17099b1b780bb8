import { randomInt } from 'node:crypto';
import type { Milliseconds } from '../core/model.ts';
import { compilePattern, patternPrefix } from '../core/pattern.ts';
import type { Clock } from '../core/ports.ts';

/** What a word leads to. `run` names an experiment that the daemon was started with. */
export type ChatAction =
  | { readonly kind: 'run'; readonly experiment: string }
  | { readonly kind: 'stop' }
  | { readonly kind: 'release' };

export interface ChatWord {
  /** The whole message, letter case and outer blanks apart; or `re2:…`, found anywhere in it. */
  readonly word: string;
  readonly action: ChatAction;
  /** Said, before the outcome, when it was begun without an error. */
  readonly reply?: string | undefined;
  /** Ask back first. Default: true, but never for `stop`. */
  readonly confirm?: boolean | undefined;
}

export interface ChatOptions {
  readonly words: readonly ChatWord[];
  /** Who may use them, exactly as the chat names them (Slack: user ids such as U02ABC). Nobody else may. */
  readonly users: readonly string[];
  readonly clock: Pick<Clock, 'mono'>;
  /** Four digits for a confirmation. Default: from the system's entropy, so that nobody can tell the next one. */
  readonly drawCode?: () => string;
  /** How long a code is good. Default 60 s. */
  readonly confirmWithin?: Milliseconds;
}

export type ChatDecision =
  | { readonly kind: 'unknown'; readonly text: string }
  | { readonly kind: 'refused'; readonly text: string }
  | { readonly kind: 'ask'; readonly text: string }
  | { readonly kind: 'act'; readonly action: ChatAction; readonly reply: string | undefined };

/** Decides what a message means; does nothing itself. */
export interface Chat {
  hear(message: { readonly user: string; readonly text: string }): ChatDecision;
}

interface Pending {
  readonly code: string;
  readonly word: ChatWord;
  readonly until: Milliseconds;
}

/**
 * Words to actions, for allowed users. A dangerous word gets a code back, and only `confirm CODE` by the same user in
 * time acts, once; a wrong code ends it. Throws an Error for a bad `re2:` word.
 */
export function createChat(options: ChatOptions): Chat {
  const { clock, confirmWithin = 60_000, drawCode = () => String(randomInt(1000, 10_000)) } = options;
  const words = options.words.map((word) => ({ word, matches: matcher(word.word) }));
  const pending = new Map<string, Pending>();

  const confirmed = (user: string, code: string): ChatDecision => {
    const asked = pending.get(user);
    pending.delete(user);
    if (!asked || asked.code !== code || clock.mono() > asked.until) {
      return {
        kind: 'refused',
        text: 'That code is not good (wrong, used, too late, or not yours). Nothing was done.',
      };
    }
    return { kind: 'act', action: asked.word.action, reply: asked.word.reply };
  };

  return {
    hear({ user, text }) {
      const code = /^confirm\s+(\d+)$/.exec(plain(text))?.[1];
      const found = code === undefined ? words.find(({ matches }) => matches(text))?.word : undefined;
      if (code === undefined && !found) {
        const known = options.words.map(({ word }) => word).join(', ');
        return { kind: 'unknown', text: `I do not know that. Nothing was done. Known: ${known}` };
      }
      if (!options.users.includes(user)) {
        return { kind: 'refused', text: `${user} may not do this. Nothing was done.` };
      }
      if (code !== undefined) return confirmed(user, code);
      if (!found) throw new Error('unreachable');
      if (found.action.kind === 'stop' || found.confirm === false) {
        return { kind: 'act', action: found.action, reply: found.reply };
      }
      const drawn = drawCode();
      pending.set(user, { code: drawn, word: found, until: clock.mono() + confirmWithin });
      const seconds = Math.round(confirmWithin / 1000);
      return { kind: 'ask', text: `${describe(found.action)}? Say \`confirm ${drawn}\` within ${seconds} s.` };
    },
  };
}

function describe(action: ChatAction): string {
  if (action.kind === 'run') return `Run ${action.experiment}`;
  return action.kind === 'stop' ? 'Stop everything' : 'Let runs begin again';
}

const plain = (text: string) => text.normalize('NFKC').trim().toLowerCase();

function matcher(word: string): (text: string) => boolean {
  if (word.startsWith(patternPrefix)) return compilePattern(word);
  const wanted = plain(word);
  return (text) => plain(text) === wanted;
}
