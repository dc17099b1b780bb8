import type { ProcessState, SignalCapability } from '../../../capabilities/signal.ts';
import type { TargetRef } from '../../../core/model.ts';
import { type ContainerIdentity, gone } from '../identity.ts';
import type { Runtime } from '../runtime.ts';

/**
 * Signals to the main process through the engine, where we cannot send them ourselves. Bound to one life of the
 * container: one that was started again has another main process. The look and the send are two calls, so a restart
 * between them would be hit.
 */
export function signalThroughEngine(
  target: TargetRef,
  { id, startedAt }: ContainerIdentity,
  runtime: Runtime,
): SignalCapability {
  const look = async () => {
    const seen = await runtime.inspect(id);
    return seen?.state.pid !== null && seen?.state.startedAt === startedAt ? seen.state : undefined;
  };
  return {
    async send(signal) {
      if (!(await look())) throw gone(target);
      await runtime.kill(id, signal);
    },
    async state() {
      const state = await look();
      if (!state) return 'gone';
      if (state.status === 'paused') return 'stopped';
      return processState(await runtime.processState(id));
    },
  };
}

/** The first letter of what `ps` calls STAT. */
function processState(letters: string | undefined): ProcessState {
  const first = letters?.[0];
  if (first === 'T' || first === 't') return 'stopped';
  if (first === 'Z' || first === 'X') return 'zombie';
  return first === 'R' ? 'running' : 'sleeping';
}
