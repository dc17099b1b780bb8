import type { Handles } from '../../capabilities/agent.ts';
import type { JsonObject, Target } from '../../core/model.ts';
import { addressesOf } from '../docker/runtimes/containerd/read.ts';
import { boundsCapability } from '../host/capabilities/bounds.ts';
import { cgroupCapability } from '../host/capabilities/cgroup.ts';
import { filesCapability } from '../host/capabilities/files.ts';
import { limitsCapability } from '../host/capabilities/limits.ts';
import { netnsCapability } from '../host/capabilities/netns.ts';
import { priorityCapability } from '../host/capabilities/priority.ts';
import { signalCapability } from '../host/capabilities/signal.ts';
import { bootId, livingStat, pinned, requireLinux } from '../host/identity.ts';
import { attempt, openProc, type ProcFs } from '../host/proc.ts';
import { protection, spare } from '../host/protect.ts';
import { viewOf } from '../host/view.ts';
import { definePlatform } from '../platform.ts';
import { containerIn, type Found, findContainers, isIn, podIn } from './find.ts';
import { lifecycleBySignals } from './lifecycle.ts';
import { nodeContainerOffers, podOffers } from './offers.ts';
import { NodeContainerSelector } from './selector.ts';

const aboutLength = 120;

/**
 * Containers of this machine, whatever runs them, found by the cgroups of their processes: no runtime's socket is needed,
 * and nothing in the container but its process. A target is one life of its main process. For the agent on a node of
 * Kubernetes, which sees the processes of all pods.
 */
export default definePlatform({
  id: 'node-container',
  summary: 'Containers of this machine by their ids, whatever runs them: containerd, CRI-O, Docker.',
  selector: NodeContainerSelector,
  capabilities: nodeContainerOffers,
  discover: (selector, signal) => discover(selector, openProc(), signal),
  offers: (target) => (target.identity.network === true ? podOffers : nodeContainerOffers),
  async check(target) {
    const proc = openProc();
    requireLinux(proc);
    return livingStat(proc, pinned(target)) ? 'same' : 'gone';
  },
  async spare(target) {
    const proc = openProc();
    requireLinux(proc);
    return spare(target, proc);
  },
  async attach(target): Promise<Handles> {
    const proc = openProc();
    requireLinux(proc);
    const netns = netnsCapability(target, proc);
    if (target.identity.network === true) return { netns };
    const signal = signalCapability(target, proc);
    return {
      netns,
      signal,
      lifecycle: lifecycleBySignals(signal, pinned(target)),
      priority: priorityCapability(target, proc),
      limits: limitsCapability(target, proc),
      cgroup: cgroupCapability(target, proc),
      bounds: boundsCapability(target, proc, String(target.identity.container)),
      files: filesCapability(target, proc, { ofContainer: true }),
    };
  },
  async addresses(target) {
    const proc = openProc();
    const stat = livingStat(proc, pinned(target));
    if (!stat) return [];
    const read = (name: string) => attempt(() => proc.text(`${stat.pid}/net/${name}`)) ?? '';
    return addressesOf(read('fib_trie'), read('if_inet6'));
  },
});

async function discover(
  { id, pod }: NodeContainerSelector,
  proc: ProcFs,
  signal?: AbortSignal,
): Promise<readonly Target[]> {
  requireLinux(proc);
  signal?.throwIfAborted();
  const ids = [id ?? []].flat().map((text) => text.replace(/^[a-z0-9+.-]+:\/\//, ''));
  const uid = pod?.replaceAll('_', '-');
  const named = await findContainers(
    proc,
    (names) => {
      if (uid !== undefined && podIn(names) !== uid) return undefined;
      return ids.find((each) => isIn(names, each));
    },
    signal,
  );
  const found = named.map((one) => describe(one, proc, false));
  if (uid === undefined || named.length > 0) return found;
  // None of them runs. What holds the pod together was there first, and holds its network.
  const others = await findContainers(proc, (names) => (podIn(names) === uid ? containerIn(names) : undefined), signal);
  const [first] = [...others].sort((a, b) => Number(a.main.startTime) - Number(b.main.startTime));
  return first ? [describe(first, proc, true)] : [];
}

function describe({ id, pod, main }: Found, proc: ProcFs, network: boolean): Target {
  const view = viewOf(proc, main);
  const reason = protection(proc)(view);
  const identity: JsonObject = {
    container: id,
    ...(pod === undefined ? {} : { pod }),
    ...(network ? { network } : {}),
    pid: main.pid,
    startTime: main.startTime,
    bootId: bootId(proc),
  };
  const command = printable(view.command());
  return {
    platform: 'node-container',
    id: network ? `pod:${pod}` : `container:${id}`,
    name: printable(main.comm),
    about: command.slice(0, aboutLength),
    identity,
    labels: { command, ...(pod === undefined ? {} : { pod }) },
    ...(pod === undefined ? {} : { group: pod }),
    ...(reason ? { protected: reason } : {}),
  };
}

/** Control characters would act on the terminal that shows them. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, '?');
