/** What happens to packets, in exact units; several at once act together, as in one netem qdisc. Plain JSON. */
export type Effects = {
  readonly delay?: Delay;
  readonly reorder?: Chance & { readonly gap?: number };
  readonly loss?: Loss;
  readonly duplicate?: Chance;
  readonly corrupt?: Chance;
  readonly rate?: Rate;
};

/** Percentages are 0..100 and keep all their digits; correlation is with the packet before. */
export type Chance = { readonly percent: number; readonly correlation: number };

export type Delay = {
  readonly latencyUs: number;
  readonly jitterUs: number;
  readonly correlation: number;
  readonly distribution: 'uniform' | 'normal' | 'pareto' | 'paretonormal';
};

/** The loss models of netem: independent, the four-state Markov chain, Gilbert-Elliott; and every n-th packet. */
export type Loss =
  | ({ readonly model: 'random' } & Chance)
  | {
      readonly model: 'state';
      readonly p13: number;
      readonly p31: number;
      readonly p32: number;
      readonly p23: number;
      readonly p14: number;
    }
  | {
      readonly model: 'gemodel';
      readonly pg: number;
      readonly pb: number;
      /** 1-h: loss in the bad state; 1-k: loss in the good state. */
      readonly oneH: number;
      readonly oneK: number;
    }
  | { readonly model: 'nth'; readonly every: number; readonly packet: number };

export type Rate = {
  readonly bitsPerSecond: number;
  readonly packetOverhead?: number;
  readonly cellSize?: number;
  readonly cellOverhead?: number;
  /** For tbf: bytes that may go at once, and bytes that may wait. */
  readonly burst?: number;
  readonly limit?: number;
};

/**
 * Which packets, seen from the target. All given keys must match, unless `match` says that one of peers, localPeers,
 * localPorts and remotePorts is enough (see `alternatives`); a list means any of its entries. Plain JSON.
 */
export type Traffic = {
  readonly direction: 'egress' | 'ingress' | 'both';
  /** Device in the target's namespace; absent: every device but lo. */
  readonly interface?: string;
  /** Peers as CIDR, IPv4 or IPv6, resolved already. Absent: everybody. */
  readonly peers?: readonly string[];
  /** The target's own end as CIDR: for targets with several addresses. Absent: any of them. */
  readonly localPeers?: readonly string[];
  readonly protocol?: 'tcp' | 'udp' | 'icmp';
  /** Ports at the target's end, and at the peer's end. */
  readonly localPorts?: readonly PortRange[];
  readonly remotePorts?: readonly PortRange[];
  /** Default `all`. */
  readonly match?: 'all' | 'any';
};

/** Traffic of which any may match, each of which matches by all of its keys. */
export function alternatives(traffic: Traffic): readonly Traffic[] {
  const { match = 'all', peers, localPeers, localPorts, remotePorts, ...rest } = traffic;
  const parts = [
    peers && { peers },
    localPeers && { localPeers },
    localPorts && { localPorts },
    remotePorts && { remotePorts },
  ].filter((part) => part !== undefined);
  if (match === 'any' && parts.length > 1) return parts.map((part) => ({ ...rest, ...part }));
  return [Object.assign({ ...rest }, ...parts)];
}

/** The directions that traffic takes, one by one. */
export const directionsOf = ({ direction }: Traffic): readonly ('egress' | 'ingress')[] =>
  direction === 'both' ? ['egress', 'ingress'] : [direction];

export type PortRange = readonly [from: number, to: number];

/** The way that an effect takes; named in the plan and the report. */
export type NetworkPath =
  /** netem on an ifb device. */
  | 'netem'
  /** tbf on an ifb device. */
  | 'tbf'
  /** nftables or iptables rules. */
  | 'firewall'
  /** Packets go through a helper of ours by NFQUEUE: for kernels without sch_netem. */
  | 'user-space';
