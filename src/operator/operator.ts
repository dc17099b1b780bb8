import { setMaxListeners } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { errorRecord, isError } from '../core/errors.ts';
import type { EpochMs } from '../core/model.ts';
import type { Catalogue } from '../core/ports.ts';
import type { Client } from '../platforms/kubernetes/client.ts';
import { admit } from './admission/admit.ts';
import { openApi } from './api.ts';
import { openBoard } from './board.ts';
import { meaningOf } from './chaos-mesh.ts';
import { watchNeighbour } from './coexist.ts';
import { type Running, reconcileExperiment } from './experiment.ts';
import { openHold } from './hold.ts';
import {
  experimentKind,
  faultKinds,
  type KindInfo,
  kindOf,
  ownScheduleKind,
  pathOf,
  resourceName,
  scheduleKind,
  statusCheckKind,
  workflowKind,
} from './kinds.ts';
import { openLeadership } from './leader.ts';
import { earliest, openOrphans } from './orphans.ts';
import { openQueue } from './queue.ts';
import { type ReconcilePorts, reconcile } from './reconcile.ts';
import { mayBeOn } from './record.ts';
import type { Resource } from './resource.ts';
import { isSchedule, reconcileSchedule } from './schedule.ts';
import { leaseName, leverName, leverReason, type OperatorSettings } from './settings.ts';
import { reconcileStatusCheck } from './status-check.ts';
import { follow } from './watch.ts';
import { reconcileWorkflow } from './workflow.ts';

/** What an operator is made of. */
export interface OperatorPorts {
  readonly client: Client;
  readonly catalogue: Catalogue;
  readonly settings: OperatorSettings;
  /** A line for the log. */
  readonly say: (message: string) => void;
}

/** Take part until `signal`: lead whenever it is our turn. */
export async function operate(ports: OperatorPorts, signal: AbortSignal): Promise<void> {
  // Everything that goes on listens to it.
  setMaxListeners(0, signal);
  const { client, settings, say } = ports;
  const leadership = openLeadership({
    client,
    namespace: settings.namespace,
    name: leaseName,
    me: settings.name,
    clock: systemClock,
    ...settings.lease,
    say,
  });
  const lever: Lever = { stopped: undefined, pulled: () => undefined };
  await watchLever(ports, lever, signal);
  const admitting = admit({ client, settings, say, stopped: () => lever.stopped }, signal);
  await leadership.run((over) => lead(ports, lever, leadership.leads, over), signal);
  await admitting;
}

/** The stop lever as this replica sees it. */
interface Lever {
  stopped: string | undefined;
  /** Whoever leads is told when it changes. */
  pulled: () => void;
}

async function watchLever({ client, settings, say }: OperatorPorts, lever: Lever, signal: AbortSignal): Promise<void> {
  const { namespace } = settings;
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const what = { path, resource: 'configmaps', namespace, query: { fieldSelector: `metadata.name=${leverName}` } };
  await follow<{ metadata: { name: string; uid: string }; data?: Record<string, string> }>(what, {
    client,
    signal,
    trouble: say,
    seen: (map, how) => {
      const before = lever.stopped;
      lever.stopped = how === 'there' ? leverReason(map.data) : undefined;
      if (before === lever.stopped) return;
      say(lever.stopped === undefined ? 'stop lever released' : `stop lever pulled: ${lever.stopped}`);
      lever.pulled();
    },
  });
}

