import type { Netns } from '../../capabilities/netns.ts';
import type { Sighting } from '../../core/ports.ts';
import { directionsOf } from './effects.ts';
import { hasGivenQueue } from './queue.ts';
import type { Shaping } from './rig.ts';
import { countLeading, isOurs } from './rig-filters.ts';
import { isOf, rigsAmong, short } from './rig-name.ts';
import { hasClsact, must, readFilters, readLinks, readQdiscs } from './tools.ts';

/** Whether an injection is a stage of a rig on every device and direction that it is meant for, and how much passed. */
export async function rigIsOn(ns: Netns, { tag, devices, traffic, path }: Shaping): Promise<Sighting> {
  const links = await readLinks(ns);
  const rigs = rigsAmong(links).filter(({ note }) => note?.tags.includes(short(tag, 6)));
  let [packets, dropped] = [0, 0];
  for (const { ifindex, name } of devices) {
    const device = links.find((link) => link.ifindex === ifindex);
    if (!device) return { yes: false, detail: `the device ${name} is gone` };
    for (const direction of directionsOf(traffic)) {
      const rig = rigs.find((one) => one.ifindex === ifindex && one.direction === direction);
      if (!rig) return { yes: false, detail: `nothing diverts ${direction} of ${name}` };
      const leading = await countLeading(ns, device.ifname, direction, rig.name);
      if (leading === 0) return { yes: false, detail: `no filter on ${name} leads to ${rig.name}` };
      const qdiscs = (await readQdiscs(ns, rig.name)).filter(({ kind }) => kind === path);
      if (qdiscs.length === 0) return { yes: false, detail: `there is no ${path} on ${rig.name}` };
      packets += Math.max(0, ...qdiscs.map(({ packets = 0 }) => packets));
      dropped += Math.max(0, ...qdiscs.map(({ drops = 0 }) => drops));
    }
  }
  const names = devices.map(({ name }) => name).join(', ');
  return { yes: true, detail: `${path} is in place on ${names}: ${packets} packets, ${dropped} dropped so far` };
}

/** Whether an injection is in no rig any more; and when it was the last one, whether nothing of ours is left. */
export async function rigIsGone(
  ns: Netns,
  { tag, devices }: Shaping,
  others: readonly Shaping[],
  owner: string,
): Promise<Sighting> {
  const links = await readLinks(ns);
  const rigs = rigsAmong(links).filter((rig) => isOf(rig, owner));
  const mine = rigs.find(({ note }) => note?.tags.includes(short(tag, 6)));
  if (mine) return { yes: false, detail: `the device ${mine.name} still carries it` };
  for (const { ifindex, hadClsact, queueless } of devices) {
    const name = links.find((link) => link.ifindex === ifindex)?.ifname;
    if (name === undefined || others.some((other) => other.devices.some((one) => one.ifindex === ifindex))) continue;
    const left = rigs.find((rig) => rig.ifindex === ifindex);
    if (left) return { yes: false, detail: `the device ${left.name} of ours is left` };
    if (queueless && (await hasGivenQueue(ns, name))) {
      return { yes: false, detail: `the queue that the kernel gave ${name} for us is left` };
    }
    if (!(await hasClsact(ns, name))) continue;
    const filters = [...(await readFilters(ns, name, 'egress')), ...(await readFilters(ns, name, 'ingress'))];
    if (filters.some(isOurs)) return { yes: false, detail: `a filter of ours is left on ${name}` };
    if (!hadClsact && filters.length === 0) return { yes: false, detail: `our clsact is left on ${name}` };
  }
  const names = devices.map(({ name }) => name).join(', ');
  if (others.length === 0) return { yes: true, detail: `no device and no filter of ours is left for ${names}` };
  const off = others.filter((other) => !rigs.some(({ note }) => note?.tags.includes(short(other.tag, 6))));
  const lost = off.length > 0 ? `; nor are ${off.length} of ${others.length} others that should be on here` : '';
  return { yes: true, detail: `it is in no rig any more${lost}` };
}

/** Qdiscs and filters of others on these devices, as text that can be compared. Throws when they cannot be read. */
export async function foreignState(ns: Netns, links: readonly { readonly ifname: string }[]): Promise<string> {
  const lines: string[] = [];
  const there = new Set((await readLinks(ns)).map(({ ifname }) => ifname));
  for (const { ifname } of links) {
    if (!there.has(ifname)) continue;
    const stdout = await must(ns, ['tc', 'qdisc', 'show', 'dev', ifname]);
    const qdiscs = stdout.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('qdisc clsact'));
    lines.push(...qdiscs.map((line) => `${ifname}: ${line.replace(/ refcnt \d+/, '').trim()}`));
    if (!stdout.includes('qdisc clsact') && !stdout.includes('qdisc ingress')) continue;
    for (const direction of ['egress', 'ingress'] as const) {
      for (const filter of await readFilters(ns, ifname, direction)) {
        if (!isOurs(filter)) lines.push(`${ifname} ${direction}: ${JSON.stringify(filter)}`);
      }
    }
  }
  return lines.join('\n');
}
