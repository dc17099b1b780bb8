import { setMaxListeners } from 'node:events';
import { errorRecord } from '../errors.ts';
import type { Phase } from '../events.ts';
import { windowGuard } from '../guards.ts';
import { steadyReadings } from '../measure.ts';
import type { ExperimentSpec, Hypothesis, Milliseconds } from '../model.ts';
import type { SharedState } from '../ports.ts';
import { createSampler, type Sampler, type SamplerPorts } from './sampler.ts';

/** How often the stop lever is looked at. */
const leverEvery = 100;

/** Watches the hypotheses, the stop conditions and the lever of one run. */
export interface Watch {
  /** Aborts when the method must end: user, lever, stop condition, refusal, unwritable journal. */
  readonly signal: AbortSignal;
  /** Why the method was ended early, or null. */
  aborted(): string | null;
  stop(reason: string): void;
  /** Are all hypotheses steady now? Stops at the first bad reading of each. */
  steadyBefore(): Promise<boolean>;
  begin(): void;
  /** Waits until each hypothesis gave good readings in a row, or its `recoversWithin` has passed. */
  untilStable(injected: boolean): Promise<void>;
  end(): Promise<void>;
}

interface Watched {
  readonly hypothesis: Hypothesis;
  readonly sampler: Sampler;
  streak: number;
}

export function openWatch(
  spec: ExperimentSpec,
  ports: SamplerPorts & { readonly shared: SharedState },
  user: AbortSignal,
): Watch {
  const { clock, shared, journal } = ports;
  const method = new AbortController();
  const readings = new AbortController();
  const loops: Promise<unknown>[] = [];
  // One listener per hypothesis and reading in flight is meant, not a leak.
  setMaxListeners(0, method.signal, readings.signal, user);
  let phase: Phase = 'method';
  let reason: string | null = null;
  const stop = (why: string) => {
    reason ??= why;
    method.abort(new Error(why));
  };
  const onUser = () => stop(`stopped by ${user.reason instanceof Error ? user.reason.message : String(user.reason)}`);
  if (user.aborted) onUser();
  else user.addEventListener('abort', onUser, { once: true });

  let countsFrom = Number.NEGATIVE_INFINITY;
  const watched: readonly Watched[] = spec.steadyStateHypothesis.map((hypothesis, index) => {
    const entry: Watched = {
      hypothesis,
      streak: 0,
      sampler: createSampler('hypothesis', index, hypothesis, ports, (ok, _why, began) => {
        // What was asked before the recovery is no answer to whether it came.
        if (began >= countsFrom) entry.streak = ok ? entry.streak + 1 : 0;
      }),
    };
    return entry;
  });
  const unsubscribe = journal.subscribe((event) => {
    if (event.type === 'phase') phase = event.phase;
  });
  const run = (work: Promise<unknown>) => {
    loops.push(work.catch((error: unknown) => stop(errorRecord(error).message)));
  };

  return {
    signal: method.signal,
    aborted: () => reason,
    stop,
    async steadyBefore() {
      const each = watched.map(async ({ hypothesis, sampler }) => {
        for (let reading = 0; reading < steadyReadings; reading++) {
          if (reading > 0) await clock.sleep(Math.min(hypothesis.every, 1000), method.signal).catch(() => {});
          if (!(await sampler.once('before', method.signal))) return false;
        }
        return true;
      });
      const all = (await Promise.all(each)).every(Boolean);
      return all && reason === null;
    },
    begin() {
      for (const { sampler } of watched) run(sampler.loop(() => phase, readings.signal));
      spec.stopWhen.forEach((condition, index) => {
        const sampler = createSampler('stopWhen', index, condition, ports, (ok, why) => {
          if (!ok && phase === 'method') stop(`stopWhen "${condition.name}": ${why}`);
        });
        run(sampler.loop(() => phase, readings.signal));
      });
      run(watchOutside());
    },
    async untilStable(injected) {
      const from = clock.mono();
      countsFrom = from;
      for (const entry of watched) entry.streak = 0;
      const patience = (hypothesis: Hypothesis): Milliseconds => (injected ? hypothesis.recoversWithin : 0);
      const waiting = () =>
        watched.some(
          ({ hypothesis, streak }) =>
            streak < steadyReadings && clock.mono() - from < patience(hypothesis) + steadyReadings * hypothesis.every,
        );
      const leave = () => user.aborted || shared.lever() !== null || journal.overtaken();
      while (waiting() && !leave()) await clock.sleep(20, user).catch(() => {});
    },
    async end() {
      readings.abort();
      user.removeEventListener('abort', onUser);
      await Promise.all(loops);
      unsubscribe();
    },
  };

  /** The lever, a window that closes while a fault is on, and another process that has taken over. */
  async function watchOutside(): Promise<void> {
    for (let look = 0; !readings.signal.aborted; look++) {
      const pulled = shared.lever();
      if (pulled) return stop(`the stop lever, pulled by ${pulled.by}: ${pulled.reason}`);
      if (journal.overtaken()) return stop('another Zashiki process took over the clean-up of this run');
      const closed = look % 10 === 0 && phase === 'method' ? windowGuard(spec.guards, { clock }) : null;
      if (closed) return stop(`the window closed: ${closed.reason}`);
      await clock.sleep(leverEvery, readings.signal).catch(() => {});
    }
  }
}
