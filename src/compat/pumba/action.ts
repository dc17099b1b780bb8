import type { JsonObject, Milliseconds, TargetRef } from '../../core/model.ts';
import type { Fields } from './log-entry.ts';
import type { TargetWish } from './targets.ts';

/** One line that Pumba logs for a container. */
export interface Told {
  readonly message: string;
  fields(target: TargetRef): Fields;
}

/** What is done to each container, and what Pumba says of it. */
export interface Action {
  readonly fault: string;
  readonly params: JsonObject;
  readonly duration?: Milliseconds;
  /** Which containers can be targets, by what they do. Default: those that run. */
  readonly state?: 'all' | 'stopped';
  /** Image of the helper container, when one was asked for. */
  readonly helper?: string;
  /** At most so many; 0: all. */
  readonly limit: number;
  readonly begins: Told;
  /** When it is undone. */
  readonly ends?: Told;
  /** With what a program has said. */
  readonly says?: Told;
  /** What stands before an error's own message. */
  readonly failed: string;
}

/** One experiment that is carried out once, or every `interval`. */
export interface Request {
  /** For messages: `kill`, `delay`. */
  readonly command: string;
  readonly target: TargetWish;
  readonly action: Action;
  readonly interval: Milliseconds;
}

/** Name and id as Pumba logs them: Docker's names begin with a slash, containerd's do not. */
export function named({ name, id, identity }: TargetRef): { readonly name: string; readonly id: string } {
  const whole = typeof identity.id === 'string' ? identity.id : id;
  return { name: identity.runtime === 'containerd' || name.startsWith('/') ? name : `/${name}`, id: whole };
}
