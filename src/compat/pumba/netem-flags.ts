import type { Flag } from './flag-set.ts';

const helperImage = 'ghcr.io/alexei-led/pumba-alpine-nettools:latest';
const needsUnit = 'needs a unit: ms, s, m or h';

const duration: Flag = {
  names: ['duration', 'd'],
  kind: 'duration',
  usage: `how long (required), less than --interval; ${needsUnit}`,
};
const pull: Flag = {
  names: ['pull-image'],
  kind: 'on',
  usage: 'read and not needed: an image that is there is used, and none is needed as root on the machine of the engine',
};
const limit: Flag = {
  names: ['limit'],
  kind: 'int',
  default: 0,
  usage: 'hit at most so many of the matching containers (0: all of them)',
};
const networkInterface: Flag = {
  names: ['interface', 'i'],
  kind: 'text',
  default: 'eth0',
  usage: 'network interface inside the container',
};

/** Flags between `netem` and its effect. */
export const netemFlags: readonly Flag[] = [
  duration,
  networkInterface,
  {
    names: ['target', 't'],
    kind: 'list',
    usage: 'only packets to this peer: an address, a network (CIDR), or a container by name or id (repeatable)',
  },
  {
    names: ['egress-port', 'egressPort'],
    kind: 'text',
    usage: 'only packets from these ports of the container (comma-separated)',
  },
  {
    names: ['ingress-port', 'ingressPort'],
    kind: 'text',
    usage: 'only packets to these ports of a peer (comma-separated)',
  },
  {
    names: ['tc-image'],
    kind: 'text',
    default: helperImage,
    usage: 'image of the helper container, where one is needed',
  },
  pull,
  limit,
];

const percent = (what: string): Flag => ({
  names: ['percent', 'p'],
  kind: 'float',
  default: 0,
  usage: `${what}, 0.0 to 100.0`,
});
const correlation = (value: number): Flag => ({
  names: ['correlation', 'c'],
  kind: 'float',
  default: value,
  usage: 'how much a packet follows the one before, in percent, 0.0 to 100.0',
});
const chance = (name: string, initial: number, usage: string): Flag => ({
  names: [name],
  kind: 'float',
  default: initial,
  usage,
});

/** The effects of `netem`. */
export const netemEffects = [
  {
    name: 'delay',
    usage: 'delay packets',
    description: 'delay packets, with jitter',
    flags: [
      { names: ['time', 't'], kind: 'int', default: 100, usage: 'delay in milliseconds' },
      { names: ['jitter', 'j'], kind: 'int', default: 10, usage: 'jitter in milliseconds, no more than the delay' },
      correlation(20),
      {
        names: ['distribution', 'd'],
        kind: 'text',
        usage: 'of the jitter: uniform, normal, pareto or paretonormal',
      },
    ],
  },
  {
    name: 'loss',
    usage: 'lose packets at random',
    description: 'lose packets, each by itself',
    flags: [percent('share of packets that get lost, in percent'), correlation(0)],
  },
  {
    name: 'loss-state',
    usage: 'lose packets in bursts, by a Markov chain of four states',
    description: 'states: 1 good reception, 2 good reception in a burst, 3 losses in a burst, 4 single losses',
    flags: [
      chance('p13', 0, 'chance to go from 1 to 3, in percent'),
      chance('p31', 100, 'chance to go from 3 to 1, in percent'),
      chance('p32', 0, 'chance to go from 3 to 2, in percent'),
      chance('p23', 100, 'chance to go from 2 to 3, in percent'),
      chance('p14', 0, 'chance to go from 1 to 4, in percent'),
    ],
  },
  {
    name: 'loss-gemodel',
    usage: 'lose packets in bursts, by the model of Gilbert and Elliott',
    description: 'two states, good and bad, each with its own chance of losing a packet',
    flags: [
      { names: ['pg', 'p'], kind: 'float', default: 0, usage: 'chance to turn bad, in percent' },
      { names: ['pb', 'r'], kind: 'float', default: 100, usage: 'chance to turn good again, in percent' },
      chance('one-h', 100, 'loss in the bad state, in percent'),
      chance('one-k', 0, 'loss in the good state, in percent'),
    ],
  },
  {
    name: 'rate',
    usage: 'limit the rate of packets',
    description: 'limit the rate, as a slow line does',
    flags: [
      { names: ['rate', 'r'], kind: 'text', default: '100kbit', usage: 'bit, kbit, mbit or gbit a second' },
      {
        names: ['packetoverhead', 'p'],
        kind: 'int',
        default: 0,
        usage: 'bytes that each packet costs more (may be negative)',
      },
      { names: ['cellsize', 's'], kind: 'int', default: 0, usage: 'bytes of a cell of the link layer' },
      {
        names: ['celloverhead', 'c'],
        kind: 'int',
        default: 0,
        usage: 'bytes that each cell costs more (may be negative)',
      },
    ],
  },
  {
    name: 'duplicate',
    usage: 'send packets twice',
    description: 'send a share of the packets twice',
    flags: [percent('share of packets that are sent twice, in percent'), correlation(0)],
  },
  {
    name: 'corrupt',
    usage: 'flip a bit in packets',
    description: 'flip one bit in a share of the packets',
    flags: [percent('share of packets that are damaged, in percent'), correlation(0)],
  },
] as const satisfies readonly { name: string; usage: string; description: string; flags: readonly Flag[] }[];

