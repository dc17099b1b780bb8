import { digest } from '../core/canonical.ts';
import type { EpochMs, JsonObject, Target } from '../core/model.ts';
import type { Catalogue } from '../core/ports.ts';
import { drawSeed } from '../core/rng.ts';
import { choose } from './choice.ts';
import { isDone } from './done.ts';
import type { Meaning, MeantStep } from './meaning.ts';
import { type Injection, injectionKey, mayBeOn } from './record.ts';
import type { Drawn, OwnStatus } from './resource.ts';

/** Who is meant, and which injections that makes. */
export interface Selection {
  readonly seed: number;
  readonly chosen: Readonly<Record<string, readonly Drawn[]>>;
  readonly injections: Readonly<Record<string, Injection>>;
  /** Keys of those that are wanted; the rest is taken off. */
  readonly wanted: ReadonlySet<string>;
  /** Candidates that may not be hit, and why. */
  readonly spared: readonly string[];
}

/**
 * Look for who is meant by now, and set that against what there is: new targets get injections, those that are no
 * longer meant, or are to have another fault than before, lose theirs. Only looks.
 */
export async function select(
  uid: string,
  meaning: Meaning,
  own: OwnStatus,
  catalogue: Catalogue,
  now: EpochMs,
  signal: AbortSignal,
): Promise<Selection> {
  const platform = await catalogue.platform('kubernetes');
  const look = (selector: JsonObject) => platform.discover(platform.selector.parse(selector) as never, signal);
  const { seed = drawSeed(), injections = {} } = own;
  if (isDrawnForGood(meaning, own)) {
    return { seed, chosen: own.chosen ?? {}, injections, wanted: new Set(Object.keys(injections)), spared: [] };
  }
  const chosen: Record<string, readonly Drawn[]> = {};
  const spared: string[] = [];
  const held = new Set(Object.values(injections).filter(mayBeOn).map(uidOf));
  for (const [name, end] of Object.entries(meaning.ends)) {
    const found = await look(end.selector);
    for (const target of found) if (target.protected) spared.push(`${target.id}: ${target.protected}`);
    const before = own.chosen?.[name] ?? [];
    // What ends its targets is done once: their successors are left alone.
    if (meaning.oneShot && before.length > 0) chosen[name] = before;
    else
      chosen[name] = choose(
        name,
        found.filter((target) => !target.protected),
        end,
        seed,
        before,
        held,
      );
  }
  const isComplete = Object.keys(meaning.ends).every((end) => chosen[end]?.length);
  const steps = isComplete ? meaning.steps(chosen) : [];
  const next: Record<string, Injection> = { ...injections };
  const wanted = new Set<string>();
  const drawn = new Set(Object.values(chosen).flatMap((end) => end.map(({ uid }) => uid)));
  for (const { path, step, others } of steps) {
    const like = digest([step.fault, step.params, others]).slice(0, 10);
    for (const [key, injection] of Object.entries(injections)) {
      const isSame = injection.step === path && injection.like === like && drawn.has(uidOf(injection));
      if (isSame && mayBeOn(injection)) wanted.add(key);
    }
    for (const target of await look(step.target.selector)) {
      // What has taken the name of a pod that was drawn was not drawn.
      if (target.protected || !drawn.has(String((target.identity as JsonObject).uid))) continue;
      const fresh = begin(uid, path, step.fault, like, target, catalogue.fault(step.fault).reversible, now);
      const key = injectionKey(fresh);
      wanted.add(key);
      next[key] ??= fresh;
    }
  }
  if (meaning.oneShot) for (const key of Object.keys(injections)) wanted.add(key);
  return { seed, chosen, injections: next, wanted, spared };
}

/** What ends its targets is done once: when all that were drawn have had their turn, there is nobody to look for. */
function isDrawnForGood({ oneShot, ends }: Meaning, { chosen = {}, waiting = 0, injections = {} }: OwnStatus): boolean {
  const isDrawn = Object.keys(ends).every((end) => chosen[end]?.length);
  return oneShot && isDrawn && waiting === 0 && Object.keys(injections).length > 0;
}

const uidOf = ({ target }: Injection): string => String((target.identity as JsonObject).uid ?? '');

function begin(
  uid: string,
  step: string,
  fault: string,
  like: string,
  { platform, id, name, identity }: Target,
  reversible: boolean,
  now: EpochMs,
): Injection {
  const tag = `k${uid.replaceAll('-', '').slice(0, 12)}.${digest([step, id, identity, like]).slice(0, 8)}`;
  const target = { platform, id, name, identity };
  return { step, fault, target, like, tag, phase: 'selected', reversible, since: now, tries: 0 };
}

/** Injections without those that are over and not wanted: nothing is kept about what has left nothing behind. */
export function withoutPast(
  injections: Readonly<Record<string, Injection>>,
  wanted: ReadonlySet<string>,
): Readonly<Record<string, Injection>> {
  const isPast = (key: string, { phase, gone, reversible }: Injection) =>
    (phase === 'off' && ((gone && reversible) || !wanted.has(key))) || (phase === 'selected' && !wanted.has(key));
  return Object.fromEntries(Object.entries(injections).filter(([key, injection]) => !isPast(key, injection)));
}

/** What the status has, and what waits for its turn: that is known again by selecting again. */
export function withWaiting(
  { injections, wanted }: Pick<Selection, 'injections' | 'wanted'>,
  before: Readonly<Record<string, Injection>> = {},
): Readonly<Record<string, Injection>> {
  const waiting = Object.entries(injections).filter(([key]) => wanted.has(key) && before[key] === undefined);
  return { ...before, ...Object.fromEntries(waiting) };
}

/**
 * What of all injections is written down one by one: those on which nothing was done yet are known again by selecting
 * again, and of those that are done there is a list. A status has to stay below the limits of the cluster.
 */
export function stored(injections: Readonly<Record<string, Injection>>): Readonly<Record<string, Injection>> {
  const isKept = (injection: Injection) => !isWaiting(injection) && !isDone(injection);
  return Object.fromEntries(Object.entries(injections).filter(([, injection]) => isKept(injection)));
}

/** Nothing was done yet, nor tried. */
export const isWaiting = ({ phase, tries }: Injection): boolean => phase === 'selected' && tries === 0;

/** The step that an injection is of. */
export const stepOf = (steps: readonly MeantStep[], { step }: Injection): MeantStep | undefined =>
  steps.find(({ path }) => path === step);
