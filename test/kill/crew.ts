import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, vi } from 'vitest';
import { docker, dockerHost, unique } from '../fixtures/docker.ts';
import { type Look, networkFaults, recipeOf } from './recipes.ts';
import { eventually } from './wait.ts';

const run = promisify(execFile);
// A dozen containers at a time, on a machine that may be busy or emulated.
vi.setConfig({ testTimeout: 900_000, hookTimeout: 600_000 });

/** A container with one fault, dressed with things of others. */
export interface Member {
  readonly fault: string;
  readonly id: string;
  /** Its network namespace as it was before any fault, but for counters. */
  readonly before: string;
  /** Its network namespace as it is now. */
  now(): Promise<string>;
  /** Wait until the effect of a fault (default: its own) is seen by its peer, or is not. */
  feels(yes: boolean, fault?: string): Promise<void>;
}

/** One container for each fault, in a network of their own, and their peer. */
export interface Crew {
  readonly members: readonly Member[];
  /** Address of the peer that all of them can be seen from. */
  readonly peer: string;
  /** All namespaces are, byte by byte, as they were, and nothing is felt any more. */
  areAsBefore(): Promise<void>;
  end(): Promise<void>;
}

export interface CrewOptions {
  /** Default: every network fault. */
  readonly faults?: readonly string[];
  readonly host?: string;
  readonly hostConfig?: object;
  /** Its engine will be killed, and then has other ports for its own name server. */
  readonly engineDies?: boolean;
}

/** Others' things in every way that a fault might get into: qdiscs, filters, rules, addresses, routes, neighbors. */
export const dress = `
set -e
ip addr add 10.250.7.1/24 dev eth0
ip addr add fd00:77::2/64 dev eth0 nodad
ip route add 10.251.0.0/16 via 10.250.7.9
ip -6 route add fd00:88::/64 via fd00:77::9 metric 77
ip neigh add 10.250.7.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent
tc qdisc add dev eth0 root handle 7: htb default 10
tc class add dev eth0 parent 7: classid 7:10 htb rate 1gbit
tc class add dev eth0 parent 7: classid 7:20 htb rate 100mbit
tc filter add dev eth0 parent 7: protocol ip prio 5 u32 match ip dport 9 0xffff flowid 7:20
tc qdisc add dev eth0 clsact
tc filter add dev eth0 egress protocol ip pref 12 u32 match ip dport 9 0xffff flowid 7:20
tc filter add dev eth0 ingress protocol ipv6 pref 13 u32 match ip6 dport 9 0xffff flowid 7:20
nft add table inet others
nft add chain inet others in '{ type filter hook input priority 5; policy accept; }'
nft add rule inet others in tcp dport 9 counter drop
iptables -A INPUT -p tcp --dport 9 -j DROP
iptables -t nat -A POSTROUTING -p tcp --dport 9 -j MASQUERADE
ip6tables -A INPUT -p udp --dport 9 -j REJECT
`;

/** Tells all that a fault could change in a network namespace, and what it must not. A script for `inNetwork`. */
export const state = `
for one in 'tc -d qdisc show' 'tc -d class show dev eth0' 'tc -d filter show dev eth0' \
  'tc -d filter show dev eth0 egress' 'tc -d filter show dev eth0 ingress' \
  'ip -o -d link' 'ip addr' 'ip route show table all' 'ip -6 route show table all' 'ip rule' 'ip -6 rule' \
  'ip neigh show nud permanent' 'nft list ruleset' iptables-save ip6tables-save \
  iptables-legacy-save ip6tables-legacy-save 'cat /proc/net/netfilter/nfnetlink_queue'
do echo "$ $one"; $one 2>&1; done
exit 0
`;

