import type { EnginePort } from '../../core/engine-port.ts';
import { errorRecord, isError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { Request } from './action.ts';
import { toExperiment } from './experiment.ts';
import type { Log } from './log.ts';
import type { Settings } from './settings.ts';
import { type Outcome, openTeller } from './tell.ts';

export interface PlayOptions {
  readonly settings: Settings;
  readonly engine: EnginePort;
  readonly log: Log;
  readonly author: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The exit code of what was done: 0, 1 after an error, 3 when something may still be on. */
export type Code = 0 | 1 | 3;

/** Carry out all requests side by side, each in its own time. Resolves to the worst exit code. */
export async function play(requests: readonly Request[], options: PlayOptions): Promise<Code> {
  const codes = await Promise.all(requests.map((request) => repeat(request, options)));
  return codes.includes(3) ? 3 : codes.includes(1) ? 1 : 0;
}

/** The first time at once, then at each tick; ticks that are missed are dropped, as those of a Go ticker. */
async function repeat(request: Request, options: PlayOptions): Promise<Code> {
  const { clock, log, signal } = options;
  const { interval } = request;
  let due = clock.mono() + interval;
  for (let round = 0; ; round++) {
    const code = await once(request, round, options);
    if (interval === 0 || code !== 0 || signal.aborted) return code;
    await clock.sleep(Math.max(0, due - clock.mono()), signal).catch(() => undefined);
    if (signal.aborted) return 0;
    while (due <= clock.mono()) due += interval;
    log('debug', 'next chaos execution (tick) ...');
  }
}

async function once(request: Request, round: number, options: PlayOptions): Promise<Code> {
  const { settings, log, signal } = options;
  const outcome = await run(request, round, options);
  if (outcome.incomplete) {
    const hint = 'something may still be on: the reaper goes on, `zashiki recover` tries it again';
    log('fatal', `running ${request.command}: ${[...outcome.errors, hint].join('; ')}`);
    return 3;
  }
  const error = outcome.errors[0] ?? (outcome.none && settings.failIfNone ? 'no containers found' : undefined);
  if (error !== undefined && !signal.aborted) {
    // Of many runs, one that fails is no reason to end the others.
    if (settings.skipErrors || (request.interval > 0 && !outcome.forGood)) {
      log('warning', 'skipping error', { error });
      return 0;
    }
    log('fatal', `running ${request.command}: error running chaos command: ${error}`);
    return 1;
  }
  return 0;
}

/** `forGood`: it would be the same at the next tick. */
async function run(request: Request, round: number, options: PlayOptions): Promise<Outcome & { forGood?: boolean }> {
  const { settings, engine, log, author, signal } = options;
  const teller = openTeller(request, log, signal);
  const experiment = toExperiment(request, settings);
  if (!experiment) {
    log('warning', 'no containers found');
    return { none: true, errors: [], incomplete: false };
  }
  try {
    const seed = settings.seed === undefined ? {} : { seed: (settings.seed + round) % 0x7fffffff };
    await engine.run(
      { experiment, author, execute: !settings.dryRun, ...seed },
      { signal, onEvent: (event) => teller.onEvent(event) },
    );
    return teller.outcome();
  } catch (error) {
    const { message, hint } = errorRecord(error);
    const { none, errors, incomplete } = teller.outcome();
    return {
      none,
      errors: [...errors, `${message}${hint ? `; ${hint}` : ''}`],
      incomplete,
      forGood: isError(error, 'usage', 'document-invalid', 'unknown-fault', 'unknown-platform', 'state-unwritable'),
    };
  }
}
