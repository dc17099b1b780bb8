import type { EpochMs, Json, JsonObject, Milliseconds, TargetRef } from '../core/model.ts';

/**
 * `selected`: nothing was done yet. `intent`: the undo record is in the cluster, the fault may be on. `on`: it was
 * applied. `undone`: it was taken off, not yet verified. `off`: seen to be as before, or gone. `unverified`: given up.
 */
export type Phase = 'selected' | 'intent' | 'on' | 'undone' | 'off' | 'unverified';

/** One fault on one target, as it stands in the status of its resource: enough for any later leader to go on. */
export interface Injection {
  /** Where in the method, e.g. `method[0]`. */
  readonly step: string;
  readonly fault: string;
  readonly target: TargetRef;
  /** Digest of the parameters and of who is at the other end: another one is another injection. */
  readonly like: string;
  /** Ours by this name: what was made for it carries it. */
  readonly tag: string;
  /** Whose marks it bears, when that is not this installation's own name. */
  readonly owner?: string;
  readonly phase: Phase;
  readonly reversible: boolean;
  /** Since `phase`. */
  readonly since: EpochMs;
  readonly undo?: Json;
  readonly claims?: readonly string[];
  readonly shares?: string;
  readonly ttl?: Milliseconds | null;
  readonly seen?: { readonly yes: boolean; readonly detail: string; readonly at: EpochMs };
  /** Attempts of what is being done now that failed, one after another. */
  readonly tries: number;
  readonly notBefore?: EpochMs;
  readonly error?: string;
  /** Its target no longer exists. */
  readonly gone?: boolean;
}

/** What is wanted of one injection. */
export interface Wanted {
  readonly on: boolean;
  /** Not wanted any more: since when. */
  readonly offSince?: EpochMs;
  /** One failed attempt is enough: it is to be over. */
  readonly forced?: boolean;
  /** How long a recovery may fail before it is said to be unverified. Absent: without end, while the resource stays. */
  readonly patience?: Milliseconds;
}

/** The next step of one injection. */
export type Move =
  | { readonly do: 'nothing' }
  | { readonly do: 'wait'; readonly until: EpochMs }
  | { readonly do: 'plan' | 'inject' | 'observe' | 'recover' | 'verify' }
  | { readonly do: 'give-up'; readonly reason: string };

/** An effect that was seen is looked at again after so long; one that was not, sooner. */
const lookAgain: Milliseconds = 10_000;
const lookSoon: Milliseconds = 1000;
/** So many looks without an effect, and what is on is taken off and put on anew. */
const blindLooks = 5;

/** What is done next. Recovery is possible from every phase. */
export function next(injection: Injection, wanted: Wanted, now: EpochMs): Move {
  const move = wanted.on ? forward(injection, now) : back(injection, wanted, now);
  const { notBefore = 0 } = injection;
  if (move.do === 'nothing' || move.do === 'give-up' || move.do === 'wait' || now >= notBefore) return move;
  return { do: 'wait', until: notBefore };
}

function forward(injection: Injection, now: EpochMs): Move {
  const { phase, reversible, seen } = injection;
  switch (phase) {
    case 'selected':
      return { do: 'plan' };
    case 'intent':
      return { do: 'inject' };
    case 'on': {
      if (seen === undefined) return { do: 'observe' };
      if (!reversible)
        return seen.yes || injection.tries >= blindLooks ? { do: 'nothing' } : lookAt(seen.at + lookSoon, now);
      if (!seen.yes && injection.tries >= blindLooks) return { do: 'recover' };
      return lookAt(seen.at + (seen.yes ? lookAgain : lookSoon), now);
    }
    case 'undone':
      return { do: 'verify' };
    case 'off':
      return reversible && !injection.gone ? { do: 'plan' } : { do: 'nothing' };
    case 'unverified':
      return { do: 'nothing' };
  }
}

const lookAt = (at: EpochMs, now: EpochMs): Move => (now >= at ? { do: 'observe' } : { do: 'wait', until: at });

