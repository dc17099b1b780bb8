import { getActiveResourcesInfo } from 'node:process';
import type { Collection } from './collection.ts';
import type { FaultProxy } from './proxy.ts';

/** Which groups are shown; the names of the flags are Toxiproxy's. */
export interface MetricsOptions {
  readonly proxy: boolean;
  readonly runtime: boolean;
}

/** All metrics as Prometheus reads them: Toxiproxy's two by their own names, ours besides. */
export function metricsText(collection: Collection, shown: MetricsOptions): string {
  const proxies = collection.all();
  return `${[...(shown.proxy ? ofProxies(proxies) : []), ...(shown.runtime ? ofProcess() : [])].join('\n')}\n`;
}

function ofProxies(proxies: readonly FaultProxy[]): readonly string[] {
  const both = ['downstream', 'upstream'] as const;
  const bytes = (what: 'received' | 'sent') =>
    proxies.flatMap((proxy) =>
      both.map((direction): Sample => [labelsOf(proxy, { direction }), proxy.meter.bytes[direction][what]]),
    );
  const each = (read: (proxy: FaultProxy) => number) =>
    proxies.map((proxy): Sample => [`{proxy=${quoted(proxy.name)}}`, read(proxy)]);
  return [
    ...family('toxiproxy_proxy_received_bytes_total', 'counter', 'Bytes that came in.', bytes('received')),
    ...family('toxiproxy_proxy_sent_bytes_total', 'counter', 'Bytes that went out.', bytes('sent')),
    ...family(
      'zashiki_proxy_connections_total',
      'counter',
      'Clients accepted.',
      each(({ meter }) => meter.connections),
    ),
    ...family(
      'zashiki_proxy_connections_open',
      'gauge',
      'Connections open now.',
      each(({ meter }) => meter.open),
    ),
    ...family(
      'zashiki_proxy_dial_errors_total',
      'counter',
      'Clients turned away: the upstream could not be reached.',
      each(({ meter }) => meter.dialErrors),
    ),
    ...family(
      'zashiki_proxy_toxics',
      'gauge',
      'Toxics that are on.',
      each(({ toxics }) => toxics.length),
    ),
    ...family(
      'zashiki_proxy_enabled',
      'gauge',
      '1 when it listens.',
      each(({ enabled }) => (enabled ? 1 : 0)),
    ),
  ];
}

function ofProcess(): readonly string[] {
  const { user, system } = process.cpuUsage();
  return [
    ...family('process_cpu_seconds_total', 'counter', 'CPU time used.', [['', (user + system) / 1e6]]),
    ...family('process_resident_memory_bytes', 'gauge', 'Resident memory.', [['', process.memoryUsage.rss()]]),
    ...family('process_start_time_seconds', 'gauge', 'When it started.', [['', Date.now() / 1000 - process.uptime()]]),
    ...family('zashiki_proxy_resources', 'gauge', 'What keeps the event loop alive.', [
      ['', getActiveResourcesInfo().length],
    ]),
  ];
}

type Sample = readonly [labels: string, value: number];

function family(name: string, type: string, help: string, samples: readonly Sample[]): readonly string[] {
  if (samples.length === 0) return [];
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([labels, value]) => `${name}${labels} ${value}`),
  ];
}

const labelsOf = ({ name, listen, upstream }: FaultProxy, more: Readonly<Record<string, string>>) =>
  `{${Object.entries({ ...more, listener: listen, proxy: name, upstream })
    .map(([label, value]) => `${label}=${quoted(value)}`)
    .join(',')}}`;

const quoted = (text: string) => `"${text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`;
