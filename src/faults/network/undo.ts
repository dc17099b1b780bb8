import {
  bornApart,
  type Neighbour,
  type Netns,
  type NetnsBirth,
  type NetnsCapability,
  type NetnsId,
} from '../../capabilities/netns.ts';
import { ZashikiError } from '../../core/errors.ts';
import type { EpochMs, Json } from '../../core/model.ts';
import type { Effects, NetworkPath, Traffic } from './effects.ts';
import type { Firewall } from './firewall.ts';
import type { Baseline } from './measure.ts';
import type { Shaping } from './rig.ts';
import { isOf, isOrphan, rigsAmong } from './rig-name.ts';
import { hasClsact, type Link, readLinks } from './tools.ts';
import type { UserSpaceRecord } from './user-space/index.ts';

/** The undo record of a fault on packets. Plain JSON. */
export type PacketUndo = {
  readonly ns: NetnsId;
  readonly birth?: NetnsBirth;
  /** Who else is hit, being in the same network. */
  readonly others?: readonly string[];
  readonly path: NetworkPath;
  /** How it is done, in one line. */
  readonly how: string;
  readonly traffic: Traffic;
  readonly effects: Effects;
  /** Exactly one of these three, by the path. */
  readonly shaping?: Shaping;
  readonly firewall?: Firewall;
  readonly helper?: UserSpaceRecord;
  /** What was measured before; null: nobody answered. */
  readonly baseline: Baseline | null;
  /** Qdiscs and filters of others, to see later whether they are as they were. */
  readonly foreign: string;
};

/** The name under which all injections in one namespace know of each other. */
export const sharedName = (ns: NetnsId): string => `network ${ns}`;

/** What the rigs of the other injections of this namespace need, oldest first. */
export function shapingsAmong(siblings: readonly Json[], here: Place): readonly Shaping[] {
  return siblings.flatMap((undo) => {
    const { shaping, ns, birth } = undo as Partial<PacketUndo>;
    return shaping && ns === here.ns && !bornApart(birth, here.birth) ? [shaping] : [];
  });
}

/** A namespace as an undo record names it. */
export type Place = Pick<PacketUndo, 'ns' | 'birth' | 'others'>;

/** Who is hit besides the target, for the end of a line that says how. */
export const besides = ({ others = [] }: Pick<Place, 'others'>): string =>
  others.length === 0 ? '' : `; also hits ${others.join(', ')}, in the same network`;

/** Open the namespace of an undo record. Throws `target-gone` when it has ended. */
export const openPlace = (netns: NetnsCapability, { ns, birth }: Place): Promise<Netns> => netns.open(ns, birth);

/** To inject: the target must live there still. Throws `target-gone`. */
export async function openAgain(netns: NetnsCapability, place: Place): Promise<Netns> {
  const now = await netns.identify();
  namesOf(now.others);
  if (now.id !== place.ns || bornApart(now.birth, place.birth)) {
    throw new ZashikiError('target-gone', 'the target lives in another network namespace now');
  }
  return await openPlace(netns, place);
}

/**
 * The namespace that the target lives in now. Throws `refused` for a process in the namespace of the machine, where
 * everybody else would be hit too, and where somebody lives who may never be hit; `permission-missing` without
 * CAP_NET_ADMIN.
 */
export async function openTarget(netns: NetnsCapability): Promise<{ readonly ns: Netns; readonly place: Place }> {
  const { id, birth, machine, isMachine, others } = await netns.identify();
  if (machine && !isMachine) {
    const message = 'the target has no network namespace of its own: the whole machine would be hit';
    throw new ZashikiError('refused', message, { hint: 'if you mean it, say so: target: { host: { machine: true } }' });
  }
  const names = namesOf(others);
  const ns = await netns.open(id, birth);
  const { stdout } = await ns.run(['cat', '/proc/self/status']);
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(stdout)?.[1] ?? 'ffffffffffffffff'}`);
  if ((capabilities & (1n << 12n)) === 0n) {
    const message = 'changing the network of the target takes CAP_NET_ADMIN, which this process lacks';
    throw new ZashikiError('permission-missing', message, { hint: 'run as root, or with CAP_NET_ADMIN' });
  }
  const optional = { ...(birth === undefined ? {} : { birth }), ...(names.length === 0 ? {} : { others: names }) };
  return { ns, place: { ns: id, ...optional } };
}

/** Throws `refused` when one of them may never be hit. */
function namesOf(others: readonly Neighbour[] = []): readonly string[] {
  const spared = others.find((one) => one.spared !== undefined);
  if (!spared) return others.map(({ name }) => name);
  const message = `${spared.name} works in the same network and would be hit too: ${spared.spared}`;
  throw new ZashikiError('refused', message, { hint: 'choose a target whose network is its own' });
}

/** The devices that are meant: the one that is named, else all that are up, but lo, our own, and parts of others. */
export async function devicesFor(ns: Netns, name: string | undefined): Promise<readonly Link[]> {
  const links = (await readLinks(ns)).filter(({ ifname }) => !ifname.startsWith('zsk'));
  if (name !== undefined) {
    const found = links.find(({ ifname }) => ifname === name);
    if (found) return [found];
    throw new ZashikiError('not-supported', `the target has no network device ${name}`, {
      hint: `it has ${links.map(({ ifname }) => ifname).join(', ')}`,
    });
  }
  const up = links.filter(
    ({ flags = [], master }) => flags.includes('UP') && !flags.includes('LOOPBACK') && master === undefined,
  );
  if (up.length > 0) return up;
  throw new ZashikiError('not-supported', 'the target has no network device that is up, but lo', {
    hint: 'name one with `interface`; lo is one too',
  });
}

/** The devices as the undo record needs them. Throws `refused` where another installation has injections on. */
export async function pinDevices(
  ns: Netns,
  links: readonly Link[],
  owner: string,
  now: EpochMs,
): Promise<Shaping['devices']> {
  const rigs = rigsAmong(await readLinks(ns));
  const pinned = [];
  for (const { ifindex, ifname, txqlen = 0 } of links) {
    const other = rigs.find((rig) => rig.ifindex === ifindex && rig.note && !isOf(rig, owner) && !isOrphan(rig, now));
    if (other) {
      const until = other.note?.until ? ` until ${new Date(other.note.until).toISOString()}` : '';
      throw new ZashikiError('refused', `another Zashiki has faults on ${ifname}${until} (device ${other.name})`, {
        hint: 'recover them there first, or use its state folder here: --state',
      });
    }
    // Ours may stand there for another injection: then it is not what was there before.
    const ours = rigs.filter((rig) => rig.ifindex === ifindex && isOf(rig, owner));
    const hadClsact = !ours.some(({ note }) => note?.clsactIsOurs) && (await hasClsact(ns, ifname));
    const queueless = txqlen === 0 || ours.some(({ note }) => note?.queueless);
    pinned.push({ ifindex, name: ifname, hadClsact, ...(queueless && !hadClsact ? { queueless } : {}) });
  }
  return pinned;
}
