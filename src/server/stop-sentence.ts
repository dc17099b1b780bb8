import type { Stopped } from '../core/engine-port.ts';

/** What a stop came to, for people: one line, then one for each thing that is left. `done`: what is said when all is well. */
export function stopSentence(
  { outstanding, leverError }: Stopped,
  done = 'everything in flight is recovered, and no run begins until it is released',
): string {
  if (outstanding.length === 0 && leverError === null) return `Stopped: ${done}.`;
  return [
    outstanding.length === 0 ? 'Everything in flight is recovered.' : 'NOT ALL IS RECOVERED; try `zashiki recover`:',
    ...outstanding.map((line) => `  ${line}`),
    ...(leverError === null
      ? ['No run begins until it is released.']
      : [`THE STOP LEVER IS NOT PULLED, so new runs may begin: ${leverError}`]),
  ].join('\n');
}
