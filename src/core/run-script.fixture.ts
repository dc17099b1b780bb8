import type { Author, EventBody, JournalEvent } from './events.ts';
import type { Experiment, ExperimentSpec, Hypothesis, Plan } from './model.ts';

/** Journals by hand, for the tests of what is computed from them. */

export const runner: Author = { role: 'run', user: 'aiko' };
export const reaper: Author = { role: 'reaper', user: 'aiko' };

export const hypothesis = (name: string, more: Partial<Hypothesis> = {}): Hypothesis => ({
  name,
  probe: { id: 'http', params: { url: 'http://127.0.0.1:8080/' } },
  tolerance: null,
  every: 100,
  recoversWithin: 10_000,
  ...more,
});

export const experiment = (spec: Partial<ExperimentSpec> = {}): Experiment => ({
  apiVersion: 'zashiki.dev/v1',
  kind: 'Experiment',
  metadata: { name: 'shop' },
  spec: {
    steadyStateHypothesis: [hypothesis('the shop answers')],
    method: [
      {
        kind: 'fault',
        fault: 'process-pause',
        target: { platform: 'host', selector: { name: 'shop' } },
        mode: 'one',
        params: {},
        resolve: 'plan',
      },
    ],
    rollbacks: [],
    guards: {},
    stopWhen: [],
    ...spec,
  },
});

export interface Script {
  /** At `t` on the monotonic clock; the wall clock follows unless `jump` was called. */
  at(t: number, body: EventBody): Script;
  started(t: number, more?: { readonly dryRun?: boolean; readonly sealed?: boolean; readonly seed?: number }): Script;
  phase(t: number, phase: Extract<EventBody, { type: 'phase' }>['phase']): Script;
  /** A reading that began at `start` and took `took`. */
  reading(
    start: number,
    ok: boolean,
    more?: { readonly took?: number; readonly index?: number; readonly why?: string },
  ): Script;
  /** Readings every 100 ms in [from, to), good unless `bad` says otherwise. */
  readings(from: number, to: number, bad?: (t: number) => boolean, index?: number): Script;
  intent(t: number, injection: string, more?: { readonly reversible?: boolean; readonly pid?: number }): Script;
  injected(t: number, injection: string, took?: number): Script;
  recovered(t: number, injection: string, author?: Author): Script;
  /** From here on the wall clock is off by so much more. */
  jump(t: number, by: number): Script;
  readonly events: readonly JournalEvent[];
}

/** Events are put in the order of their times, as a journal has them. */
export function script(subject: Experiment = experiment()): Script {
  const entries: { readonly t: number; readonly body: EventBody }[] = [];
  const jumps: { readonly t: number; readonly by: number }[] = [];
  const self: Script = {
    at(t, body) {
      entries.push({ t, body });
      return self;
    },
    started: (t, more = {}) =>
      self.at(t, {
        type: 'run-started',
        run: 'r1',
        plan: planOf(subject, more.seed ?? 7),
        runner: { pid: 10, startTime: '1', bootId: 'b' },
        host: 'h',
        version: '0.1.0',
        replay: 'zashiki run',
        author: runner,
        sealed: more.sealed ?? false,
        dryRun: more.dryRun ?? false,
      }),
    phase: (t, phase) => self.at(t, { type: 'phase', phase }),
    reading: (start, ok, { took = 5, index = 0, why } = {}) =>
      self.at(start + took, {
        type: 'probe',
        of: 'hypothesis',
        index,
        phase: 'method',
        ok,
        value: null,
        took,
        ...(ok ? {} : { why: why ?? 'status 500, wanted 2xx' }),
      }),
    readings(from, to, bad = () => false, index = 0) {
      for (let t = from; t < to; t += 100) self.reading(t, !bad(t), { index });
      return self;
    },
    intent: (t, injection, { reversible = true, pid = 99 } = {}) =>
      self.at(t, {
        type: 'intent',
        injection,
        step: 'method[0]',
        fault: reversible ? 'process-pause' : 'process-kill',
        target: { platform: 'host', id: `pid:${pid}`, name: 'shop', identity: { pid } },
        params: {},
        undo: null,
        reversible,
        ttl: null,
      }),
    injected: (t, injection, took = 1) => self.at(t, { type: 'injected', injection, took }),
    recovered: (t, injection, author = runner) =>
      self.at(t, { type: 'recovered', injection, author, took: 1, how: 'undone' }),
    jump(t, by) {
      jumps.push({ t, by });
      return self;
    },
    get events() {
      const inOrder = entries
        .map((entry, place) => ({ ...entry, place }))
        .sort((a, b) => a.t - b.t || a.place - b.place);
      return inOrder.map(({ t, body }, index): JournalEvent => {
        const off = jumps.filter((jump) => jump.t <= t).reduce((sum, { by }) => sum + by, 0);
        return { ...body, seq: index + 1, at: 1_800_000_000_000 + t + off, mono: 5_000_000 + t };
      });
    },
  };
  return self;
}

export const planOf = (subject: Experiment, seed: number): Plan => ({
  apiVersion: 'zashiki.dev/v1',
  kind: 'Plan',
  experiment: subject,
  seed,
  steps: [],
  hash: `hash-${seed}`,
});
