import { errorRecord } from '../errors.ts';
import type { Phase } from '../events.ts';
import type { Hypothesis, Milliseconds, StopCondition } from '../model.ts';
import type { Catalogue, Clock, Journal, ProbeContext } from '../ports.ts';

/** Readings in flight of one probe at the most: a hanging service must not pile up requests. */
const mostInFlight = 16;

export interface SamplerPorts {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly journal: Journal;
}

export interface Sampler {
  /** One reading now, judged and journaled in `phase`; true when within the tolerance. */
  once(phase: Phase, signal: AbortSignal): Promise<boolean>;
  /**
   * Readings at a fixed rate until `signal` aborts. A slow answer does not delay the next reading, so a share of good
   * readings is a share of time. `phase` is asked when a reading ends. Throws when the journal cannot be written.
   */
  loop(phase: () => Phase, signal: AbortSignal): Promise<void>;
}

/** Reads and judges one hypothesis or stop condition. `heard` is called after each reading. */
export function createSampler(
  of: 'hypothesis' | 'stopWhen',
  index: number,
  subject: Hypothesis | StopCondition,
  { catalogue, clock, journal }: SamplerPorts,
  heard: (ok: boolean, why: string | undefined, began: Milliseconds) => void = () => {},
): Sampler {
  const probe = catalogue.probe(subject.probe.id);
  const params = probe.params.parse(subject.probe.params) as never;
  const tolerance = probe.tolerance.parse(subject.tolerance ?? undefined) as never;
  const context: ProbeContext = {
    async count(platformId, selector) {
      const platform = await catalogue.platform(platformId);
      const found = await platform.discover(platform.selector.parse(selector) as never);
      return found.filter((target) => target.labels.state !== 'zombie').length;
    },
  };

  const once = async (phase: () => Phase, signal: AbortSignal): Promise<boolean> => {
    const from = clock.mono();
    const reading = await probe
      .read(params, signal, context)
      .catch((error: unknown) => ({ value: null, error: errorRecord(error).message }));
    // A reading that was cut off by the end of the run says nothing about the system.
    if (signal.aborted) return true;
    const why = reading.error ?? probe.judge(reading, tolerance) ?? undefined;
    const value = probe.brief ? probe.brief(reading.value) : reading.value;
    const took = clock.mono() - from;
    journal.append({
      type: 'probe',
      of,
      index,
      phase: phase(),
      ok: why === undefined,
      value,
      took,
      ...(why ? { why } : {}),
    });
    heard(why === undefined, why, from);
    return why === undefined;
  };

  return {
    once: (phase, signal) => once(() => phase, signal),
    async loop(phase, signal) {
      const pending = new Set<Promise<unknown>>();
      let failure: { readonly error: unknown } | undefined;
      let due: Milliseconds = clock.mono();
      while (!signal.aborted && !failure) {
        if (pending.size < mostInFlight) {
          const reading = once(phase, signal).finally(() => pending.delete(reading));
          pending.add(reading);
          reading.catch((error: unknown) => {
            failure ??= { error };
          });
        } else {
          // Not asking for want of answers is no good time for the system either.
          const why = `${mostInFlight} readings are still unanswered`;
          journal.append({ type: 'probe', of, index, phase: phase(), ok: false, value: null, took: 0, why });
          heard(false, why, clock.mono());
        }
        due = Math.max(due + subject.every, clock.mono());
        await clock.sleep(due - clock.mono(), signal).catch(() => {});
      }
      await Promise.allSettled(pending);
      if (failure) throw failure.error;
    },
  };
}
