/**
 * The user-space path, for kernels without sch_netem: rules hand the packets of the target to a helper
 * (src/workers/packets.ts), which decides and times them by the model of netem. Local traffic of the namespace only,
 * not what it forwards. A packet that nobody takes any more passes, so that a helper that was killed does no harm. On
 * two busy cores it carried 16,000 packets a second and added 0.6 ms to each (benchmarks/packets.ts).
 */
import type { Netns, NetnsCapability } from '../../../capabilities/netns.ts';
import { ZashikiError } from '../../../core/errors.ts';
import type { Milliseconds } from '../../../core/model.ts';
import type { FaultContext, Sighting } from '../../../core/ports.ts';
import { directionsOf, type Effects, type Traffic } from '../effects.ts';
import { ownChains, placeChains, removeChains, tableFor } from './chains.ts';
import { findTools, type Tools } from './iptables.ts';
import { workerArgv } from './missing.ts';
import { type BoundQueue, boundQueues } from './queues.ts';
import { concerns, type Family, markOf, shortTag, tables } from './rules.ts';

export { userSpaceMissing } from './missing.ts';

/** What is wanted of the path. */
export type UserSpaceRequest = {
  readonly traffic: Traffic;
  readonly effects: Effects;
  /** Same seed and same packets: same verdicts. */
  readonly seed: number;
  /** How long the helper may live; null: until it is ended. */
  readonly ttlMs: Milliseconds | null;
};

/** All that recover needs, and all that start needs. Plain JSON. */
export type UserSpaceRecord = UserSpaceRequest & {
  readonly tag: string;
  readonly tools: Tools;
  readonly families: readonly Family[];
  readonly queue: number;
};

type Context = Pick<FaultContext, 'tag' | 'clock' | 'signal'>;

/** The helper ends itself this long after the time by which recover should have ended it. */
const spare: Milliseconds = 2000;

/**
 * Reads only. Throws `not-supported` for what this path cannot do, when no table is free for the rules, and for names
 * that iptables would not take; `permission-missing`.
 */
export async function planUserSpace(ns: Netns, request: UserSpaceRequest, { tag }: Context): Promise<UserSpaceRecord> {
  refuse(request, tag);
  const tools = await findTools(ns);
  const families = await familiesOf(ns, request.traffic);
  await tableFor(ns, tools, families, tag, directionsOf(request.traffic));
  const number = Number.parseInt(shortTag(tag), 16);
  const taken = new Set((await boundQueues(ns)).map(({ queue }) => queue));
  // Far from 0, where others begin to count.
  let queue = 20_000 + (number % 40_000);
  while (taken.has(queue)) queue++;
  return { ...request, tag, tools, families, queue };
}

/** The families that this traffic can be of. */
export async function familiesOf(ns: Netns, traffic: Traffic): Promise<readonly Family[]> {
  const families: Family[] = [];
  for (const family of [4, 6] as const) {
    if (!concerns(traffic, family)) continue;
    // A namespace without IPv6 addresses has no IPv6 traffic, and perhaps no ip6tables.
    if (family === 6 && (await ns.run(['cat', '/proc/net/if_inet6'])).stdout === '') continue;
    families.push(family);
  }
  return families;
}

