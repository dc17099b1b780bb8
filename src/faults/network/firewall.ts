import type { Netns } from '../../capabilities/netns.ts';
import type { EpochMs, Milliseconds } from '../../core/model.ts';
import { parseNetwork } from './addresses.ts';
import { alternatives, directionsOf, type PortRange, type Traffic } from './effects.ts';
import { addIptables, type IptablesRules, iptablesAreOn, removeIptables } from './firewall-iptables.ts';
import { decimal } from './netem.ts';
import { short } from './rig-name.ts';
import { failure, must } from './tools.ts';
import type { Verdict } from './verdict.ts';

/** Rules of one injection. Plain JSON. */
export type Firewall = {
  readonly table: string;
  readonly traffic: Traffic;
  readonly verdict: Verdict;
  /** The kernel forgets the rules so long after they were made; null: never. */
  readonly ttl: Milliseconds | null;
  /** Where nft is missing: the same by iptables. */
  readonly iptables?: IptablesRules;
};

/** When rules end by themselves that are made now. */
export const endOf = (ttl: Milliseconds | null, now: EpochMs): EpochMs | null =>
  ttl === null ? null : now + ttl + spare;

/** Rules end by themselves this long after the time by which recover should have removed them. */
const spare: Milliseconds = 15_000;
/** Percentages are drawn by whole numbers below this: a step is 0.00001 %. */
const steps = 10_000_000;

/** The table of an injection: one that nobody else has. */
export const tableName = (tag: string): string => `zashiki_${short(tag, 16)}`;

/**
 * The rules as `nft -f` reads them, in one transaction that may be repeated. Drops happen where packets are as they are
 * on the wire, before any NAT on their way in and after it on their way out, forwarded ones too; answers (reject, reset)
 * where the kernel can give them. Neighbor discovery always passes.
 */
export function ruleset({ table, traffic, verdict, ttl }: Firewall): string {
  const expiry = ttl === null ? '' : ` timeout ${Math.ceil((ttl + spare) / 1000)}s`;
  const chains = hooksOf(traffic, verdict).flatMap(({ name, hook, priority, direction }) => [
    `chain ${name} {`,
    `type filter hook ${hook} priority ${priority}; policy accept;`,
    'icmpv6 type { 133-137 } accept',
    ...rules(traffic, direction),
    '}',
  ]);
  return [
    ...[`add table inet ${table}`, `delete table inet ${table}`, `table inet ${table} {`],
    // While a family is in here, its rules are on: an element may end by itself, a rule may not.
    ...['set on {', 'typeof meta nfproto', ...(ttl === null ? [] : ['flags timeout'])],
    ...[`elements = { ipv4${expiry}, ipv6${expiry} }`, '}'],
    ...['chain hit {', ...hit(verdict), '}', ...chains, '}', ''],
  ].join('\n');
}

interface Hook {
  readonly name: string;
  readonly hook: string;
  readonly priority: number;
  readonly direction: 'egress' | 'ingress';
}

function hooksOf(traffic: Traffic, { action }: Verdict): readonly Hook[] {
  const on = directionsOf(traffic);
  const hooks: readonly Hook[] =
    action === 'drop'
      ? [
          { name: 'in', hook: 'prerouting', priority: -310, direction: 'ingress' },
          { name: 'out', hook: 'postrouting', priority: 310, direction: 'egress' },
        ]
      : [
          { name: 'in', hook: 'input', priority: -10, direction: 'ingress' },
          { name: 'out', hook: 'output', priority: 10, direction: 'egress' },
          { name: 'through_in', hook: 'forward', priority: -10, direction: 'ingress' },
          { name: 'through_out', hook: 'forward', priority: 10, direction: 'egress' },
        ];
  return hooks.filter(({ direction }) => on.includes(direction));
}

function hit(verdict: Verdict): readonly string[] {
  const some =
    'every' in verdict
      ? `numgen inc mod ${verdict.every} == ${verdict.packet} `
      : verdict.percent >= 100
        ? ''
        : `numgen random mod ${steps} < ${Math.max(1, Math.round((verdict.percent / 100) * steps))} `;
  if ('percent' in verdict && verdict.percent === 0) return [];
  if (verdict.action === 'drop') return [`${some}drop`];
  const reset = `meta l4proto tcp ${some}reject with tcp reset`;
  return verdict.action === 'reset' ? [reset] : [reset, `meta l4proto != tcp ${some}reject`];
}

