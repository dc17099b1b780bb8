import type { EventBody, JournalEvent, Phase } from '../core/events.ts';
import type { Experiment, ExperimentSpec, Hypothesis, Json, JsonObject, Plan, TargetRef } from '../core/model.ts';
import { seededRng } from '../core/rng.ts';

/** Journals made by code, for tests, the README's picture and for looking at the report while working on it. */

/** Writes events at times of one's choice; `t` is milliseconds since the start of the run. */
export interface Script {
  at(t: number, body: EventBody): void;
  readonly events: readonly JournalEvent[];
}

const epoch = Date.UTC(2026, 10, 20, 5, 12, 7, 412);
export const me = { role: 'run', user: 'aiko' } as const;
export const reaper = { role: 'reaper', user: 'aiko' } as const;

/** A recorder; events are put in order of time when they are read. */
export function script(start = epoch): Script {
  const entries: { t: number; body: EventBody }[] = [];
  return {
    at: (t, body) => void entries.push({ t, body }),
    get events() {
      const sorted = entries.map((entry, index) => ({ ...entry, index }));
      sorted.sort((a, b) => a.t - b.t || a.index - b.index);
      return sorted.map(({ t, body }, index) => ({ ...body, seq: index + 1, at: start + t, mono: 91_204_000 + t }));
    },
  };
}

export const worker = (n: number): TargetRef => ({
  platform: 'host',
  id: `pid:${4710 + n}`,
  name: `shop-worker-${n}`,
  identity: { pid: 4710 + n, startTime: String(912_000 + n), bootId: 'b8c1' },
});

export const store: TargetRef = {
  platform: 'host',
  id: 'pid:4702',
  name: 'shop-store',
  identity: { pid: 4702, startTime: '911870', bootId: 'b8c1' },
};

export const answers: Hypothesis = {
  name: 'the shop answers',
  probe: { id: 'http', params: { url: 'http://127.0.0.1:8080/', timeout: '1s' } },
  tolerance: { status: 200, latency: '300ms' },
  every: 100,
  during: { atLeast: 0.8 },
  recoversWithin: 5000,
};

export const threeUp: Hypothesis = {
  name: 'three workers are up',
  probe: { id: 'process', params: { command: 're2:shop-worker' } },
  tolerance: { count: 3 },
  every: 250,
  recoversWithin: 5000,
};

/** A plan and the event that starts its run. */
export function startOf(
  name: string,
  spec: Partial<ExperimentSpec>,
  victims: readonly { fault: string; on: readonly TargetRef[]; params?: JsonObject; duration?: number }[],
  more: { seed?: number; dryRun?: boolean; sealed?: boolean; run?: string } = {},
): Extract<EventBody, { type: 'run-started' }> {
  const experiment: Experiment = {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Experiment',
    metadata: { name },
    spec: {
      steadyStateHypothesis: [answers, threeUp],
      method: victims.map(({ fault, params = {}, duration }) => ({
        kind: 'fault',
        fault,
        target: { platform: 'host', selector: { command: 're2:shop' } },
        mode: 'one',
        params,
        resolve: 'plan',
        ...(duration === undefined ? {} : { duration }),
      })),
      rollbacks: [],
      guards: { blastRadius: { percent: 50 } },
      stopWhen: [],
      ...spec,
    },
  };
  const seed = more.seed ?? 7;
  const plan: Plan = {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Plan',
    experiment,
    seed,
    steps: victims.map(({ fault, on }, index) => ({
      path: `method[${index}]`,
      fault,
      candidates: 3,
      victims: on,
      spared: [{ reason: 'our own process or one of its parents', count: 2 }],
      resolve: 'plan',
    })),
    hash: '5f0c1e7ab3d2946d8b7e0a4c9f12d6e85b3a7f9041c2d8e6b5a49f3e17d0c2b8',
  };
  return {
    type: 'run-started',
    run: more.run ?? '20261120T051207-k3x9',
    plan,
    runner: { pid: 5120, startTime: '913044', bootId: 'b8c1' },
    host: 'build-7.example',
    version: '0.1.0',
    replay: `zashiki run shop.yaml --seed ${seed}`,
    author: me,
    sealed: more.sealed ?? false,
    dryRun: more.dryRun ?? false,
  };
}

/** The reading of a hypothesis at a time; `ms: null` is a refused connection. */
export type Behaviour = (t: number) => { readonly ms: number | null };

/** Readings of both fixture hypotheses from `from` to `to`. */
export function readings(
  out: Script,
  span: readonly [number, number],
  phase: (t: number) => Phase,
  shop: Behaviour,
  up: (t: number) => number,
  every = 100,
): void {
  for (let t = span[0]; t <= span[1]; t += every) {
    const { ms } = shop(t);
    const ok = ms !== null && ms <= 300;
    const took = ms === null ? 1 : Math.round(ms);
    const value: Json = ms === null ? null : { status: 200, latency: took };
    const why = ms === null ? 'connect ECONNREFUSED 127.0.0.1:8080' : `latency ${took} ms is over 300 ms`;
    const base = { type: 'probe', of: 'hypothesis', phase: phase(t) } as const;
    out.at(t + took, { ...base, index: 0, ok, value, took, ...(ok ? {} : { why }) });
  }
  for (let t = span[0] + 20; t <= span[1]; t += Math.max(250, every)) {
    const count = up(t);
    const base = { type: 'probe', of: 'hypothesis', index: 1, phase: phase(t) } as const;
    out.at(t + 3, {
      ...base,
      ok: count === 3,
      value: { count },
      took: 3,
      ...(count === 3 ? {} : { why: `count is ${count}, not 3` }),
    });
  }
}

/** A calm response time around 14 ms with a tail, the same for the same seed. */
export function calm(seed: number): () => number {
  const rng = seededRng(seed, 'fixture');
  return () => 11 + rng.unit() * 8 + (rng.unit() > 0.94 ? rng.unit() * 40 : 0);
}

/** Write down one injection with all its steps; `off` null leaves it on. */
export function injection(
  out: Script,
  id: string,
  what: { step: string; fault: string; on: TargetRef; params?: Record<string, Json>; detail: string; clean?: string },
  span: { readonly from: number; readonly off: number | null; readonly oneShot?: boolean },
): void {
  out.at(span.from - 6, {
    type: 'intent',
    injection: id,
    step: what.step,
    fault: what.fault,
    target: what.on,
    params: what.params ?? {},
    undo: {},
    reversible: !span.oneShot,
    ttl: null,
  });
  out.at(span.from, { type: 'injected', injection: id, took: 4 });
  out.at(span.from + 30, { type: 'observed', injection: id, real: true, detail: what.detail });
  if (span.off === null) return;
  out.at(span.off, { type: 'recovered', injection: id, author: me, took: 3, how: 'undone' });
  out.at(span.off + 22, { type: 'verified', injection: id, clean: true, detail: what.clean ?? 'state sleeping' });
}
