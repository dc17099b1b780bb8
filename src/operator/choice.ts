import { digest } from '../core/canonical.ts';
import type { Mode, Target } from '../core/model.ts';
import { seededRng } from '../core/rng.ts';
import { chooseVictims, howMany } from '../core/selection.ts';
import type { Drawn } from './resource.ts';

/** What draws from candidates: a mode and its number. */
export interface Drawing {
  readonly mode: Mode;
  readonly value?: number | undefined;
}

/**
 * Who is meant now. Those that were drawn before and are still candidates, or are `held`, stay: a fault may be what
 * makes them fall short of the selector. Where they have become too few for the mode, more are drawn. Same seed, same
 * candidates, same history: the same choice.
 */
export function choose(
  end: string,
  candidates: readonly Target[],
  drawing: Drawing,
  seed: number,
  before: readonly Drawn[],
  held: ReadonlySet<string> = new Set(),
): readonly Drawn[] {
  const found = candidates.map((target) => ({ target, drawn: drawnOf(target) }));
  const known = new Set(before.map(({ uid }) => uid));
  const there = new Set(found.map(({ drawn }) => drawn.uid));
  const kept = before.filter(({ uid }) => there.has(uid) || held.has(uid));
  const all = candidates.length + kept.filter(({ uid }) => !there.has(uid)).length;
  const wanted = howMany(drawing, all, seededRng(seed, `${end} count`));
  const rest = found.filter(({ drawn }) => !known.has(drawn.uid));
  const missing = Math.min(Math.max(0, wanted - kept.length), rest.length);
  const purpose = before.length === 0 ? end : `${end} after ${digest(before.map(({ uid }) => uid))}`;
  const more = chooseVictims(
    { mode: 'fixed', value: missing },
    rest.map(({ target }) => target),
    seededRng(seed, purpose),
  );
  const ids = new Set(more.map(({ id }) => id));
  const added = rest.filter(({ target }) => ids.has(target.id)).map(({ drawn }) => drawn);
  return [...kept, ...added].sort((a, b) => (place(a) < place(b) ? -1 : 1));
}

const place = ({ namespace, name }: Drawn): string => `${namespace}/${name}`;

/** A pod by name and uid. */
export function drawnOf({ identity }: Pick<Target, 'identity'>): Drawn {
  const { namespace, name, uid } = identity as unknown as Drawn;
  return { namespace, name, uid };
}

/** Names by namespace, as selectors have them. */
export function byNamespace(drawn: readonly Drawn[]): Readonly<Record<string, readonly string[]>> {
  const names: Record<string, string[]> = {};
  for (const { namespace, name } of drawn) {
    names[namespace] = [...(names[namespace] ?? []), name];
  }
  return names;
}