function back({ phase, reversible, tries, error }: Injection, wanted: Wanted, now: EpochMs): Move {
  if (phase === 'selected' || phase === 'off' || phase === 'unverified') return { do: 'nothing' };
  if (!reversible) return { do: 'nothing' };
  const { offSince = now, patience, forced = false } = wanted;
  const spent = patience !== undefined && now - offSince >= patience;
  if (tries > 0 && (forced || spent)) {
    return { do: 'give-up', reason: error ?? 'it was not seen to be as before' };
  }
  return { do: phase === 'undone' ? 'verify' : 'recover' };
}

/** What came of a move. */
export type Result =
  | {
      readonly did: 'planned';
      readonly undo: Json;
      readonly claims: readonly string[];
      readonly shares?: string;
      readonly ttl: Milliseconds | null;
      readonly tag: string;
    }
  | { readonly did: 'injected' | 'recovered' }
  | { readonly did: 'observed' | 'verified'; readonly yes: boolean; readonly detail: string }
  /** `lost`: gone, but its agent has yet to be told. `cut-short`: something else came up; it says nothing. */
  | { readonly did: 'gone' | 'lost' | 'cut-short' }
  | { readonly did: 'gave-up'; readonly reason: string }
  | { readonly did: 'failed'; readonly error: string };

/** Attempts that fail are made again after 1 s, 2 s, 4 s … 60 s. */
const backoff = (tries: number): Milliseconds => Math.min(60_000, 500 * 2 ** Math.min(tries, 10));

/** The injection after a move. */
export function advance(injection: Injection, result: Result, now: EpochMs): Injection {
  const { notBefore: _, error: __, ...rest } = injection;
  const to = (phase: Phase): Injection => ({ ...rest, phase, since: now, tries: 0 });
  switch (result.did) {
    case 'planned': {
      const { undo, claims, shares, ttl, tag } = result;
      const { seen: _seen, gone: _gone, ...fresh } = to('intent');
      return { ...fresh, undo, claims, ttl, tag, ...(shares === undefined ? {} : { shares }) };
    }
    case 'injected':
      return to('on');
    case 'recovered':
      // What was in vain before is not forgotten until it is verified.
      return { ...to('undone'), tries: injection.tries };
    case 'gone':
      // What ends its target has ended it.
      if (!injection.reversible && injection.phase !== 'selected') {
        return { ...to('on'), seen: { yes: true, detail: 'it is gone', at: now }, gone: true };
      }
      return { ...to('off'), gone: true };
    case 'cut-short':
      return injection;
    case 'lost':
      return { ...rest, seen: { yes: false, detail: 'the target is gone', at: now }, tries: blindLooks, gone: true };
    case 'gave-up':
      return { ...to('unverified'), error: result.reason };
    case 'observed': {
      const { yes, detail } = result;
      const tries = yes ? 0 : injection.tries + 1;
      return { ...rest, seen: { yes, detail, at: now }, tries };
    }
    case 'verified':
      if (result.yes) return to('off');
      // What did not quite take is undone once more.
      return { ...failed({ ...rest, phase: 'on' }, `not as before: ${result.detail}`, now) };
    case 'failed':
      return failed(rest, result.error, now);
  }
}

function failed(injection: Injection, error: string, now: EpochMs): Injection {
  const tries = injection.tries + 1;
  return { ...injection, error, tries, notBefore: now + backoff(tries) };
}

/** The injection as one that is on, and is to be taken off before anything else. */
export const inVain = ({ notBefore: _, error: __, ...rest }: Injection, now: EpochMs): Injection => ({
  ...rest,
  phase: 'on',
  seen: { yes: false, detail: 'its record was removed', at: now },
  tries: blindLooks,
});

/** True while something of the fault may be on the target. */
export const mayBeOn = ({ phase, reversible }: Injection): boolean =>
  reversible && (phase === 'intent' || phase === 'on' || phase === 'undone');

/** `default/web-0` or `default/web-0/app`: how Chaos Mesh names a target. */
export const recordId = (target: TargetRef): string => target.id.replace(/^[a-z]+:/, '');

/** By this an injection is known within its resource. */
export const injectionKey = ({ step, target, like }: Pick<Injection, 'step' | 'target' | 'like'>): string => {
  const { uid } = target.identity as JsonObject;
  return `${step}/${recordId(target)}/${String(uid ?? '').slice(0, 8)}/${like}`;
};
