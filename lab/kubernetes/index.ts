import { execFile, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Say } from '../vm/say.ts';
import { type Api, apiOf } from './api.ts';
import { ensureBuilt, holdingCache } from './build.ts';
import type { Action } from './cluster.ts';
import { importInto } from './import.ts';
import { importOurs, type OurImage } from './our-image.ts';
import { cacheFolder, type NodeNet, type Place, placeOf } from './place.ts';
import { prepare } from './prepare.ts';
import { asker, Leaving, open, type Request, type Status } from './protocol.ts';
import { type Simulated, simulate } from './simulate.ts';

/** A node of the cluster. */
export interface LabNode extends Omit<NodeNet, 'address'> {
  /** Its address, which this machine reaches. */
  readonly ip: string;
  /** First process of the node as seen from here: `nsenter --target` of it goes inside. Undefined when it is off. */
  pid(): Promise<number | undefined>;
  /** Switch it on; resolves when its kubelet runs, not when it is Ready. */
  start(): Promise<void>;
  /** Shut it down in order, or cut the power: all containers are gone, its /var stays. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Take it off the network, and back. Its pods go on. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** SIGKILL to its kubelet, and start it again. Its pods go on. */
  killKubelet(): Promise<void>;
  startKubelet(): Promise<void>;
}

/** A cluster that lives at least as long as this process holds it. */
export interface LabCluster extends Omit<Status, 'nodes'> {
  readonly nodes: readonly LabNode[];
  readonly apiServer: { stop(): Promise<void>; start(): Promise<void> };
  /** Calls to the API server as administrator. */
  readonly api: Api;
  /** Run kubectl; resolves to its standard output, rejects with its words. */
  kubectl(argv: readonly string[], input?: string | object): Promise<string>;
  /** Import an archive of images (of docker save, or OCI) into all nodes that are on. */
  importImage(file: string): Promise<void>;
  /** Import this checkout's dist/ as `zashiki/zashiki:dev`, or under another name. Build it first. */
  importOurs(name?: string): Promise<OurImage>;
  /** Add nodes and pods that only the API server knows. */
  simulate(what: { readonly nodes: number; readonly pods?: number; readonly namespace?: string }): Promise<Simulated>;
  /** Let go of it: it ends, unless others hold it; resolves when all of it is gone then. */
  remove(): Promise<void>;
}

/** How a cluster is asked for. */
export interface StartOptions {
  /** Default: ZASHIKI_LAB_KUBERNETES, or one that all share. */
  readonly name?: string;
  readonly say?: Say;
  readonly signal?: AbortSignal;
}

/**
 * Start the cluster of this name, or join the one that runs. It lives while this process holds it, and at most that
 * long: a crash releases it too. Rejects with the words of the part that failed.
 */
export async function startCluster(options: StartOptions = {}): Promise<LabCluster> {
  const place = placeOf(options.name);
  const { socket, status } = await summon(place, 'hold', options);
  const asking = asker(socket);
  // Holding it does not keep this process alive; waiting for an answer does.
  const ask = (request: Request) => {
    socket.ref();
    return asking(request).finally(() => socket.unref());
  };
  socket.unref();
  return clusterOf(status, ask, async () => {
    const { holders, byHand } = await ask({ do: 'status' });
    socket.destroy();
    if (holders === 1 && !byHand) await gone(place);
  });
}

/** Join a cluster that runs, without holding it; undefined when it does not run. */
export async function findCluster(name?: string): Promise<LabCluster | undefined> {
  const found = await clusterStatus(name);
  if (!found) return undefined;
  const place = placeOf(name);
  const ask = async (request: Request): Promise<Status> => {
    const socket = await open(place);
    if (!socket) throw new Leaving('the lab cluster does not run');
    return await asker(socket)(request).finally(() => socket.destroy());
  };
  return clusterOf(found, ask, async () => {});
}

/** Start it, or join it, and keep it until `letGo`. */
export async function keepCluster(options: StartOptions = {}): Promise<Status> {
  const { socket, status } = await summon(placeOf(options.name), 'keep', options);
  socket.destroy();
  return status;
}

/** Let go of what `keepCluster` keeps. False when others hold it still; it ends with the last of them. */
export async function letGo(name?: string): Promise<boolean> {
  const place = placeOf(name);
  const socket = await open(place);
  if (!socket) return true;
  const answer = await asker(socket)({ do: 'let-go' }).catch(ignoreLeaving);
  socket.destroy();
  if (answer && answer.holders > 0) return false;
  await gone(place);
  return true;
}

