import { ZashikiError } from '../../core/errors.ts';
import type { JsonObject, TargetRef } from '../../core/model.ts';
import type { Endpoint, RuntimeId } from './runtime.ts';

/**
 * What makes a target this very container in this very life, and how to reach it from any process. With `pid`,
 * `startTime` and `bootId` (as the host platform has them) when its main process can be worked on from this machine.
 */
export type ContainerIdentity = {
  readonly runtime: RuntimeId;
  readonly engine: Endpoint;
  readonly id: string;
  /** As the engine writes it; changes with every start. */
  readonly startedAt: string;
  readonly helperImage?: string;
  /** The container whose network it shares: the namespace is found there too, when the target has ended. */
  readonly networkOf?: string;
  readonly pid?: number;
  readonly startTime?: string;
  readonly bootId?: string;
};

/** Read back what discovery wrote. Throws `plan-invalid` when it is not the identity of a container. */
export function containerOf(target: TargetRef): ContainerIdentity {
  const identity = target.identity as JsonObject & Partial<ContainerIdentity>;
  const { runtime, engine, id, startedAt } = identity;
  const whole = typeof id === 'string' && /^[\w.-]+$/.test(id) && typeof startedAt === 'string';
  if (!whole || typeof runtime !== 'string' || typeof engine?.url !== 'string') {
    throw new ZashikiError('plan-invalid', `target ${target.id} has no engine, id and startedAt to be known by`, {
      hint: 'make the plan again with `zashiki plan`',
    });
  }
  return identity as ContainerIdentity;
}

/** Its main process is one of this machine, and ours to work on. */
export const isWithinReach = ({ pid }: ContainerIdentity): boolean => pid !== undefined;

/** The error for a container that has ended, was started again, or was removed. */
export const gone = (target: TargetRef): ZashikiError =>
  new ZashikiError('target-gone', `${target.name} (${target.id}) has ended or was started again`);
