import type { Target } from '../../core/model.ts';
import { openProc } from '../host/proc.ts';
import { findEndpoint } from './endpoint.ts';
import type { ContainerIdentity } from './identity.ts';
import { localProcess } from './local.ts';
import { compileAge, compileSelector, queryOf, requireUnique } from './match.ts';
import { protection } from './protect.ts';
import type { Details, Endpoint, Summary } from './runtime.ts';
import { runtimeAt } from './runtimes/index.ts';
import type { DockerSelector } from './selector.ts';

/**
 * All containers that match, ordered by id: one list, and a closer look at those that are meant only. One that vanishes
 * meanwhile is left out. Throws `peer-unavailable` when the engine does not answer, `usage` for an ambiguous id.
 */
export async function discover(selector: DockerSelector, signal?: AbortSignal): Promise<readonly Target[]> {
  signal?.throwIfAborted();
  const kind = selector.runtime ?? 'docker';
  const engine = endpointOf(selector);
  const runtime = await runtimeAt(kind, engine);
  const listed = await runtime.list(queryOf(selector), signal);
  requireUnique(selector, listed);
  const meant = listed.filter(compileSelector(selector));
  const fitsAge = compileAge(selector, Date.now());
  const proc = openProc();
  const protectedBy = protection(proc);
  const targets = await Promise.all(
    meant.map(async (found) => {
      const details = await runtime.inspect(found.id, signal);
      if (!details || !fitsAge(details.startedMs)) return undefined;
      const local = localProcess(proc, found.id, details.state.pid);
      const identity: ContainerIdentity = {
        runtime: kind,
        engine,
        id: found.id,
        startedAt: details.state.startedAt,
        ...(selector.helperImage === undefined ? {} : { helperImage: selector.helperImage }),
        ...(details.networkOf === undefined ? {} : { networkOf: details.networkOf }),
        ...local,
      };
      return targetOf(found, details, identity, protectedBy({ ...found, pid: local?.pid }));
    }),
  );
  return targets.filter((target) => target !== undefined).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The engine that a selector means. */
export function endpointOf({ engine, runtime }: DockerSelector): Endpoint {
  if (typeof engine !== 'object') return findEndpoint(engine, runtime);
  const { url, ca, cert, key, verify = true, namespace } = engine;
  const files = Object.fromEntries(Object.entries({ ca, cert, key }).filter(([, path]) => path !== undefined));
  const isSecure = Object.keys(files).length > 0 || engine.verify !== undefined;
  return {
    ...(isSecure ? { url, tls: { verify, ...files } } : findEndpoint(url, runtime)),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function targetOf(found: Summary, details: Details, identity: ContainerIdentity, reason: string | undefined): Target {
  const group = groupOf(found.labels);
  const about = `${found.image}, ${details.state.status}${found.health === 'none' ? '' : ` (${found.health})`}`;
  return {
    platform: 'docker',
    id: `container:${found.id.slice(0, 12)}`,
    name: printable(found.name),
    identity: JSON.parse(JSON.stringify(identity)),
    labels: { ...found.labels, image: found.image, state: details.state.status, command: printable(about) },
    ...(group ? { group } : {}),
    ...(reason ? { protected: reason } : {}),
  };
}

/** Peers that stand in for each other: the replicas of a service of Compose or Swarm. */
function groupOf(labels: Readonly<Record<string, string>>): string | undefined {
  const service = labels['com.docker.compose.service'];
  if (service) return `${labels['com.docker.compose.project'] ?? ''}/${service}`;
  return labels['com.docker.swarm.service.name'];
}

/** Control characters would act on the terminal that shows them. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, '?');