function refuse({ traffic, effects }: UserSpaceRequest, tag: string): void {
  const no = (message: string, hint: string) => new ZashikiError('not-supported', message, { hint });
  if (effects.duplicate && traffic.direction !== 'egress') {
    throw no(
      'the user-space path duplicates packets that leave the target, not those that come in',
      'direction: egress',
    );
  }
  const { interface: device = 'eth0', peers = [], localPeers = [] } = traffic;
  if (!/^[^\s"'`/!-][^\s"'`/]{0,14}$/.test(device)) throw no(`${device} is no name of an interface`, 'see `ip link`');
  const odd = [...peers, ...localPeers].find((peer) => !/^[0-9a-fA-F:.]+(\/\d+)?$/.test(peer));
  if (odd !== undefined) throw no(`${odd} is no address`, 'give addresses as in 10.0.0.0/8 or fd00::1');
  if (!/^[\w.-]+$/.test(tag)) throw new ZashikiError('internal', `${tag} is not fit for a tag`);
}

/** Start the helper, then send the packets to it. Idempotent. Throws `inject-failed` when the helper does not start. */
export async function startUserSpace(ns: Netns, record: UserSpaceRecord, context: Context): Promise<void> {
  const { tag, tools, families, queue, traffic } = record;
  const { table, begun } = await tableFor(ns, tools, families, tag, directionsOf(traffic));
  // A helper without rules may be meant for another table, and would give its packets the mark of that one.
  if (!begun) await ns.stop(tag);
  await startHelper(ns, record, markOf(table), context);
  for (const family of families) {
    await placeChains(ns, tools, { family, table, tag, verdict: { queue } }, traffic);
  }
}

async function startHelper(ns: Netns, record: UserSpaceRecord, mark: number, { clock, signal }: Context) {
  const { tag, queue, seed, ttlMs, effects, traffic } = record;
  const ours = async () => (await ns.find(tag)).length > 0;
  if (await bound(ns, queue)) {
    if (await ours()) return;
    throw new ZashikiError('inject-failed', `another program has bound queue ${queue} since the plan`, {
      hint: 'run the experiment again: another queue is taken then',
    });
  }
  if (await ours()) await ns.stop(tag);
  const argv = await workerArgv(ns, [
    ...['--queue', String(queue), '--mark', String(mark), '--seed', String(seed)],
    ...['--ttl', String(ttlMs === null ? 0 : ttlMs + spare), '--direction', traffic.direction],
    ...['--effects', JSON.stringify(effects)],
  ]);
  await ns.start({ argv, tag });
  for (let tries = 0; tries < 200; tries++) {
    if (await bound(ns, queue)) return;
    if (tries > 5 && !(await ours())) break;
    await clock.sleep(Math.min(200, 20 + tries * 5), signal);
  }
  await ns.stop(tag);
  throw new ZashikiError('inject-failed', `the helper for packets did not bind queue ${queue}`, {
    hint: 'is it killed by somebody, or is the machine out of memory? `dmesg` may tell',
  });
}

const bound = async (ns: Netns, number: number): Promise<BoundQueue | undefined> =>
  (await boundQueues(ns)).find(({ queue }) => queue === number);

/** Whether packets go through the helper now, and how many went. It says nothing about what is felt. */
export async function userSpaceIsOn(ns: Netns, record: UserSpaceRecord): Promise<Sighting> {
  const { tag, tools, families, queue } = record;
  const there = await bound(ns, queue);
  if (!there || (await ns.find(tag)).length === 0) return { yes: false, detail: 'the helper for packets does not run' };
  const chains = (await ownChains(ns, tools, families, tag)).filter(({ called }) => called);
  const wanted = families.length * directionsOf(record.traffic).length;
  if (chains.length < wanted) return { yes: false, detail: `${chains.length} of ${wanted} rule chains are in place` };
  const overrun = there.overrun > 0 ? `, ${there.overrun} passed or were lost for want of room` : '';
  return { yes: true, detail: `${there.seen} packets went through queue ${queue}${overrun}` };
}

/**
 * Let packets pass, then end the helper: what it holds may leave at its time, for a second at most. Idempotent, from
 * the record alone. Tables and base chains that iptables-nft had made go too, where nobody else uses them.
 */
export async function stopUserSpace(ns: Netns, record: UserSpaceRecord, { clock, signal }: Context): Promise<void> {
  const { tag, tools, families, queue } = record;
  await removeChains(ns, tools, families, tag);
  for (let tries = 0; tries < 20; tries++) {
    if (((await bound(ns, queue))?.waiting ?? 0) === 0) break;
    await clock.sleep(50, signal);
  }
  await ns.stop(tag);
}

/**
 * End the helper of a namespace that cannot be opened any more. Where none is found, one may be on its way: its starter
 * can have been killed between making the process and giving it its environment. So it looks once more.
 */
export async function endLostHelper(
  netns: Pick<NetnsCapability, 'find' | 'stop'>,
  { tag }: UserSpaceRecord,
  { clock, signal }: Context,
): Promise<void> {
  if ((await netns.find(tag)).length === 0) await clock.sleep(50, signal);
  await netns.stop(tag);
}

/** Whether nothing of it is left: no rule, no chain, no helper. */
export async function userSpaceIsGone(ns: Netns, record: UserSpaceRecord): Promise<Sighting> {
  const { tag, tools, families } = record;
  const chains = await ownChains(ns, tools, families, tag);
  if (chains.length > 0) {
    return { yes: false, detail: `chains are left: ${chains.map(({ table, name }) => `${table} ${name}`).join(', ')}` };
  }
  const helpers = await ns.find(tag);
  if (helpers.length > 0) return { yes: false, detail: `helpers still run: pid ${helpers.join(', ')}` };
  return { yes: true, detail: `no chain of it is in any table that ${tools.prefix} shows, and no helper of it runs` };
}

/** What iptables makes and nobody can take away again, for the plan; empty when nothing stays. */
export function staysBehind({ kind, nft }: Tools): string {
  if (kind === 'legacy') return '; tables of iptables-legacy that are used for the first time stay, empty';
  return nft ? '' : '; without nft, a table that iptables makes stays, empty';
}

/** One line for plan and report. */
export function describeUserSpace({ traffic, tools }: UserSpaceRecord): string {
  const where = `${directionsOf(traffic).join(' and ')}, one of ${tables.length} in a namespace`;
  return `user-space path (NFQUEUE), ${where}${staysBehind(tools)}`;
}
