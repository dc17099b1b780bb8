import { blastLimit } from '../core/blast-radius.ts';
import type { Guards, JsonObject, Target, TargetRef } from '../core/model.ts';
import { recordId } from './record.ts';

/** Most targets on which something may be on at a time, over all resources: so many, or a share of a namespace's pods. */
export type Budget = NonNullable<Guards['blastRadius']>;

/** Finds pods; a platform's `discover`. */
type Look = (selector: JsonObject) => Promise<readonly Pick<Target, 'id'>[]>;

/** Why one more target is too many, now that these are hit; undefined: it is not. */
export type Verdict = (hit: ReadonlySet<string>) => string | undefined;

/**
 * Judge one more target. A share is one of the pods that run in its namespace, rounded down, and counts what is hit in
 * there alone. Looks first, so that the verdict itself need not wait.
 */
export async function budgetFor(budget: Budget | undefined, target: TargetRef, look: Look): Promise<Verdict> {
  if (budget === undefined) return () => undefined;
  if ('count' in budget) {
    const { count } = budget;
    return (hit) =>
      hit.has(target.id) || hit.size < count
        ? undefined
        : `the blast radius of ${count} targets over all experiments is used up`;
  }
  const namespace = String((target.identity as JsonObject).namespace ?? '');
  if (namespace === '') return () => undefined;
  const running = (await look({ namespaces: [namespace] })).map(podOf);
  return (hit) => {
    const here = [...hit].map((id) => podOf({ id })).filter((pod) => pod.startsWith(`${namespace}/`));
    const held = new Set(here);
    const limit = blastLimit(budget, new Set([...running, ...here]).size);
    if (held.has(podOf(target)) || held.size < limit) return undefined;
    return `the blast radius of ${budget.percent} % of the pods in ${namespace} (${limit}) over all experiments is used up`;
  };
}

/** `namespace/pod`, also of a container in it. */
const podOf = ({ id }: Pick<Target, 'id'>): string =>
  recordId({ id } as TargetRef)
    .split('/')
    .slice(0, 2)
    .join('/');
