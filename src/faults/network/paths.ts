import type { Netns } from '../../capabilities/netns.ts';
import { ZashikiError } from '../../core/errors.ts';
import type { EpochMs } from '../../core/model.ts';
import type { FaultContext } from '../../core/ports.ts';
import { directionsOf, type Effects, type NetworkPath, type Traffic } from './effects.ts';
import { endOf, type Firewall, tableName } from './firewall.ts';
import { describeIptables, planIptables } from './firewall-iptables.ts';
import { clsactMissing, firewallMissing, shapingMissing } from './kernel.ts';
import { userSpaceMissing } from './user-space/index.ts';
import type { Verdict } from './verdict.ts';

/** The way that was chosen, and why not one before it: one line each. */
export interface Choice {
  readonly path: NetworkPath;
  readonly instead: readonly string[];
  /** For rules: what they are, and by what they are made where that is not nft. */
  readonly firewall?: Firewall;
  readonly by?: string;
}

/**
 * The ways that can do these effects, best first: netem knows all but every n-th loss; tbf a rate alone; rules a loss
 * without memory; user space everything, slowly.
 */
export function pathsFor({ delay, reorder, loss, duplicate, corrupt, rate }: Effects): readonly NetworkPath[] {
  const lone = [delay, reorder, loss, duplicate, corrupt, rate].filter((effect) => effect !== undefined).length === 1;
  if (loss?.model === 'nth') return lone ? ['firewall', 'user-space'] : ['user-space'];
  if (lone && rate) {
    const { packetOverhead = 0, cellSize = 0, cellOverhead = 0, burst, limit } = rate;
    if (burst !== undefined || limit !== undefined) return ['tbf'];
    return [packetOverhead, cellSize, cellOverhead].some((n) => n !== 0)
      ? ['netem', 'user-space']
      : ['netem', 'tbf', 'user-space'];
  }
  if (lone && loss?.model === 'random' && loss.correlation === 0) return ['netem', 'firewall', 'user-space'];
  return ['netem', 'user-space'];
}

/** The rule for a loss without memory. */
export function verdictFor({ loss }: Effects): Verdict | null {
  if (loss?.model === 'nth') return { action: 'drop', every: loss.every, packet: loss.packet };
  if (loss?.model === 'random') return { action: 'drop', percent: loss.percent };
  return null;
}

/**
 * Choose the first way that this kernel and its tools offer, or the one that is asked for. Throws `not-supported` with
 * what each of them lacks when none is left.
 */
export async function choosePath(ns: Netns, wanted: Wanted, order: readonly NetworkPath[]): Promise<Choice> {
  const { via } = wanted;
  if (via !== 'auto' && !order.includes(via)) {
    throw new ZashikiError('not-supported', `${via} cannot do this`, { hint: `via: ${order.join(' or ')}` });
  }
  const instead: string[] = [];
  for (const path of via === 'auto' ? order : [via]) {
    const rules = path === 'firewall' ? await rulesFor(ns, wanted) : undefined;
    if (typeof rules === 'object') return { path, instead, ...rules };
    const missing = rules ?? (path === 'firewall' ? null : await missingFor(ns, path, wanted));
    if (missing === null) return { path, instead };
    instead.push(`${path}: ${missing}`);
  }
  throw new ZashikiError('not-supported', `this cannot be done here; ${instead.join('; ')}`, {
    hint: hintFor(via, order, instead),
  });
}

function hintFor(via: Wanted['via'], order: readonly NetworkPath[], missing: readonly string[]): string {
  const others = order.filter((path) => path !== via);
  if (via !== 'auto' && others.length > 0) return `leave out \`via\`, or take ${others.join(' or ')}`;
  if (missing.some((line) => line.includes('no room for clsact'))) {
    return 'name another device by `interface`, or let its owner use clsact, which does all that ingress does';
  }
  return 'a kernel with sch_netem and ifb can do it (modprobe sch_netem ifb)';
}

/** What a choice goes by. */
export type Wanted = {
  readonly traffic: Traffic;
  readonly effects: Effects;
  readonly via: 'auto' | NetworkPath;
  readonly seed: number | undefined;
  /** Names of the devices that it is meant for. */
  readonly devices: readonly string[];
  /** What rules would do. */
  readonly verdict: Verdict | null;
  /** Of the injection, where there is one already. */
  readonly tag?: string;
  readonly ttl?: FaultContext['ttl'];
  readonly now?: EpochMs;
};

/** Rules by nft, else by iptables; a sentence when neither can do it. */
async function rulesFor(
  ns: Netns,
  { traffic, verdict, tag = 'trial', ttl = null, now }: Wanted,
): Promise<Pick<Choice, 'firewall' | 'by'> | string> {
  if (!verdict) return 'there are no rules for this';
  const firewall = { table: tableName(tag), traffic, verdict, ttl };
  const missing = await firewallMissing(ns, firewall);
  if (missing === null) return { firewall };
  const until = now === undefined ? null : endOf(ttl, now);
  const iptables = await planIptables(ns, { tag, traffic, verdict, until });
  if (typeof iptables === 'string') return `${missing}; ${iptables}`;
  return { firewall: { ...firewall, iptables }, by: describeIptables(iptables, missing, until !== null) };
}

async function missingFor(
  ns: Netns,
  path: Exclude<NetworkPath, 'firewall'>,
  { traffic, effects, seed, devices }: Wanted,
): Promise<string | null> {
  switch (path) {
    case 'netem':
    case 'tbf':
      return (await clsactMissing(ns, devices)) ?? (await shapingMissing(ns, path, traffic, effects, seed));
    case 'user-space':
      if (effects.duplicate && traffic.direction !== 'egress') return 'it duplicates only what leaves the target';
      return await userSpaceMissing(ns);
  }
}

/** One line for plan and report. */
export function describeChoice(
  { path, instead, by = '' }: Choice,
  traffic: Traffic,
  devices: readonly string[],
): string {
  const where = {
    netem: 'netem on ifb',
    tbf: 'tbf on ifb',
    firewall: `firewall rules${by}`,
    'user-space': 'user space',
  }[path];
  const on =
    devices.length > 3 ? `${devices.slice(0, 3).join(', ')} and ${devices.length - 3} more` : devices.join(', ');
  const why = instead.length > 0 ? ` (not ${instead.join('; not ')})` : '';
  return `${where}, ${directionsOf(traffic).join(' and ')} of ${on}${why}`;
}
