import { canonicalJson } from '../core/canonical.ts';
import type { Milliseconds } from '../core/model.ts';
import type { Clock } from '../core/ports.ts';
import type { Board } from './board.ts';
import { type Injection, mayBeOn } from './record.ts';

/** Whether this leader still stands up for what it has on: only then does it renew a lease. */
export interface Hold {
  /** The resource was read just now. */
  heard(resource: string): void;
  drop(resource: string): void;
  /** The resource still has this very injection, and was read not long ago. */
  wanted(resource: string, injection: Pick<Injection, 'tag' | 'undo'>): boolean;
}

/** A resource is read every few seconds; one verb that hangs, or many resources, may hold that up for minutes. */
const usualTrust: Milliseconds = 300_000;

/** `trust`: whoever could not read a resource for so long cannot hear that it is to end. */
export function openHold(board: Pick<Board, 'of'>, clock: Pick<Clock, 'mono'>, trust = usualTrust): Hold {
  const at = new Map<string, number>();
  return {
    heard: (resource) => void at.set(resource, clock.mono()),
    drop: (resource) => void at.delete(resource),
    wanted(resource, { tag, undo = null }) {
      const heard = at.get(resource);
      if (heard === undefined || clock.mono() - heard > trust) return false;
      // One that was planned anew has the tag of the one before.
      const mine = canonicalJson(undo);
      return Object.values(board.of(resource)).some(
        (each) => each.tag === tag && mayBeOn(each) && canonicalJson(each.undo ?? null) === mine,
      );
    },
  };
}
