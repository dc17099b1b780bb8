import type { Netns } from '../../capabilities/netns.ts';
import { isError, ZashikiError } from '../../core/errors.ts';
import type { EpochMs, Milliseconds } from '../../core/model.ts';
import type { FaultContext } from '../../core/ports.ts';
import { directionsOf, type Effects, type Traffic } from './effects.ts';
import { everything, type Filter, filtersOf } from './match.ts';
import { netemArgs, tbfArgs } from './netem.ts';
import { takeQueueBack } from './queue.ts';
import { countLeading, divert, removeDead, stopDiverting } from './rig-filters.ts';
import { isOf, isOrphan, type Rig, type RigNote, rigAlias, rigName, rigsAmong, type Slot, short } from './rig-name.ts';
import { batch, hasClsact, type Link, must, quietly, readFilters, readLinks, readQdiscs } from './tools.ts';
import { type Divider, type Stage, treeOf } from './tree.ts';

/** An injection that works by netem or tbf, as far as the rig needs to know it. Plain JSON. */
export type Shaping = {
  readonly tag: string;
  readonly path: 'netem' | 'tbf';
  readonly traffic: Traffic;
  readonly effects: Effects;
  readonly seed?: number;
  /** Numbers and names of the devices that it is on. */
  readonly devices: readonly {
    readonly ifindex: number;
    readonly name: string;
    readonly hadClsact: boolean;
    /** It had no queue. */
    readonly queueless?: boolean;
  }[];
  readonly until: EpochMs | null;
};

/** The longest that packets which still wait in a rig are given to leave it. */
const drainPatience: Milliseconds = 1000;
/** More than this many stages for some packets only would make a tree of more than 64 branches. */
const mostDivided = 6;
/** As many as can be told in the alias of a device. */
const mostStages = 16;

/**
 * Make the namespace so that exactly these injections act on it, in this order, whatever stands there now. Packets are
 * diverted by filters on clsact to an ifb device of ours, which carries one tree for each direction; the new one takes
 * over before the old one goes, so that no packet is lost or spared. Foreign qdiscs and filters are not touched.
 * `leaving`: the tag of the one that is being lifted; then the others are built anew as far as that works, since no fault
 * may stay on because another one cannot be built.
 */
export async function buildRigs(
  ns: Netns,
  shapings: readonly Shaping[],
  { owner, clock, signal }: Pick<FaultContext, 'owner' | 'clock' | 'signal'>,
  leaving?: string,
): Promise<void> {
  const links = await readLinks(ns);
  const standing = rigsAmong(links).filter((rig) => isOf(rig, owner) || isOrphan(rig, clock.now()));
  const wanted = slotsOf(shapings, links);
  const slots = new Map<string, Slot>(
    [...wanted.map(({ slot }) => slot), ...standing].map((slot) => [keyOf(slot), slot]),
  );
  const old: Rig[] = [];
  const kept: Rig[] = [];
  const carries = ({ note }: Rig) => leaving === undefined || note?.tags.includes(short(leaving, 6));
  for (const slot of slots.values()) {
    const here = standing.filter((rig) => keyOf(rig) === keyOf(slot));
    const want = wanted.find((one) => keyOf(one.slot) === keyOf(slot));
    const device = links.find(({ ifindex }) => ifindex === slot.ifindex);
    if (want && device) {
      const ofDevice = standing.filter(({ ifindex }) => ifindex === slot.ifindex);
      const built = await stand(ns, device, want, here, ofDevice, owner).catch((error: unknown) => {
        if (leaving === undefined) throw error;
        return undefined;
      });
      if (built) kept.push(built);
      // What carries only others is as good as it can be; the one that is leaving takes those beside it along.
      else if (!here.some(carries)) kept.push(...here);
      old.push(...here.filter((rig) => !kept.includes(rig) && rig.name !== built?.name));
    } else old.push(...here);
  }
  const take = async (rigs: readonly Rig[], among: readonly Rig[]) => {
    await tearDown(ns, rigs, among, links);
    await drain(ns, rigs, clock, signal);
    for (const { name } of rigs) await removeDevice(ns, name);
  };
  const mine = old.filter(carries);
  const others = old.filter((rig) => !mine.includes(rig));
  await take(mine, [...kept, ...others]);
  await take(others, kept).catch(() => {});
}

/** Take away what is left of ours on devices whose rig is gone: filters that lead nowhere, and a clsact of ours. */
export async function clearLeftovers(ns: Netns, { devices, path }: Shaping, owner: string): Promise<void> {
  const links = await readLinks(ns);
  if (path !== 'netem' && path !== 'tbf') return;
  for (const { ifindex, hadClsact, queueless } of devices) {
    const name = links.find((link) => link.ifindex === ifindex)?.ifname;
    if (name === undefined || rigsAmong(links).some((rig) => rig.ifindex === ifindex && isOf(rig, owner))) continue;
    if (await hasClsact(ns, name)) {
      for (const direction of ['egress', 'ingress'] as const) {
        await removeDead(ns, name, direction);
      }
      if (!hadClsact) await removeClsact(ns, name);
    }
    if (queueless) await takeQueueBack(ns, name);
  }
}

