import { isIP } from 'node:net';
import type { Netns } from '../../capabilities/netns.ts';
import { isError } from '../../core/errors.ts';
import type { Milliseconds } from '../../core/model.ts';
import { formatNetwork, parseNetwork } from './addresses.ts';
import type { Traffic } from './effects.ts';
import { mustJson } from './tools.ts';

/** Somebody who answers: by ping, or on a TCP port. Plain JSON. */
export type Peer = { readonly host: string; readonly port?: number };

/** Round trips to a peer. Plain JSON. */
export type Trips = {
  readonly sent: number;
  readonly received: number;
  /** Answers that came more than once. */
  readonly doubled: number;
  /** Answers with other content than was asked for: not every way in checks what it is given. */
  readonly spoiled: number;
  /** Median and least round trip; null when nothing came back. */
  readonly medianMs: Milliseconds | null;
  readonly leastMs: Milliseconds | null;
};

/** What was measured before the fault. Plain JSON. */
export type Baseline = { readonly peer: Peer; readonly trips: Trips };

/** Who can be asked: the one that is named, else a peer of the traffic that is one host, else the gateway. */
export async function peersToAsk(ns: Netns, traffic: Traffic, named: string | undefined): Promise<readonly Peer[]> {
  if (named !== undefined) return [parsePeer(named)];
  // Which of its addresses the target would ask from is not ours to say.
  if (traffic.localPeers) return [];
  // What it says to itself goes through no device: one of many that is cut off from all of them shows it at the others.
  const own = traffic.peers ? await ownAddresses(ns) : new Set();
  const hosts = (traffic.peers ?? []).flatMap((peer) => {
    const [address = '', bits] = peer.split('/');
    const isHost = bits === (address.includes(':') ? '128' : '32');
    return isHost && !own.has(peer) ? [{ host: address }] : [];
  });
  const port = traffic.remotePorts?.[0]?.[0];
  if (traffic.protocol === 'udp') return [];
  if (traffic.protocol === 'tcp' || port !== undefined || traffic.localPorts) {
    return port === undefined || traffic.localPorts ? [] : hosts.map(({ host }) => ({ host, port })).slice(0, 1);
  }
  if (hosts.length > 0) return hosts.slice(0, 2);
  if (traffic.peers) return [];
  const gateways: Peer[] = [];
  for (const family of ['-4', '-6']) {
    const argv = ['ip', family, '-j', 'route', 'show', 'default'];
    const routes = await mustJson<{ gateway?: string; dev?: string }>(ns, argv).catch(() => []);
    for (const { gateway, dev } of routes) {
      if (gateway === undefined || (traffic.interface !== undefined && dev !== traffic.interface)) continue;
      gateways.push({ host: gateway.startsWith('fe80') ? `${gateway}%${dev}` : gateway });
    }
  }
  return gateways.slice(0, 2);
}

/** The addresses in there, as peers are written. */
async function ownAddresses(ns: Netns): Promise<ReadonlySet<string>> {
  const links = await mustJson<{ addr_info?: readonly { local?: string }[] }>(ns, ['ip', '-j', 'addr', 'show']).catch(
    () => [],
  );
  const networks = links.flatMap(({ addr_info = [] }) =>
    addr_info.flatMap(({ local = '' }) => parseNetwork(local) ?? []),
  );
  return new Set(networks.map(formatNetwork));
}

/** `10.0.0.1`, `10.0.0.1:80`, `fd00::1`, `[fd00::1]:80`. */
export function parsePeer(text: string): Peer {
  const [, host = '', port] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(text) ?? [];
  if (isIP(text) || port === undefined) return { host: text.replace(/^\[|\]$/g, '') };
  return { host, port: Number(port) };
}

/** The first of these that answers, and how fast; null when none does. */
export async function baseline(ns: Netns, peers: readonly Peer[]): Promise<Baseline | null> {
  for (const peer of peers) {
    const trips = await roundTrips(ns, peer, { count: 3, waitMs: 1000 });
    if (trips && trips.received > 0) return { peer, trips };
  }
  return null;
}

