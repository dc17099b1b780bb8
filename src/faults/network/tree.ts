import { type Filter, protocolOf, u32 } from './match.ts';

/** What one injection does to the packets that match: the arguments of its qdisc. */
export interface Stage {
  /** Null: all packets. */
  readonly filters: readonly Filter[] | null;
  readonly qdisc: readonly string[];
}

/** The qdisc that divides packets in two: `htb` for kernels without prio, behind which only tbf makes sense. */
export type Divider = 'prio' | 'htb';

/** The commands of a tree, one line each for `tc -batch`, and the handles under which each stage is found in it. */
export interface Tree {
  readonly commands: readonly string[];
  readonly handles: readonly (readonly string[])[];
}

/**
 * A chain of stages on one device. A stage that not all packets take becomes a divider with two bands, pass and hit;
 * both go on with the stages after it, so the tree doubles with each of these.
 */
export function treeOf(device: string, stages: readonly Stage[], divider: Divider = 'prio'): Tree {
  const commands: string[] = [];
  const handles: string[][] = stages.map(() => []);
  let last = 0;

  function grow(parent: string, index: number): void {
    const stage = stages[index];
    if (!stage) return;
    if (!stage.filters) {
      put(parent, index, stage);
      return;
    }
    const handle = next();
    commands.push(...divide(device, parent, handle, divider));
    for (const filter of stage.filters) {
      const protocol = protocolOf(filter.family);
      // One preference for each protocol: tc refuses two protocols under one.
      commands.push(
        `filter add dev ${device} parent ${handle}: protocol ${protocol} pref ${filter.family} u32 ${u32(filter)} flowid ${handle}:2`,
      );
    }
    put(`parent ${handle}:2`, index, stage);
    grow(`parent ${handle}:1`, index + 1);
  }

  function put(parent: string, index: number, { qdisc }: Stage): void {
    const handle = next();
    commands.push(`qdisc add dev ${device} ${parent} handle ${handle}: ${qdisc.join(' ')}`);
    handles[index]?.push(`${handle}:`);
    grow(`parent ${handle}:1`, index + 1);
  }

  const next = () => (++last).toString(16);
  grow('root', 0);
  return { commands, handles };
}

function divide(device: string, parent: string, handle: string, divider: Divider): readonly string[] {
  if (divider === 'prio') {
    return [`qdisc add dev ${device} ${parent} handle ${handle}: prio bands 2 priomap${' 0'.repeat(16)}`];
  }
  const band = (minor: number) =>
    `class add dev ${device} parent ${handle}: classid ${handle}:${minor} htb rate 30gbit burst 4mb cburst 4mb quantum 60000`;
  return [`qdisc add dev ${device} ${parent} handle ${handle}: htb default 1`, band(1), band(2)];
}
