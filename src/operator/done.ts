import type { JsonObject } from '../core/model.ts';
import { type Injection, injectionKey, recordId } from './record.ts';

/**
 * Targets of faults of which nothing stays, once they were seen to be hit: by `step fault like`, each as `place uid`. It
 * is only there so that nothing is done twice, and there may be thousands.
 */
export type Done = Readonly<Record<string, readonly string[]>>;

/** Nothing is to be done about it any more, but not to do it again. */
export const isDone = ({ reversible, phase, seen, error }: Injection): boolean =>
  !reversible && phase === 'on' && seen?.yes === true && error === undefined;

/** Those that are done, in short. */
export function doneOf(injections: readonly Injection[]): Done {
  const done: Record<string, string[]> = {};
  for (const injection of injections) {
    if (!isDone(injection)) continue;
    const { step, fault, like, target } = injection;
    const group = `${step} ${fault} ${like}`;
    done[group] ??= [];
    done[group].push(`${recordId(target)} ${String((target.identity as JsonObject).uid ?? '')}`);
  }
  return done;
}

/** The same as injections, by their keys. */
export function injectionsOf(done: Done = {}): Readonly<Record<string, Injection>> {
  const all = Object.entries(done).flatMap(([group, places]) => places.map((place) => injectionOf(group, place)));
  return Object.fromEntries(all.map((injection) => [injectionKey(injection), injection]));
}

function injectionOf(group: string, written: string): Injection {
  const [, step = '', fault = '', like = ''] = /^(.*) (\S+) (\S+)$/.exec(group) ?? [];
  const [place = '', uid = ''] = written.split(' ');
  const [, name = '', container] = place.split('/');
  const isPod = container === undefined;
  return {
    step,
    fault,
    like,
    target: {
      platform: 'kubernetes',
      id: `${isPod ? 'pod' : 'container'}:${place}`,
      name: isPod ? name : `${name}/${container}`,
      identity: { uid },
    },
    tag: '',
    phase: 'on',
    reversible: false,
    since: 0,
    tries: 0,
    seen: { yes: true, detail: '', at: 0 },
  };
}