/** Packet counts and the time of day are no part of what is there. */
export const withoutCounters = (text: string) =>
  text
    .replace(/counter packets \d+ bytes \d+/g, 'counter')
    .replace(/^(:\S+ \S+) \[\d+:\d+\]$/gm, '$1')
    .replace(/^# (Generated|Completed) .*$/gm, '# $1');

const withoutPorts = (text: string) =>
  text.replace(/(127\.0\.0\.11):\d+/g, '$1:PORT').replace(/(127\.0\.0\.11\S* .*sport) \d+/g, '$1 PORT');

/** What only we make; must not be found in a namespace that is new, and is found while most faults are on. */
export const ours = /zsk|zashiki|NFQUEUE|nfqueue|ifb|mirred/i;

/** Make them; they are to be ended by `end`. */
export async function makeCrew(options: CrewOptions = {}): Promise<Crew> {
  const { faults = networkFaults, host = dockerHost(), hostConfig, engineDies } = options;
  const call = (method: string, path: string, body?: object) => docker(method, path, body, host);
  const net = unique('zk');
  const made: string[] = [];
  const end = async () => {
    const gone = made.map((id) => call('DELETE', `/containers/${id}?force=1&v=1`).catch(() => undefined));
    await Promise.all(gone);
    await call('DELETE', `/networks/${net}`).catch(() => undefined);
  };
  const container = async (image: string) => {
    const { Id: id } = await call('POST', `/containers/create?name=${unique('zk')}`, {
      ...{ Image: `zashiki-lab/${image}`, Labels: { 'zashiki.dev/test': 'true' }, NetworkDisabled: false },
      HostConfig: { NetworkMode: net, Sysctls: { 'net.ipv6.conf.all.disable_ipv6': '0' }, ...hostConfig },
    });
    made.push(id);
    await call('POST', `/containers/${id}/start`);
    const address = (await call('GET', `/containers/${id}/json`)).NetworkSettings.Networks[net].IPAddress as string;
    return { id, address };
  };
  const pidOf = async (id: string): Promise<number> => (await call('GET', `/containers/${id}/json`)).State.Pid;
  try {
    await call('POST', '/networks/create', { Name: net });
    const peer = await container('echo');
    const peerPid = await pidOf(peer.id);
    const members = await Promise.all(
      faults.map(async (fault): Promise<Member> => {
        const { id, address } = await container('echo');
        const now = async () => {
          const text = withoutCounters(await inNetwork(await pidOf(id), state));
          return engineDies ? withoutPorts(text) : text;
        };
        await inNetwork(await pidOf(id), dress);
        const before = await steady(now);
        return {
          ...{ fault, id, before, now },
          async feels(yes, of = fault) {
            let seen: Look | undefined;
            const told = async () => {
              seen = await look(peerPid, address, of);
              return recipeOf(of).felt(seen) === yes;
            };
            await eventually(
              told,
              () => `${of} on ${fault} ${yes ? 'to' : 'not to'} be felt, not ${JSON.stringify(seen)}`,
            );
          },
        };
      }),
    );
    await Promise.all(members.map((member) => member.feels(false)));
    const crew: Crew = {
      ...{ members, peer: peer.address, end },
      async areAsBefore() {
        await Promise.all(members.map((member) => isAsBefore(member)));
        await Promise.all(members.map((member) => member.feels(false)));
      },
    };
    return crew;
  } catch (error) {
    await end();
    throw error;
  }
}

/** Wait until it is, since addresses of the kernel's own take a second to settle; then tell the difference. */
export async function isAsBefore({ fault, before, now }: Pick<Member, 'fault' | 'before' | 'now'>): Promise<void> {
  let last = '';
  const same = async () => {
    last = await now();
    return last === before;
  };
  await eventually(same, () => `the namespace of ${fault} to be as before`, 15_000).catch(() => {});
  expect(last, fault).toBe(before);
}

/** Two looks that are alike: duplicate address detection is over. */
export async function steady(now: () => Promise<string>): Promise<string> {
  let last = '';
  return eventually(
    async () => {
      const before = last;
      last = await now();
      return before === last && !last.includes('tentative') && last;
    },
    () => `a namespace to settle:\n${last}`,
  );
}

/** Run a script in the network namespace of a process; its output. */
export async function inNetwork(pid: number, script: string): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const { stdout } = await run('nsenter', [`--net=/proc/${pid}/ns/net`, '--', 'sh', '-c', script], { env });
  return stdout;
}

/** Ends well when there is an answer by HTTP. */
const connect = `require('http').get({ host: process.argv[1], port: 8080, path: '/ok', timeout: 5000, agent: false },
  ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('timeout', () => process.exit(1))`;

async function look(peerPid: number, address: string, fault: string): Promise<Look> {
  const inside = [`--net=/proc/${peerPid}/ns/net`, '--'];
  if (fault === 'network-reset') {
    const connects = await run('nsenter', [...inside, process.execPath, '-e', connect, address]).then(
      () => true,
      () => false,
    );
    return { sent: 0, received: 0, doubled: 0, fastest: null, slowest: null, connects };
  }
  const ping = ['ping', '-n', '-c', '8', '-i', '0.05', '-s', '1200', '-W', '2', address];
  const { stdout } = await run('nsenter', [...inside, ...ping]).catch((error: { stdout: string }) => error);
  const times = [...stdout.matchAll(/^\d+ bytes .* time=([\d.]+) ms(?! \(DUP)/gm)].map((match) => Number(match[1]));
  return {
    sent: Number(/(\d+) packets transmitted/.exec(stdout)?.[1]),
    received: Number(/(\d+) received/.exec(stdout)?.[1]),
    doubled: Number(/\+(\d+) duplicates/.exec(stdout)?.[1] ?? 0),
    fastest: times.length > 0 ? Math.min(...times) : null,
    slowest: times.length > 0 ? Math.max(...times) : null,
    connects: true,
  };
}
