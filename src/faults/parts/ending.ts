import type { SignalCapability } from '../../capabilities/signal.ts';
import { formatDuration } from '../../core/duration.ts';
import { isError } from '../../core/errors.ts';
import type { Milliseconds } from '../../core/model.ts';
import type { FaultContext } from '../../core/ports.ts';
import { endsWithin } from './signals.ts';

/**
 * Send `first`, wait up to `grace`, send SIGKILL if the process is still there. Returns in words what ended it. Throws
 * `target-gone` if it had ended before, `permission-missing` if it may not be signalled.
 */
export async function endProcess(
  signal: SignalCapability,
  first: NodeJS.Signals,
  grace: Milliseconds,
  context: Pick<FaultContext, 'clock' | 'signal'>,
): Promise<string> {
  const from = context.clock.mono();
  await signal.send(first);
  if (first !== 'SIGKILL' && (await endsWithin(grace, signal, context))) {
    return `${first} after ${formatDuration(context.clock.mono() - from)}`;
  }
  const late = first === 'SIGKILL' ? 'SIGKILL' : `SIGKILL, still alive ${formatDuration(grace)} after ${first}`;
  try {
    if (first !== 'SIGKILL') await signal.send('SIGKILL');
  } catch (error) {
    if (!isError(error, 'target-gone')) throw error;
    return `${first} after ${formatDuration(grace)}`;
  }
  await endsWithin(2000, signal, context);
  return late;
}
