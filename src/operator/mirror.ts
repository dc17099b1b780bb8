import { ZashikiError } from '../core/errors.ts';
import type { Json, TargetRef } from '../core/model.ts';
import type { Catalogue, Clock, FaultContext, FaultPort } from '../core/ports.ts';
import type { Board } from './board.ts';
import type { Injection } from './record.ts';

/** Where the injections of a run are kept besides its journal. */
export interface Mirror {
  /** Resolves when it is in the cluster. A rejection means: nothing may be injected. */
  begin(injection: Injection): Promise<void>;
  /** It was undone, or seen to be as before. */
  move(tag: string, phase: 'undone' | 'off'): Promise<void>;
  /** It is to be held on still. */
  wanted(injection: Injection): boolean;
}

/**
 * The same catalogue for one run: before a fault is put on, its undo record is in the cluster as well as in the
 * journal, so that another leader can recover what this one leaves.
 */
export function mirrored(catalogue: Catalogue, mirror: Mirror, board: Board, clock: Clock): Catalogue {
  const targets = new WeakMap<object, TargetRef>();
  const wrap = (fault: FaultPort): FaultPort => ({
    ...fault,
    async plan(on, params, context) {
      const undo = await fault.plan(on, params, context);
      const holder = board.holder(fault.claims?.(undo as never) ?? [], context.tag);
      if (holder) throw new ZashikiError('refused', `${holder.fault} of ${holder.tag} is still on there`);
      return undo;
    },
    async inject(on, params, undo, context) {
      if (!fault.reversible) return fault.inject(on, params, undo, context);
      const injection = recordOf(fault, targets.get(on), undo, context, clock);
      await mirror.begin(injection);
      await fault.inject(on, params, undo, { ...context, wanted: () => mirror.wanted(injection) });
    },
    async recover(on, undo, context) {
      await fault.recover(on, undo, context);
      // What is not written down now is undone once more by whoever finds it: that changes nothing.
      await mirror.move(context.tag, 'undone').catch(() => undefined);
    },
    async verify(on, undo, context) {
      const seen = await fault.verify(on, undo, context);
      if (seen.yes) await mirror.move(context.tag, 'off').catch(() => undefined);
      return seen;
    },
  });
  return {
    ...catalogue,
    fault: (id) => wrap(catalogue.fault(id)),
    async platform(id) {
      const platform = await catalogue.platform(id);
      return {
        ...platform,
        async attach(target) {
          const on = await platform.attach(target);
          targets.set(on, target);
          return on;
        },
      };
    },
  };
}

function recordOf(
  fault: FaultPort,
  target: TargetRef | undefined,
  undo: Json,
  { tag, ttl, owner }: FaultContext,
  clock: Clock,
): Injection {
  if (!target) throw new ZashikiError('internal', `${fault.id}: no target for ${tag}`);
  const claims = fault.claims?.(undo as never) ?? [];
  const shares = fault.shares?.(undo as never);
  return {
    step: 'run',
    fault: fault.id,
    target,
    like: tag,
    tag,
    owner,
    phase: 'intent',
    reversible: fault.reversible,
    since: clock.now(),
    tries: 0,
    undo,
    claims,
    ttl,
    ...(shares === undefined ? {} : { shares }),
  };
}
