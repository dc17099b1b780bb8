import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EventOf, JournalEvent } from '../../src/core/events.ts';
import type { Json } from '../../src/core/model.ts';
import { experiment } from '../cli/documents.ts';
import type { Place, Running, StartOptions } from '../cli/place.ts';
import type { Member } from './crew.ts';
import { recipeOf } from './recipes.ts';
import { eventually } from './wait.ts';

/** A fault that is put on a member. */
export interface Wanted {
  readonly member: Pick<Member, 'id'>;
  /** Default: the container of that id. */
  readonly target?: Readonly<Record<string, Json>>;
  readonly fault: string;
  /** Besides those of its recipe. */
  readonly params?: Readonly<Record<string, Json>>;
}

export interface GoingOptions extends StartOptions {
  readonly peer: string;
  /** More keys of the selector. */
  readonly selector?: Readonly<Record<string, Json>>;
  /** How the program is started. Default: `place.zashiki`. */
  readonly start?: (args: readonly string[]) => Running;
}

/** A run of the built program that holds faults until it is ended. */
export interface Going {
  readonly run: string;
  readonly runner: Running;
  readonly reaper: number;
  events(): readonly JournalEvent[];
  /** Wait until somebody has written the run's end down, and see that all that was injected was recovered, and clean. */
  isOver(how: 'undone' | 'gone' | 'either'): Promise<void>;
}

/** Start one run that puts all of these on, each on its own container, for longer than any test. */
export async function begin(place: Place, wanted: readonly Wanted[], options: GoingOptions): Promise<Going> {
  const { peer, selector } = options;
  const steps = wanted.map(({ member, target, fault, params }) => {
    const recipe = recipeOf(fault);
    return {
      fault,
      target: target ?? { docker: { id: member.id, ...selector } },
      params: { ...recipe.params, ...(recipe.measured === false ? {} : { probePeer: peer }), ...params },
      duration: '30m',
    };
  });
  const file = place.write(`${place.runs().length}.json`, experiment('kill', { method: [{ parallel: steps }] }));
  const known = place.runs();
  const args = ['run', file, '--yes'];
  const runner = options.start?.(args) ?? place.zashiki(args, options);
  const run = await eventually(
    () => runner.child.exitCode !== null || place.runs().find((one) => !known.includes(one)),
    () => 'the run to begin',
  );
  if (run === true) throw new Error(`no run began: ${runner.stdout()}${runner.stderr()}`);
  const events = () => (existsSync(join(place.state, 'runs', run, 'journal.jsonl')) ? place.events(run) : []);
  const { reaper } = await eventually(
    () => ofType(events(), 'reaper-started')[0],
    () => `the reaper to start; ${runner.stderr()}`,
  );
  return {
    ...{ run, runner, events, reaper: reaper.pid },
    async isOver(how) {
      const troubles = () => JSON.stringify(ofType(events(), 'recover-failed', 'verified').slice(-20), null, 1);
      // The reaper tries again what could not be undone.
      const over = () => {
        const ended = new Set(ofType(events(), 'recovered').map(({ injection }) => injection));
        return ofType(events(), 'run-finished').length > 0 && ofType(events(), 'intent').length === ended.size;
      };
      await eventually(over, () => `the run to be over; ${troubles()}`);
      const faults = new Map(ofType(events(), 'intent').map(({ injection, fault }) => [injection, fault]));
      const ends = ofType(events(), 'recovered').map((end) => [
        faults.get(end.injection),
        how === 'either' ? how : end.how,
      ]);
      expect(Object.fromEntries(ends)).toEqual(Object.fromEntries([...faults.values()].map((fault) => [fault, how])));
      const unclean = ofType(events(), 'verified').filter(({ clean }) => !clean);
      expect(unclean, JSON.stringify(unclean)).toEqual([]);
    },
  };
}

/** Wait until all faults were injected, and seen to be real (beside another one that may not show: pass `false`). */
export async function areOn(going: Going, count: number, real = true): Promise<void> {
  await eventually(
    () => {
      const failed = ofType(going.events(), 'inject-failed', 'step-skipped', 'run-finished');
      return failed.length > 0 || ofType(going.events(), 'observed').length === count;
    },
    () => `${count} faults to be on; it is at ${JSON.stringify(going.events().at(-1))}`,
  );
  const failed = ofType(going.events(), 'inject-failed', 'step-skipped', 'run-finished');
  expect(failed, JSON.stringify(failed)).toEqual([]);
  if (real) expect(ofType(going.events(), 'observed').filter((one) => !one.real)).toEqual([]);
}

/** Wait until no process of the place lives any more. */
export const leavesNobody = (place: Place) =>
  eventually(
    () => place.helpers().length === 0,
    () => `these to end: ${place.helpers().join('\n')}`,
  );

/** The events of these types, in order. */
export const ofType = <T extends JournalEvent['type']>(
  events: readonly JournalEvent[],
  ...types: readonly T[]
): readonly EventOf<T>[] =>
  events.filter((event): event is EventOf<T> => (types as readonly string[]).includes(event.type));
