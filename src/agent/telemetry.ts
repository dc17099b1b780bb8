import type { Milliseconds } from '../core/model.ts';

/** What happened since the agent was started, as /metrics tells it. */
export interface Telemetry {
  injected(fault: string): void;
  injectFailed(fault: string): void;
  recovered(fault: string, by: string, clean: boolean, took: Milliseconds): void;
  recoverFailed(fault: string): void;
  /** The Prometheus text format; `on`: faults that are, or may be, there right now. */
  text(on: readonly { readonly fault: string; readonly stuck: boolean }[]): string;
}

/** Upper bounds of the histogram of recovery times, in seconds. */
const bounds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counters from zero. */
export function openTelemetry(): Telemetry {
  const counters = new Map<string, Map<string, number>>();
  const buckets = bounds.map(() => 0);
  let [count, sum] = [0, 0];
  const add = (name: string, labels: Readonly<Record<string, string>>) => {
    const series = counters.get(name) ?? new Map<string, number>();
    counters.set(name, series);
    series.set(labelled(labels), (series.get(labelled(labels)) ?? 0) + 1);
  };
  return {
    injected: (fault) => add('injected', { fault }),
    injectFailed: (fault) => add('inject_failures', { fault }),
    recovered(fault, by, clean, took) {
      add('recovered', { fault, by, clean: String(clean) });
      count++;
      sum += took / 1000;
      for (const [index, bound] of bounds.entries())
        if (took / 1000 <= bound) buckets[index] = (buckets[index] ?? 0) + 1;
    },
    recoverFailed: (fault) => add('recover_failures', { fault }),
    text(on) {
      const present = new Map<string, number>();
      for (const { fault, stuck } of on) {
        const labels = labelled({ fault, state: stuck ? 'stuck' : 'on' });
        present.set(labels, (present.get(labels) ?? 0) + 1);
      }
      const series = (name: string) => [...(counters.get(name) ?? [])];
      return [
        ...family('zashiki_agent_faults_present', 'gauge', 'Faults that are, or may be, on this machine now.', [
          ...present,
        ]),
        ...family('zashiki_agent_injected_total', 'counter', 'Faults put on.', series('injected')),
        ...family(
          'zashiki_agent_inject_failures_total',
          'counter',
          'Faults that could not be put on.',
          series('inject_failures'),
        ),
        ...family('zashiki_agent_recovered_total', 'counter', 'Faults taken off, and by whom.', series('recovered')),
        ...family(
          'zashiki_agent_recover_failures_total',
          'counter',
          'Tries to take a fault off that failed.',
          series('recover_failures'),
        ),
        '# HELP zashiki_agent_recover_seconds How long taking a fault off and looking took.',
        '# TYPE zashiki_agent_recover_seconds histogram',
        ...bounds.map((bound, index) => `zashiki_agent_recover_seconds_bucket{le="${bound}"} ${buckets[index]}`),
        `zashiki_agent_recover_seconds_bucket{le="+Inf"} ${count}`,
        `zashiki_agent_recover_seconds_sum ${sum}`,
        `zashiki_agent_recover_seconds_count ${count}`,
        '',
      ].join('\n');
    },
  };
}

function family(name: string, type: string, help: string, series: readonly (readonly [string, number])[]) {
  const lines = series.map(([labels, value]) => `${name}${labels} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...(lines.length > 0 ? lines : [`${name} 0`])];
}

const labelled = (labels: Readonly<Record<string, string>>) =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, '_')}"`)
    .join(',')}}`;
