import type { Engine } from '../sdk/engine.ts';
import type { CliContext } from './context.ts';

/**
 * SIGINT, SIGTERM and SIGHUP end the run: everything is recovered, then the command exits. A second Ctrl-C says what is
 * still outstanding and keeps on recovering. `tell` prints; default: standard error.
 * `idle`: a daemon, which may have nothing to recover at all. Call `dispose` when the run is over.
 */
export function onInterrupt(
  context: CliContext,
  outstanding: () => readonly string[],
  {
    quiet = false,
    idle = false,
    tell = (text) => void context.stderr.write(text),
  }: { readonly quiet?: boolean; readonly idle?: boolean; readonly tell?: (text: string) => void } = {},
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const handle = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      const calm = idle && outstanding().length === 0;
      const notice = calm
        ? `\n${name}: stopping\n`
        : `\n${name}: recovering, then exiting. Press Ctrl-C again to see what is still outstanding.\n`;
      if (!quiet) tell(notice);
      controller.abort(new Error(name));
      return;
    }
    const left = outstanding();
    const list =
      left.length === 0 ? 'nothing is outstanding; finishing up' : `still outstanding:\n  ${left.join('\n  ')}`;
    tell(`\n${name}: ${list}\nThe reaper goes on if this process is killed.\n`);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, handle);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of signals) process.off(name, handle);
    },
  };
}

/** Clean up after earlier lives, and say so. */
export async function recoverLeftovers(engine: Engine, context: CliContext, author: string): Promise<void> {
  for (const swept of await engine.recoverAll('startup', author)) {
    if (swept.did === 'recovered') {
      const { recovered, failed } = swept.recovery;
      context.stderr.write(`Run ${swept.run} had left faults behind: ${recovered.length} recovered`);
      context.stderr.write(failed.length ? `, ${failed.length} STILL OUTSTANDING (zashiki recover)\n` : '.\n');
    } else if (swept.did === 'failed') {
      context.stderr.write(`Run ${swept.run} could not be cleaned up after: ${swept.error.message}\n`);
    }
  }
}
