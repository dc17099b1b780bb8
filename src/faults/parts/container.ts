import type { LifecycleCapability, LifecycleState } from '../../capabilities/lifecycle.ts';
import { ZashikiError } from '../../core/errors.ts';
import type { Milliseconds } from '../../core/model.ts';
import type { FaultContext } from '../../core/ports.ts';
import { poll } from './wait.ts';

/** It runs, frozen or not. */
export const isUp = ({ status }: LifecycleState): boolean => status === 'running' || status === 'paused';

/** It runs, or its runtime is about to start it again. */
export const comesUp = (state: LifecycleState): boolean => isUp(state) || state.status === 'restarting';

/** The life that began at `startedAt` is over, whatever came after it. */
export const hasEnded = (state: LifecycleState, startedAt: string): boolean =>
  !isUp(state) || state.startedAt !== startedAt;

/** Whether the life that began at `startedAt` ends within that time; the state that says so. */
export const endsLife = (
  within: Milliseconds,
  lifecycle: LifecycleCapability,
  startedAt: string,
  context: Pick<FaultContext, 'clock' | 'signal'>,
): Promise<LifecycleState | undefined> =>
  poll(
    within,
    context,
    async () => {
      const state = await lifecycle.state();
      return hasEnded(state, startedAt) ? state : undefined;
    },
    50,
  );

/** What a container does, in words. */
export function tellState({ status, exitCode }: LifecycleState): string {
  if (status === 'gone') return 'the container is gone';
  if (status === 'exited' && exitCode !== null) return `the container has ended with exit code ${exitCode}`;
  return `the container is ${status}`;
}

/** How the life that began at `startedAt` has ended, in words: `exit code 137`, `and runs again`, … */
export function tellEnd(state: LifecycleState, startedAt: string): string {
  if (state.status === 'gone') return 'and the container was removed';
  if (state.status === 'restarting') return 'and the engine is about to start it again';
  if (isUp(state) && state.startedAt !== startedAt) return 'and it runs again';
  return state.exitCode === null ? 'and stays so' : `exit code ${state.exitCode}`;
}

/** The error for a container that does not exist any more. */
export const goneContainer = (): ZashikiError => new ZashikiError('target-gone', 'the container no longer exists');

/** Its state. Throws `target-gone`, and `not-supported` for a container in any other state than `wanted`. */
export async function requireState(
  lifecycle: LifecycleCapability,
  wanted: readonly LifecycleState['status'][],
): Promise<LifecycleState> {
  const state = await lifecycle.state();
  if (state.status === 'gone') throw goneContainer();
  if (wanted.includes(state.status)) return state;
  throw new ZashikiError('not-supported', `${tellState(state)}: this fault needs one that is ${wanted.join(' or ')}`, {
    hint: 'select containers by their state, or start it first',
  });
}

/**
 * What an injection into one life of a container claims: pause, stop and start of the same life must not be mixed by
 * several injections at a time.
 */
export const claimLife = (startedAt: string): readonly string[] => [`life of the container started at ${startedAt}`];