function rules(traffic: Traffic, direction: 'egress' | 'ingress'): readonly string[] {
  const out = direction === 'egress';
  const device = traffic.interface;
  const on = `meta nfproto @on ${out ? 'oifname' : 'iifname'} ${device ? `"${device}"` : '!= "lo"'}`;
  return alternatives(traffic).flatMap(({ peers, localPeers, protocol, localPorts, remotePorts }) => {
    const ports = portMatch(out ? localPorts : remotePorts, out ? remotePorts : localPorts);
    const named = protocolMatch(protocol, ports !== '');
    const ends = addressMatches(out ? localPeers : peers, out ? peers : localPeers);
    return ends.map((end) => [on, end, named, ports, 'jump hit'].filter(Boolean).join(' '));
  });
}

type Networks = readonly string[] | undefined;

/** One match for each family of which both ends, where they are given, have an address. */
function addressMatches(sources: Networks, destinations: Networks): readonly string[] {
  if (!sources && !destinations) return [''];
  return ([4, 6] as const).flatMap((family) => {
    const part = (end: string, networks: Networks) => {
      const own = networks?.filter((network) => parseNetwork(network)?.family === family);
      return own && (own.length > 0 ? `${family === 4 ? 'ip' : 'ip6'} ${end} { ${own.join(', ')} }` : null);
    };
    const parts = [part('saddr', sources), part('daddr', destinations)];
    return parts.includes(null) ? [] : [parts.filter(Boolean).join(' ')];
  });
}

function protocolMatch(protocol: Traffic['protocol'], ports: boolean): string {
  if (protocol === 'icmp') return 'meta l4proto { icmp, ipv6-icmp }';
  if (protocol) return `meta l4proto ${protocol}`;
  return ports ? 'meta l4proto { tcp, udp }' : '';
}

function portMatch(source: readonly PortRange[] | undefined, destination: readonly PortRange[] | undefined): string {
  const list = (ranges: readonly PortRange[]) => ranges.map(([from, to]) => (from === to ? from : `${from}-${to}`));
  const part = (end: string, ranges: readonly PortRange[] | undefined) =>
    ranges ? `th ${end} { ${list(ranges).join(', ')} }` : '';
  return [part('sport', source), part('dport', destination)].filter(Boolean).join(' ');
}

/** Where rules are. */
type Placed = Pick<Firewall, 'table' | 'iptables'>;

/** Put the rules there, all at once, in place of an earlier try. */
export async function addRules(ns: Netns, firewall: Firewall): Promise<void> {
  if (firewall.iptables) return await addIptables(ns, firewall.iptables);
  await must(ns, ['nft', '-f', '-'], ruleset(firewall));
}

/** Remove the rules; no error when they are not there. */
export async function removeRules(ns: Netns, { table, iptables }: Placed): Promise<void> {
  if (iptables) return await removeIptables(ns, iptables);
  await must(ns, ['nft', '-f', '-'], `add table inet ${table}\ndelete table inet ${table}\n`);
}

/** Whether the rules are there, and have not ended by themselves. Throws when that cannot be read. */
export async function rulesAreOn(
  ns: Netns,
  { table, iptables }: Placed,
): Promise<'on' | 'partly' | 'ended' | 'absent'> {
  if (iptables) return await iptablesAreOn(ns, iptables);
  const argv = ['nft', 'list', 'table', 'inet', table];
  const done = await ns.run(argv);
  if (done.code !== 0) {
    if (/No such file or directory/.test(done.stderr)) return 'absent';
    throw failure(argv, done);
  }
  const { stdout } = done;
  if (!/ jump hit\b/.test(stdout)) return 'partly';
  return /elements = \{[^}]*ipv4/.test(stdout) ? 'on' : 'ended';
}

/** For people: `drops 30 %`, `answers with a reset`. */
export function describeVerdict(verdict: Verdict): string {
  if ('every' in verdict) return `drops packet ${verdict.packet} of every ${verdict.every}`;
  const share = verdict.percent >= 100 ? '' : `${decimal(verdict.percent)} % `;
  return { drop: `drops ${share || 'all'}`, reject: `rejects ${share || 'all'}`, reset: `resets ${share || 'all'}` }[
    verdict.action
  ].trim();
}
