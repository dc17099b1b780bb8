import type { PodCapability, PodState } from '../../capabilities/pod.ts';
import { ZashikiError } from '../../core/errors.ts';
import type { Milliseconds } from '../../core/model.ts';
import type { FaultContext } from '../../core/ports.ts';
import { poll } from './wait.ts';

/** What the kubelet needs beside the grace period until it is seen that a pod has ended. */
const spare: Milliseconds = 20_000;

/** Its state. Throws `target-gone`, and `not-supported` for a pod that has come to its end. */
export async function requirePod(pod: PodCapability): Promise<PodState> {
  const state = await pod.state();
  if (state.phase === 'gone') throw new ZashikiError('target-gone', 'the pod no longer exists');
  if (state.phase === 'Succeeded' || state.phase === 'Failed') {
    throw new ZashikiError('not-supported', `the pod has come to its end already (${state.phase})`, {
      hint: 'select pods that run: leave out `phases`, or write Running',
    });
  }
  return state;
}

/** Names of the containers that run now. */
export const running = ({ containers }: PodState): readonly string[] =>
  containers.filter(({ state }) => state === 'running').map(({ name }) => name);

/** Where nobody tells what the node has looked at, a state counts when it has lasted for so long. */
const steady: Milliseconds = 5000;

/**
 * Wait until `check` gives something of what the node tells after it has looked at what the pod asks for now: before that,
 * a container that is about to be ended still runs. `isSeen` false: the node has not looked until the time was over.
 */
export async function settled<T>(
  pod: PodCapability,
  within: Milliseconds,
  context: FaultContext,
  check: (state: PodState) => T | undefined,
): Promise<{ readonly found?: T; readonly isSeen: boolean }> {
  let isSeen: boolean | null = null;
  let since: Milliseconds | undefined;
  const found = await poll(
    within,
    context,
    async () => {
      const state = await pod.state();
      isSeen = state.isSeen;
      const found = check(state);
      if (found === undefined || isSeen === false) {
        since = undefined;
        return undefined;
      }
      const now = context.clock.mono();
      since ??= now;
      return isSeen || now - since >= steady ? { value: found } : undefined;
    },
    200,
  );
  return { ...(found ? { found: found.value } : {}), isSeen: isSeen !== false };
}

/** Wait until the pod is gone, or all its containers have ended: what is seen at last. `grace`: the time that it has. */
export async function podEnds(
  pod: PodCapability,
  grace: Milliseconds,
  context: FaultContext,
): Promise<{ readonly ended: boolean; readonly detail: string }> {
  let last: PodState | undefined;
  const ended = await poll(
    grace + spare,
    context,
    async () => {
      last = await pod.state();
      if (last.phase === 'gone') return 'the pod is gone';
      if (!last.terminating || running(last).length > 0) return undefined;
      const { finalizers } = last;
      const held = finalizers.length > 0 ? `; ${finalizers.join(', ')} holds what is left of it` : '';
      return `the pod is about to go, and all its containers have ended${held}`;
    },
    200,
  );
  if (ended !== undefined) return { ended: true, detail: ended };
  const still = last?.terminating ? `is about to go, but still runs ${running(last).join(', ')}` : 'is still there';
  return { ended: false, detail: `the pod ${still}` };
}
