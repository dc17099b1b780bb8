import type { Details, Query, Summary } from '../../runtime.ts';
import type { NetworkPlace } from './network.ts';
import type { InspectedContainer, ListedContainer } from './types.ts';

const statuses = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'] as const;

/** Docker's words; Podman's `configured`, `initialized`, `stopped`, `stopping` and `removing` are mapped to them. */
function statusOf(word: string): Summary['status'] {
  if (word === 'configured' || word === 'initialized') return 'created';
  if (word === 'stopped' || word === 'stopping') return 'exited';
  if (word === 'removing') return 'dead';
  return statuses.find((status) => status === word.toLowerCase()) ?? 'dead';
}

/** `Up 2 hours (healthy)`; a container without a health check says nothing. */
function healthOf(text: string): Summary['health'] {
  if (text.includes('(healthy)')) return 'healthy';
  if (text.includes('(unhealthy)')) return 'unhealthy';
  return /\((health: )?starting\)/.test(text) ? 'starting' : 'none';
}

/** One entry of a list. */
export function summaryOf(listed: ListedContainer): Summary {
  const names = (listed.Names ?? []).map((name) => name.replace(/^\//, ''));
  return {
    id: listed.Id,
    // Other names are those under which linked containers see it: `web/db`.
    name: names.find((name) => !name.includes('/')) ?? names[0] ?? listed.Id.slice(0, 12),
    image: listed.Image,
    labels: listed.Labels ?? {},
    status: statusOf(listed.State),
    health: healthOf(listed.Status),
    networks: Object.keys(listed.NetworkSettings?.Networks ?? {}),
  };
}

/** The filters of GET /containers/json. Names and ids are patterns there, the rest is exact. */
export function filtersOf(query: Query): Readonly<Record<string, readonly string[]>> {
  const quoted = query.names.map((name) => `^/?${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  const all = {
    id: query.ids,
    name: quoted,
    label: query.labels,
    health: query.health,
    network: query.networks,
  };
  return Object.fromEntries(Object.entries(all).filter(([, values]) => values.length > 0));
}

/** One container as `inspect` tells it. */
export function detailsOf(seen: InspectedContainer, network: NetworkPlace): Details {
  const { State, HostConfig, NetworkSettings, Config, GraphDriver } = seen;
  const status = State.Paused ? 'paused' : statusOf(State.Status);
  const up = status === 'running' || status === 'paused';
  const started = Date.parse(State.StartedAt);
  const data = GraphDriver?.Data ?? {};
  return {
    state: {
      status,
      startedAt: State.StartedAt,
      exitCode: up || status === 'created' ? null : State.ExitCode,
      pid: up && State.Pid > 0 ? State.Pid : null,
    },
    startedMs: started > 0 ? started : null,
    addresses: Object.values(NetworkSettings.Networks ?? {}).flatMap(({ IPAddress, GlobalIPv6Address }) =>
      [IPAddress, GlobalIPv6Address].filter((address): address is string => Boolean(address)),
    ),
    labels: Config.Labels ?? {},
    machineNetwork: network.ofMachine,
    ...(network.holder === undefined ? {} : { networkOf: network.holder }),
    vanishes: HostConfig.AutoRemove === true,
    ...(data.UpperDir
      ? { overlay: { upper: data.UpperDir, lower: (data.LowerDir ?? '').split(':').filter(Boolean) } }
      : {}),
  };
}