type Wanted = { readonly slot: Slot; readonly shapings: readonly Shaping[]; readonly stages: readonly Stage[] };

const keyOf = ({ ifindex, direction }: Slot): string => `${ifindex} ${direction}`;

function slotsOf(shapings: readonly Shaping[], links: readonly Link[]): readonly Wanted[] {
  const found = new Map<string, Omit<Wanted, 'stages'>>();
  for (const shaping of shapings) {
    for (const direction of directionsOf(shaping.traffic)) {
      for (const { ifindex } of shaping.devices) {
        if (!links.some((link) => link.ifindex === ifindex)) continue;
        const slot = { ifindex, direction };
        const known = found.get(keyOf(slot)) ?? { slot, shapings: [] };
        found.set(keyOf(slot), { slot, shapings: [...known.shapings, shaping] });
      }
    }
  }
  return [...found.values()].map((one) => ({ ...one, stages: stagesOf(one.shapings, one.slot.direction) }));
}

/**
 * One stage for each injection. A newer kernel takes no netem that duplicates beside another
 * one: where they are for the same packets and none does what another one does, they become one netem.
 */
export function stagesOf(
  shapings: readonly Pick<Shaping, 'traffic' | 'path' | 'effects' | 'seed'>[],
  direction: 'egress' | 'ingress',
): readonly Stage[] {
  const byNetem = shapings.filter(({ path }) => path === 'netem');
  const [first] = byNetem;
  const stages = shapings.map((shaping) => stageOf(shaping, direction));
  if (!first || byNetem.length < 2 || !byNetem.some(({ effects }) => effects.duplicate)) return stages;
  const asked = byNetem.flatMap(({ effects }) => Object.keys(effects));
  const packets = byNetem.map((shaping) => JSON.stringify(stageOf(shaping, direction).filters));
  if (new Set(asked).size < asked.length || new Set(packets).size > 1) return stages;
  const effects: Effects = Object.assign({}, ...byNetem.map((shaping) => shaping.effects));
  return shapings.flatMap((shaping) => {
    if (shaping === first) return [stageOf({ ...first, effects }, direction)];
    return shaping.path === 'netem' ? [] : [stageOf(shaping, direction)];
  });
}

/** One injection in one direction. */
export function stageOf(
  { traffic, path, effects, seed }: Omit<Shaping, 'tag' | 'devices' | 'until'>,
  direction: 'egress' | 'ingress',
): Stage {
  const qdisc = path === 'tbf' && effects.rate ? tbfArgs(effects.rate) : netemArgs(effects, seed);
  return { filters: filtersOf(traffic, direction), qdisc };
}

/** Filters of which any diverts a packet, and the stages behind them: a lone stage needs no filters of its own. */
function divided(stages: readonly Stage[]): { readonly filters: readonly Filter[]; readonly stages: readonly Stage[] } {
  const [first] = stages;
  if (stages.length === 1 && first)
    return { filters: first.filters ?? everything, stages: [{ ...first, filters: null }] };
  if (stages.some(({ filters }) => filters === null)) return { filters: everything, stages };
  return { filters: stages.flatMap(({ filters }) => filters ?? []), stages };
}

