import type { Netns } from '../../capabilities/netns.ts';
import { isError } from '../../core/errors.ts';
import type { Effects, Traffic } from './effects.ts';
import { type Firewall, ruleset } from './firewall.ts';
import { stageOf } from './rig.ts';
import { readQdiscs } from './tools.ts';
import { treeOf } from './tree.ts';

/**
 * What the kernel and its tools lack for this, as one line, or null. Found out by doing it in a new network namespace
 * that ends with the attempt; the target is not touched. Where none can be made (no CAP_SYS_ADMIN), nothing is said to
 * be missing, and inject tells.
 */
export async function shapingMissing(
  ns: Netns,
  path: 'netem' | 'tbf',
  traffic: Traffic,
  effects: Effects,
  seed?: number,
): Promise<string | null> {
  const direction = traffic.direction === 'ingress' ? 'ingress' : 'egress';
  const stage = stageOf({ traffic, path, effects, ...(seed === undefined ? {} : { seed }) }, direction);
  const shape = treeOf('lo', [{ ...stage, filters: null }]).commands;
  const divert = [
    'qdisc add dev lo clsact',
    'filter add dev lo egress protocol ip pref 1 u32 match u32 0 0 at 0 action mirred egress redirect dev lo',
  ];
  return (
    (await attempt(ns, ['ip', 'link', 'add', 'type', 'ifb'], undefined, 'has no ifb devices')) ??
    (await attempt(ns, ['tc', '-batch', '-'], shape.join('\n'), `has no sch_${path} with these parameters`)) ??
    (await attempt(ns, ['tc', '-batch', '-'], divert.join('\n'), 'cannot divert packets (clsact, u32, mirred)'))
  );
}

/** The same for nftables rules. */
export const firewallMissing = (ns: Netns, firewall: Firewall): Promise<string | null> =>
  attempt(ns, ['nft', '-f', '-'], ruleset(firewall), 'or its nft lacks what these rules need');

async function attempt(
  ns: Netns,
  argv: readonly string[],
  input: string | undefined,
  what: string,
): Promise<string | null> {
  try {
    const done = await ns.trial(argv, input === undefined ? {} : { input: `${input}\n` });
    if (done === null || done.code === 0) return null;
    const said = (done.stderr.trim() || done.stdout.trim()).split('\n')[0] ?? '';
    return `this kernel ${what}: ${said.replace(/^(Error|RTNETLINK answers): /, '')}`;
  } catch (error) {
    if (isError(error, 'not-supported')) return error.message;
    throw error;
  }
}

/** What of the devices keeps clsact from them, or null: there is one place for clsact and ingress, and it is taken. */
export async function clsactMissing(ns: Netns, devices: readonly string[]): Promise<string | null> {
  for (const device of devices) {
    const kinds = (await readQdiscs(ns, device)).map(({ kind }) => kind);
    if (kinds.includes('ingress'))
      return `${device} has an ingress qdisc of somebody else, which leaves no room for clsact`;
  }
  return null;
}

/** Whether tc knows netem's `seed` (iproute2 6.6); only its usage text is read. */
export async function tcKnowsSeed(ns: Netns): Promise<boolean> {
  const { stdout, stderr } = await ns.run(['tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'help']);
  return /\bseed\b/.test(stdout + stderr);
}