/** Lead until `signal`. */
async function lead(ports: OperatorPorts, lever: Lever, leads: () => boolean, signal: AbortSignal): Promise<void> {
  setMaxListeners(0, signal);
  const { client, catalogue, settings, say } = ports;
  const api = openApi(client, settings.namespace, leads);
  const board = openBoard();
  const hold = openHold(board, systemClock, settings.trust);
  const neighbour = await watchNeighbour(client, settings.namespaces, signal);

  const reconcilePorts: ReconcilePorts = {
    api,
    catalogue,
    board,
    clock: systemClock,
    owner: `kubernetes-${settings.namespace}`,
    keep: (tag) => {
      const folder = join(settings.state, 'keep', tag);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    leads,
    wanted: hold.wanted,
    budget: settings.budget,
    patience: settings.patience,
    signal,
    adopted: new Map(),
    read: (resource) => meaningOf(resource, settings),
    stopped: () => lever.stopped,
    foreign: ({ apiVersion }) => (apiVersion.startsWith('chaos-mesh.org/') ? neighbour.alive() : undefined),
  };

  const running: Running = new Map();
  const orphans = openOrphans({ ...reconcilePorts, hold, running, say });
  const kinds = new Map<string, KindInfo>();
  const interrupts = new Map<string, AbortController>();
  const sayings = new Map<string, string>();
  const work = async (key: string): Promise<EpochMs | undefined> => {
    const [resourceKind = '', namespace = '', name = ''] = key.split('/');
    const kind = kinds.get(resourceKind) as KindInfo;
    const interrupt = new AbortController();
    interrupts.set(key, interrupt);
    try {
      const found = await api.get(kind, namespace, name);
      const left = await orphans.work(key, found);
      if (!found) {
        sayings.delete(key);
        // As long as nobody says that it is gone it may be out of sight for a moment only.
        return left ?? (everything.has(key) ? systemClock.now() + 5000 : undefined);
      }
      hold.heard(found.metadata.uid);
      const resource = known(found, kind);
      sayings.set(key, saying(resource));
      return earliest(left, await act(key, kind, resource, interrupt.signal));
    } finally {
      if (interrupts.get(key) === interrupt) interrupts.delete(key);
    }
  };
  const act = async (key: string, kind: KindInfo, resource: Resource, interrupted: AbortSignal) => {
    if (isSchedule(resource)) {
      const foreign = reconcilePorts.foreign(resource);
      if (foreign === undefined)
        return await reconcileSchedule(resource, { api, now: () => systemClock.now(), stopped: () => lever.stopped });
      api.event(resource, 'Warning', 'NotActing', foreign);
      return systemClock.now() + 30_000;
    }
    if (kind === workflowKind || kind === statusCheckKind) {
      const foreign = reconcilePorts.foreign(resource);
      const now = () => systemClock.now();
      if (foreign === undefined) {
        if (kind === workflowKind) return await reconcileWorkflow(resource, { api, client, now });
        return await reconcileStatusCheck(resource, { api, now, signal });
      }
      api.event(resource, 'Warning', 'NotActing', foreign);
      return systemClock.now() + 30_000;
    }
    if (kind === experimentKind) {
      const more = { running, state: join(settings.state, 'runs'), say, again: () => queue.add(key) };
      return await reconcileExperiment(resource, { ...reconcilePorts, ...more }, interrupted);
    }
    return await reconcile(resource, reconcilePorts, interrupted);
  };
  const queue = openQueue({
    work,
    failed: (key, error, delay) => {
      if (signal.aborted || isError(error, 'lock-busy')) return;
      say(`${key}: ${errorRecord(error).message}; again in ${delay / 1000} s`);
    },
  });
  const everything = new Set<string>();
  // Who holds what is known only when all kinds were listed: until then nothing is begun.
  let isComplete = false;
  const seen = (kind: KindInfo) => (resource: Resource, how: 'there' | 'gone') => {
    const { namespace, name, uid } = resource.metadata;
    if (settings.namespaces && !settings.namespaces.includes(namespace)) return;
    const key = `${resourceName(kind)}/${namespace}/${name}`;
    // Whoever has made it looks what has become of it.
    if (isComplete) for (const parent of parentsOf(resource)) queue.add(parent);
    if (how === 'gone') {
      everything.delete(key);
      // What we let go ourselves has nothing on any more.
      if (isComplete && (running.has(uid) || Object.values(board.of(uid)).some(mayBeOn))) {
        orphans.add(key, known(resource, kind));
        interrupts.get(key)?.abort();
        queue.add(key);
        return;
      }
      board.drop(uid);
      hold.drop(uid);
      return;
    }
    everything.add(key);
    if (!isComplete) {
      board.put(uid, resource.status?.zashiki?.injections ?? {});
      return;
    }
    const before = sayings.get(key);
    // What people say comes before a long look.
    if (before !== undefined && before !== saying(resource)) interrupts.get(key)?.abort();
    queue.add(key);
  };
  lever.pulled = () => {
    if (!isComplete) return;
    for (const key of everything) {
      interrupts.get(key)?.abort();
      queue.add(key);
    }
  };

  for (const kind of [...faultKinds, scheduleKind, workflowKind, statusCheckKind, experimentKind, ownScheduleKind]) {
    kinds.set(resourceName(kind), kind);
    for (const namespace of settings.namespaces ?? [undefined]) {
      const what = { path: pathOf(kind, namespace), resource: resourceName(kind), namespace };
      await follow<Resource>(what, { client, signal, trouble: say, seen: seen(kind) });
    }
  }
  isComplete = true;
  say(`watching ${everything.size} resources`);
  lever.pulled();
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }
  await queue.end();
  // Runs have heard of it by the same signal: they recover, then they are over.
  await Promise.all([...running.values()].map(({ done }) => done));
  await orphans.end();
  await api.flush();
}

/** Lists do not say of their items what they are. */
const known = (resource: Resource, { group, version, kind }: KindInfo): Resource => ({
  ...resource,
  apiVersion: `${group}/${version}`,
  kind,
});

/** Objects of ours that a resource belongs to. */
function parentsOf({ metadata }: Resource): readonly string[] {
  return (metadata.ownerReferences ?? []).flatMap((owner) => {
    const kind = kindOf(owner);
    return kind ? [`${resourceName(kind)}/${metadata.namespace}/${owner.name}`] : [];
  });
}

/** What people have said about a resource: everything but what we write ourselves. */
const saying = ({ metadata, spec }: Resource): string =>
  JSON.stringify([metadata.uid, metadata.deletionTimestamp ?? null, metadata.annotations ?? null, spec ?? null]);
