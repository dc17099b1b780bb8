import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../vm/programs.ts';
import { LabError } from '../vm/say.ts';
import { type Api, apiOf } from './api.ts';
import { type ControlPlane, startApiServer, startControlPlane } from './control-plane.ts';
import { type Machine, type Program, powerOn } from './machine.ts';
import { layNetwork, plugIn, setPort } from './network.ts';
import { ctr, type NodePrograms, startNode } from './node.ts';
import type { Parts } from './parts.ts';
import { makePki } from './pki.ts';
import type { Net, NodeNet, Place } from './place.ts';

/** What is asked of a node or of the API server. */
export type Action = 'start' | 'stop' | 'kill' | 'cut' | 'mend' | 'kill-kubelet' | 'start-kubelet';

/** A cluster that runs in this process. */
export interface Cluster {
  /** First process of each machine that is on. */
  pids(): Readonly<Record<string, number>>;
  act(name: string, action: Action): Promise<void>;
  /** Start the simulator of nodes and pods, unless it runs. */
  simulate(programs: string): Promise<void>;
}

interface Node {
  readonly net: NodeNet;
  machine: Machine | undefined;
  programs: NodePrograms | undefined;
}

/** A cluster takes about 30 of them; a machine has 128 unless told otherwise. */
const moreInotify = 'sysctl -w fs.inotify.max_user_instances=1024';

/** The name of the machine that has the control plane. */
export const controlPlane = 'control';

/** Bring a cluster up in an empty place: resolves when both nodes are Ready and pods can be made. */
export async function bringUp(
  place: Place,
  net: Net,
  { programs, images }: { readonly programs: string; readonly images: readonly string[] },
  signal: AbortSignal,
): Promise<Cluster> {
  mkdirSync(place.folder, { recursive: true, mode: 0o755 });
  const pki = await makePki(place, net, signal);
  pki.kubeconfig('admin');
  const api = apiOf(place.kubeconfig);
  const parts: Parts = { place, net, pki, programs, api, signal };
  const router = await powerOn(place, controlPlane);
  await layNetwork(place, net, router, signal);
  const nodes: readonly Node[] = net.nodes.map((each) => ({ net: each, machine: undefined, programs: undefined }));
  const [control] = await Promise.all([
    startControlPlane(parts, router),
    ...nodes.map((node) => boot(parts, node, router, images)),
  ]);
  const ready = nodes.map((node) => nodeReady(api, node.net.name, signal, () => deadOf(node)));
  await Promise.all([...ready, accountReady(api, signal)]);
  let simulator: Program | undefined;
  return {
    pids: () =>
      Object.fromEntries(
        [router, ...nodes.map(({ machine }) => machine)].flatMap((each) => (each ? [[each.name, each.pid]] : [])),
      ),
    async act(name, action) {
      if (name === 'api-server') return await actOnApiServer(parts, control, action);
      const node = nodes.find((each) => each.net.name === name);
      if (!node) throw new Error(`no node ${name}; there are ${nodes.map((each) => each.net.name).join(', ')}`);
      await actOnNode(parts, node, router, action);
    },
    async simulate(folder) {
      if (simulator && !simulator.ended) return;
      simulator = router.start('kwok', [
        join(folder, 'kwok'),
        ...['--kubeconfig', place.kubeconfig, '--manage-all-nodes=false', `--cidr=${net.simulated}`],
        ...['--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake', `--node-ip=${net.controlPlane}`],
        ...['--node-lease-duration-seconds=40'],
      ]);
    },
  };
}

async function boot(parts: Parts, node: Node, router: Machine, images: readonly string[]): Promise<void> {
  const machine = await powerOn(parts.place, node.net.name);
  try {
    await plugIn(parts.net, node.net, router, machine, parts.signal);
    node.programs = await startNode(parts, node.net, machine, async () => {
      for (const file of images) await run([...ctr(machine), 'images', 'import', file], { signal: parts.signal });
    });
    node.machine = machine;
  } catch (error) {
    await machine.powerOff();
    throw error;
  }
}

async function actOnNode(parts: Parts, node: Node, router: Machine, action: Action): Promise<void> {
  const { machine, programs } = node;
  if (action === 'start') {
    if (machine) return;
    await boot(parts, node, router, []);
    return;
  }
  if (!machine || !programs) throw new Error(`node ${node.net.name} is off`);
  if (action === 'cut' || action === 'mend')
    return setPort(node.net.name, action === 'cut' ? 'down' : 'up', router, parts.signal);
  if (action === 'kill-kubelet') return programs.kubelet.end();
  if (action === 'start-kubelet') {
    if (programs.kubelet.ended) node.programs = { ...programs, kubelet: programs.startKubelet() };
    return;
  }
  // An orderly stop lets the kubelet say good-bye; either way all containers are gone afterwards, as when power fails.
  if (action === 'stop') await Promise.race([programs.kubelet.end('SIGTERM'), sleep(10_000)]);
  node.machine = undefined;
  node.programs = undefined;
  await machine.powerOff();
}

async function actOnApiServer(parts: Parts, control: ControlPlane, action: Action): Promise<void> {
  if (action === 'start') {
    if (control.apiServer.ended) control.apiServer = await startApiServer(parts, control.machine);
  } else if (action === 'stop' || action === 'kill') await control.apiServer.end();
  else throw new Error(`the API server knows start, stop and kill, not ${action}`);
}

/** What a program of a node has said that has ended; undefined while all of them run. */
function deadOf({ net, programs }: Node): string | undefined {
  for (const [what, program] of Object.entries(programs ?? {}))
    if (typeof program !== 'function' && program.ended)
      return `${what} of ${net.name} has ended:\n${program.lastLines()}`;
  return undefined;
}

/** Wait until a node is Ready. */
async function nodeReady(api: Api, name: string, signal: AbortSignal, dead: () => string | undefined): Promise<void> {
  await eventually(`node ${name} is not Ready`, signal, async () => {
    const why = dead();
    if (why) throw new LabError(why, /too many open files/.test(why) ? moreInotify : 'see its logs');
    const node = await api.call('GET', `/api/v1/nodes/${name}`);
    const conditions: { type: string; status: string; message: string }[] = node.status?.conditions ?? [];
    const ready = conditions.find(({ type }) => type === 'Ready');
    if (ready?.status !== 'True') throw new Error(ready?.message ?? 'it says nothing');
    const taints: { key: string }[] = node.spec?.taints ?? [];
    if (taints.length > 0) throw new Error(`it has the taints ${taints.map(({ key }) => key).join(', ')}`);
  });
}

const accountReady = (api: Api, signal: AbortSignal): Promise<void> =>
  eventually('there is no service account for pods', signal, async () => {
    await api.call('GET', '/api/v1/namespaces/default/serviceaccounts/default');
    await api.call('GET', '/api/v1/namespaces/default/configmaps/kube-root-ca.crt');
  });

async function eventually(what: string, signal: AbortSignal, check: () => Promise<void>): Promise<void> {
  for (const end = performance.now() + 120_000; ; ) {
    signal.throwIfAborted();
    try {
      return await check();
    } catch (error) {
      if (error instanceof LabError) throw error;
      if (performance.now() > end) throw new LabError(`${what}: ${(error as Error).message}`, 'see its logs');
    }
    await sleep(100, undefined, { signal });
  }
}

/** Settings that a person may want to read. */
export function writeFacts(place: Place, facts: object): void {
  writeFileSync(join(place.folder, 'cluster.json'), `${JSON.stringify(facts, null, 2)}\n`);
}
