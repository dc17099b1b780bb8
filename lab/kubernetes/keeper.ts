// The process that owns one cluster: ends it when nobody holds it any more, whoever crashed.
import { createServer, type Server, type Socket } from 'node:net';
import { onLine } from '../docker/lines.ts';
import { clean, keepLogs, remains } from './clean.ts';
import { bringUp, type Cluster, writeFacts } from './cluster.ts';
import { netOf, placeOf, prefixes } from './place.ts';
import { isKept, type KeeperOptions, type Request, type Status } from './protocol.ts';

const [name, given = '{}'] = process.argv.slice(2);
const place = placeOf(name);
const options: KeeperOptions = JSON.parse(given);
const controller = new AbortController();

/** Connections that hold the cluster; the kernel closes them when their owner dies. */
const holders = new Set<Socket>();
let byHand = false;
let leaving = false;
let net = netOf(0);
/** One thing after the other: a node is not stopped while it starts. */
let work: Promise<unknown> = Promise.resolve();

const server = createServer((socket) => {
  if (leaving) {
    socket.destroy();
    return;
  }
  onLine(socket, async (line) => {
    const request: Request = JSON.parse(line);
    try {
      if (request.do === 'hold') holders.add(socket);
      if (request.do === 'keep') byHand = true;
      if (request.do === 'let-go') byHand = false;
      const cluster = await ready;
      await carryOut(cluster, request);
      socket.write(`${JSON.stringify(statusOf(cluster))}\n`);
      if (request.do === 'let-go') leaveIfIdle();
    } catch (error) {
      socket.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
    }
  });
  socket.on('close', () => {
    if (holders.delete(socket)) leaveIfIdle();
  });
});

const ready = new Promise<Cluster>((resolve, reject) => {
  // Another keeper of this name lives: it will answer.
  server.once('error', () => process.exit(0));
  server.listen(place.keeper, () => begin().then(resolve, reject));
});
ready.catch((error) => {
  console.error(error);
  if (!leaving) keepLogs(place);
  setTimeout(() => leave(1), 1000);
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => leave(0));

async function begin(): Promise<Cluster> {
  for (const other of remains()) if (other.name !== place.name && !(await isKept(other))) await clean(other);
  await clean(place);
  net = netOf(await takeNumber());
  const cluster = await bringUp(place, net, options, controller.signal);
  writeFacts(place, statusOf(cluster));
  // Whoever asked for it may have died meanwhile.
  setTimeout(leaveIfIdle, 5000).unref();
  return cluster;
}

/** The addresses of a cluster are its own for as long as this process lives. */
async function takeNumber(): Promise<number> {
  for (const prefix of prefixes(place)) {
    const lock: Server = createServer();
    const held = await new Promise<boolean>((resolve) => {
      lock.once('error', () => resolve(false));
      lock.listen(`\0zashiki-lab-kubernetes-net-${prefix}`, () => resolve(true));
    });
    if (held) return prefix;
  }
  throw new Error('all addresses for clusters of the lab are taken');
}

async function carryOut(cluster: Cluster, request: Request): Promise<void> {
  const step = async () => {
    if (request.do === 'act') await cluster.act(request.name, request.action);
    if (request.do === 'simulate') await cluster.simulate(request.programs);
  };
  const mine = work.then(step);
  work = mine.catch(() => {});
  await mine;
}

function statusOf(cluster: Cluster): Status {
  return {
    name: place.name,
    kubeconfig: place.kubeconfig,
    server: `https://${net.controlPlane}:6443`,
    nodes: net.nodes,
    pods: net.pods,
    services: net.services,
    host: net.host,
    keeper: process.pid,
    machines: cluster.pids(),
    holders: holders.size,
    byHand,
    missing: options.missing,
  };
}

function leaveIfIdle(): void {
  if (holders.size === 0 && !byHand) leave(0);
}

async function leave(code: number): Promise<void> {
  if (leaving) return;
  leaving = true;
  controller.abort(new Error('the cluster is being ended'));
  await clean(place);
  process.exit(code);
}