/** How the cluster of this name is; undefined when it does not run, or not any more. */
export async function clusterStatus(name?: string): Promise<Status | undefined> {
  const socket = await open(placeOf(name));
  if (!socket) return undefined;
  return await asker(socket)({ do: 'status' })
    .catch(ignoreLeaving)
    .finally(() => socket.destroy());
}

function clusterOf(
  status: Status,
  ask: (request: Request) => Promise<Status>,
  remove: () => Promise<void>,
): LabCluster {
  const act = async (name: string, action: Action) => void (await ask({ do: 'act', name, action }));
  const machines = async () => (await ask({ do: 'status' })).machines;
  const nodePids = async () => {
    const pids = await machines();
    return status.nodes.flatMap(({ name }) => pids[name] ?? []);
  };
  const api = apiOf(status.kubeconfig);
  return {
    ...status,
    api,
    nodes: status.nodes.map(({ address, ...node }) => ({
      ...node,
      ip: address,
      pid: async () => (await machines())[node.name],
      start: () => act(node.name, 'start'),
      stop: () => act(node.name, 'stop'),
      kill: () => act(node.name, 'kill'),
      cut: () => act(node.name, 'cut'),
      mend: () => act(node.name, 'mend'),
      killKubelet: () => act(node.name, 'kill-kubelet'),
      startKubelet: () => act(node.name, 'start-kubelet'),
    })),
    apiServer: { stop: () => act('api-server', 'stop'), start: () => act('api-server', 'start') },
    kubectl: (argv, input) => kubectl(status.kubeconfig, argv, input),
    importImage: async (file) => importInto(await nodePids(), file),
    importOurs: async (name) => importOurs(await nodePids(), name),
    async simulate(what) {
      const programs = await ensureBuilt('kwok', { say: () => {}, signal: AbortSignal.timeout(900_000) });
      await ask({ do: 'simulate', programs });
      return await simulate(api, what);
    },
    remove,
  };
}

/** Run kubectl with a kubeconfig file; resolves to its standard output, rejects with its words. */
export function kubectl(kubeconfig: string, argv: readonly string[], input?: string | object): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 1 << 28, encoding: 'utf8' as const };
    const child = execFile('kubectl', ['--kubeconfig', kubeconfig, ...argv], options, (error, out, said) => {
      if (error) reject(new Error(`kubectl ${argv.join(' ')}: ${said.trim() || error.message}`, { cause: error }));
      else resolve(out);
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(typeof input === 'object' ? JSON.stringify(input) : input);
  });
}

/** Wait until its keeper has ended: nothing of the cluster is left then. */
async function gone(place: Place): Promise<void> {
  for (let socket = await open(place); socket; socket = await open(place)) {
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function summon(place: Place, word: 'hold' | 'keep', options: StartOptions) {
  const signal = options.signal ?? new AbortController().signal;
  return holdingCache(signal, () => summoned(place, word, { ...options, signal }));
}

async function summoned(place: Place, word: 'hold' | 'keep', { say = () => {}, signal }: StartOptions) {
  let prepared: Awaited<ReturnType<typeof prepare>> | undefined;
  for (const until = performance.now() + 1_200_000; ; ) {
    signal?.throwIfAborted();
    const socket = await open(place);
    if (socket) {
      const abort = () => socket.destroy();
      signal?.addEventListener('abort', abort, { once: true });
      try {
        return { socket, status: await asker(socket)({ do: word }) };
      } catch (error) {
        socket.destroy();
        signal?.throwIfAborted();
        if (!(error instanceof Leaving)) throw error;
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    } else {
      prepared ??= await prepare(say, signal ?? new AbortController().signal);
      await startKeeper(place, prepared);
    }
    if (performance.now() > until) throw new Error('the keeper of the lab cluster does not answer');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function startKeeper(place: Place, options: object): Promise<void> {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const args = ['--import', tsx, join(import.meta.dirname, 'keeper.ts'), place.name, JSON.stringify(options)];
  await mkdir(cacheFolder(), { recursive: true });
  const log = openSync(join(cacheFolder(), `keeper-${place.name}.log`), 'w');
  spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log], cwd: '/' }).unref();
}

function ignoreLeaving(error: unknown): undefined {
  if (!(error instanceof Leaving)) throw error;
}