const on = (name: string, usage: string): Flag => ({ names: [name], kind: 'bool', usage });
const int = (name: string, initial: number, usage: string): Flag => ({
  names: [name],
  kind: 'int',
  default: initial,
  usage,
});

/** Flags of `netem combine`: a switch per effect, and its values, which need the switch. */
export const combineFlags: readonly Flag[] = [
  on('delay', 'delay packets'),
  int('delay-time', 100, 'delay in milliseconds'),
  int('delay-jitter', 10, 'jitter in milliseconds, no more than the delay'),
  chance('delay-correlation', 20, 'how much a delay follows the one before, in percent'),
  { names: ['delay-distribution'], kind: 'text', usage: 'of the jitter: uniform, normal, pareto or paretonormal' },
  on('loss', 'lose packets'),
  chance('loss-percent', 0, 'share of packets that get lost, in percent'),
  chance('loss-correlation', 0, 'how much a loss follows the one before, in percent'),
  on('corrupt', 'flip a bit in packets'),
  chance('corrupt-percent', 0, 'share of packets that are damaged, in percent'),
  chance('corrupt-correlation', 0, 'how much a damage follows the one before, in percent'),
  on('duplicate', 'send packets twice'),
  chance('duplicate-percent', 0, 'share of packets that are sent twice, in percent'),
  chance('duplicate-correlation', 0, 'how much a duplicate follows the one before, in percent'),
  on('rate', 'limit the rate'),
  { names: ['rate-value'], kind: 'text', default: '100kbit', usage: 'bit, kbit, mbit or gbit a second' },
  int('rate-packet-overhead', 0, 'bytes that each packet costs more'),
  int('rate-cell-size', 0, 'bytes of a cell of the link layer'),
  int('rate-cell-overhead', 0, 'bytes that each cell costs more'),
];

/** Flags between `iptables` and `loss`. */
export const iptablesFlags: readonly Flag[] = [
  duration,
  networkInterface,
  { names: ['protocol', 'p'], kind: 'text', default: 'any', usage: 'any, tcp, udp or icmp' },
  {
    names: ['source', 'src', 's'],
    kind: 'list',
    usage: 'only packets from this address or network (repeatable)',
  },
  {
    names: ['destination', 'dest'],
    kind: 'list',
    usage: 'only packets to this address or network (repeatable)',
  },
  { names: ['src-port', 'sport'], kind: 'text', usage: 'only packets from these ports of a peer (comma-separated)' },
  {
    names: ['dst-port', 'dport'],
    kind: 'text',
    usage: 'only packets to these ports of the container (comma-separated)',
  },
  {
    names: ['iptables-image'],
    kind: 'text',
    default: helperImage,
    usage: 'image of the helper container, where one is needed',
  },
  pull,
  limit,
];

/** Flags of `iptables loss`. */
export const lossRuleFlags: readonly Flag[] = [
  { names: ['mode'], kind: 'text', default: 'random', usage: 'random, or nth' },
  { names: ['probability'], kind: 'float', default: 0, usage: 'random: share of packets that get lost, 0.0 to 1.0' },
  { names: ['every'], kind: 'int', default: 0, usage: 'nth: one packet of so many is lost' },
  { names: ['packet'], kind: 'int', default: 0, usage: 'nth: which of them, 0 to every-1' },
];