async function stand(
  ns: Netns,
  device: Link,
  { slot, shapings, stages }: Wanted,
  here: readonly Rig[],
  ofDevice: readonly Rig[],
  owner: string,
): Promise<Rig> {
  const { filters, stages: tree } = divided(stages);
  if (tree.filter(({ filters }) => filters).length > mostDivided) {
    throw new ZashikiError('inject-failed', `more than ${mostDivided} injections with filters on ${device.ifname}`, {
      hint: 'recover some of them first, or give them no filter',
    });
  }
  if (tree.length > mostStages) {
    throw new ZashikiError('inject-failed', `more than ${mostStages} injections on ${device.ifname}`, {
      hint: 'recover some of them first',
    });
  }
  const tags = shapings.map(({ tag }) => tag);
  const built = short(JSON.stringify([filters, tree, tags]), 12);
  const standing = here.find((rig) => rig.note?.built === built && isOf({ ...rig, owner: short(owner, 4) }, owner));
  if (standing && (await countLeading(ns, device.ifname, slot.direction, standing.name)) === filters.length) {
    return standing;
  }
  // A rig that no filter leads to was never finished.
  const leading = await Promise.all(here.map((rig) => countLeading(ns, device.ifname, slot.direction, rig.name)));
  const generation = here.find((_, i) => leading[i])?.generation === 'a' ? 'b' : 'a';
  const name = rigName(owner, slot, generation);
  const clear = async () => {
    await stopDiverting(ns, device.ifname, slot.direction, name);
    await removeDevice(ns, name);
    await removeDead(ns, device.ifname, slot.direction);
  };
  await clear();

  const clsact = await hasClsact(ns, device.ifname);
  const note: RigNote = {
    ...{ owner, built, tags },
    until: shapings.some(({ until }) => until === null) ? null : Math.max(...shapings.map(({ until }) => until ?? 0)),
    clsactIsOurs: !clsact || ofDevice.some((rig) => rig.note?.clsactIsOurs),
    queueless: (!clsact && !device.txqlen) || ofDevice.some((rig) => rig.note?.queueless),
  };
  const rig: Rig = { ...slot, name, generation, note: { ...note, owner: short(owner) } };
  try {
    await must(ns, ['ip', 'link', 'add', 'dev', name, 'txqueuelen', '1000', 'type', 'ifb']);
    // What it says is there before anything else is: whoever finds it knows what to take away.
    await must(ns, ['ip', 'link', 'set', 'dev', name, 'alias', rigAlias(note), 'addrgenmode', 'none', 'up']);
    await growTree(ns, name, tree);
    if (!clsact) await must(ns, ['tc', 'qdisc', 'add', 'dev', device.ifname, 'clsact']);
    await divert(ns, device.ifname, slot.direction, filters, name);
  } catch (error) {
    await clear().catch(() => {});
    if (!clsact) await removeClsact(ns, device.ifname).catch(() => {});
    if (!clsact && note.queueless) await takeQueueBack(ns, device.ifname).catch(() => {});
    throw error;
  }
  return rig;
}

const notBeside =
  'this kernel takes no netem that duplicates beside another one for other packets, or with the same effect: give them ' +
  'the same packets, use network-combine, or recover one of them first';

async function growTree(ns: Netns, name: string, stages: readonly Stage[]): Promise<void> {
  const grow = (divider: Divider) => batch(ns, 'tc', treeOf(name, stages, divider).commands);
  try {
    await grow('prio');
  } catch (error) {
    if (isError(error, 'inject-failed') && /duplicat/.test(error.message)) {
      throw new ZashikiError('inject-failed', error.message, { hint: notBeside, cause: error });
    }
    const onlyTbf = stages.every(({ qdisc }) => qdisc[0] === 'tbf');
    if (!onlyTbf || stages.every(({ filters }) => !filters)) throw error;
    await quietly(ns, ['tc', 'qdisc', 'del', 'dev', name, 'root']);
    await grow('htb');
  }
}

/** Filters first, then a clsact of ours, and last (by the caller) the device that tells of both. */
async function tearDown(ns: Netns, old: readonly Rig[], kept: readonly Rig[], links: readonly Link[]): Promise<void> {
  for (const rig of old) {
    const device = links.find(({ ifindex }) => ifindex === rig.ifindex)?.ifname;
    if (device === undefined) continue;
    await stopDiverting(ns, device, rig.direction, rig.name);
  }
  for (const { ifindex, note } of old) {
    const device = links.find((link) => link.ifindex === ifindex)?.ifname;
    if (device === undefined || !note?.clsactIsOurs || kept.some((rig) => rig.ifindex === ifindex)) continue;
    await removeClsact(ns, device);
    if (note.queueless) await takeQueueBack(ns, device);
  }
}

/** Only where nobody has a filter on it. */
async function removeClsact(ns: Netns, device: string): Promise<void> {
  if (!(await hasClsact(ns, device))) return;
  for (const direction of ['egress', 'ingress'] as const) {
    if ((await readFilters(ns, device, direction)).length > 0) return;
  }
  await must(ns, ['tc', 'qdisc', 'del', 'dev', device, 'clsact']);
}

async function removeDevice(ns: Netns, name: string): Promise<void> {
  const there = (await readLinks(ns)).some(({ ifname }) => ifname === name);
  if (there) await must(ns, ['ip', 'link', 'del', 'dev', name]);
}

/** Let packets that were delayed already leave in their time. */
async function drain(
  ns: Netns,
  rigs: readonly Rig[],
  clock: FaultContext['clock'],
  signal: AbortSignal,
): Promise<void> {
  const end = clock.mono() + drainPatience;
  for (const { name } of rigs) {
    for (;;) {
      const waiting = (await readQdiscs(ns, name).catch(() => [])).some(({ qlen = 0 }) => qlen > 0);
      if (!waiting || clock.mono() >= end) break;
      await clock.sleep(50, signal);
    }
  }
}