/** Ask a peer so many times, 50 ms apart; undefined when that is not possible from there (no ping, no node). */
export async function roundTrips(
  ns: Netns,
  peer: Peer,
  { count, waitMs }: { readonly count: number; readonly waitMs: Milliseconds },
): Promise<Trips | undefined> {
  try {
    return await (peer.port === undefined ? ping(ns, peer, count, waitMs) : connect(ns, peer, count, waitMs));
  } catch (error) {
    if (isError(error, 'not-supported')) return undefined;
    throw error;
  }
}

async function ping(ns: Netns, { host }: Peer, count: number, waitMs: number): Promise<Trips | undefined> {
  const wait = Math.max(1, Math.ceil(waitMs / 1000));
  // Only root may send faster than five times a second. -U, where ping knows it: the time until the program has the
  // answer; else what holds up packets that come in is not seen, since the kernel noted their time before.
  for (const how of [
    ['-U', '-i', '0.05'],
    ['-U', '-i', '0.2'],
    ['-i', '0.2'],
  ]) {
    const argv = ['ping', '-n', '-c', String(count), ...how, '-W', String(wait), host];
    const { stdout, stderr, code } = await ns.run(argv, { timeoutMs: count * 250 + wait * 2000 + 5000 });
    if (/minimal interval|cannot flood|invalid option|unrecognized option/.test(stderr)) continue;
    if (code === 2 && !/packets transmitted/.test(stdout)) return undefined;
    return tripsIn(stdout, count);
  }
  return undefined;
}

/** Read what ping (iputils, busybox) prints. */
export function tripsIn(text: string, count: number): Trips {
  const times = new Map<string, number>();
  let doubled = 0;
  let spoiled = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith('wrong data byte')) spoiled++;
    const [, sequence, ms] = /(?:icmp_)?seq=(\d+).*time[=<]([\d.]+) ?ms/.exec(line) ?? [];
    // To ping, what fails its checksum did not come.
    if (sequence === undefined || line.includes('BAD CHECKSUM')) continue;
    if (Number(sequence) > count) spoiled++;
    if (times.has(sequence)) doubled++;
    else times.set(sequence, Number(ms));
  }
  const sent = Number(/(\d+) packets transmitted/.exec(text)?.[1] ?? count);
  return summary(sent, [...times.values()], doubled, spoiled);
}

function summary(sent: number, times: readonly number[], doubled = 0, spoiled = 0): Trips {
  const sorted = times.toSorted((a, b) => a - b);
  const medianMs = sorted[Math.floor(sorted.length / 2)] ?? null;
  return { sent, received: sorted.length, doubled, spoiled, medianMs, leastMs: sorted[0] ?? null };
}

const connector = `
const [host, port, count, wait] = process.argv.slice(1);
const net = require('node:net');
const once = () => new Promise((resolve) => {
  const from = performance.now();
  const socket = net.connect({ host, port: Number(port) });
  const end = (text) => { socket.destroy(); resolve(text); };
  socket.setTimeout(Number(wait), () => end('late'));
  socket.on('connect', () => end(String(performance.now() - from)));
  socket.on('error', (error) => end(error.code));
});
(async () => { for (let i = 0; i < Number(count); i++) console.log(await once()); })();
`;

/** A connection is one round trip; one that is refused or late counts as lost. Takes Node where the command runs. */
async function connect(ns: Netns, { host, port }: Peer, count: number, waitMs: number): Promise<Trips | undefined> {
  const most = Math.min(count, 8);
  const argv = [process.execPath, '-e', connector, host, String(port), String(most), String(waitMs)];
  const { code, stdout } = await ns.run(argv, { timeoutMs: most * (waitMs + 500) + 10_000 });
  if (code !== 0) return undefined;
  const times = stdout.split('\n').flatMap((line) => (/^[\d.]+$/.test(line) ? [Number(line)] : []));
  return summary(most, times);
}
