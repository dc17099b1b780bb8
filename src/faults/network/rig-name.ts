import { createHash } from 'node:crypto';
import type { EpochMs } from '../../core/model.ts';
import type { Link } from './tools.ts';

/** One device and direction on which packets are diverted. */
export type Slot = { readonly ifindex: number; readonly direction: 'egress' | 'ingress' };

/** What a rig's device says about itself, in its name and alias, to us and to people. */
export type RigNote = {
  readonly owner: string;
  /** The tags of its injections, shortened, in the order of the stages. */
  readonly tags: readonly string[];
  /** By when the last of them is over; null: not known. */
  readonly until: EpochMs | null;
  /** We made the clsact qdisc of the diverted device. */
  readonly clsactIsOurs: boolean;
  /** The diverted device had no queue before we made it. */
  readonly queueless?: boolean;
  /** What was built, shortened. */
  readonly built: string;
};

/** A device of ours that diverted packets go through. */
export type Rig = Slot & { readonly name: string; readonly generation: 'a' | 'b'; readonly note: RigNote | null };

/** A short, stable name for something long. */
export const short = (text: string, length = 8): string =>
  createHash('sha256').update(text).digest('hex').slice(0, length);

/** Fits the 15 characters of a device name: zsk, owner, direction, number of the diverted device, generation. */
export function rigName(owner: string, { ifindex, direction }: Slot, generation: 'a' | 'b'): string {
  return `zsk${short(owner, 4)}${direction === 'egress' ? 'e' : 'i'}${ifindex.toString(36)}${generation}`;
}

/** At most 255 characters, the longest alias of a device. */
export function rigAlias({ owner, tags, until, clsactIsOurs, queueless, built }: RigNote): string {
  const words = [
    ...['zashiki', `owner=${short(owner)}`, `clsact=${clsactIsOurs ? 'ours' : 'theirs'}`, `built=${built}`],
    `until=${until === null ? '-' : new Date(until).toISOString()}`,
    ...(queueless ? ['queue=none'] : []),
  ].join(' ');
  return `${words} tags=${tags.map((tag) => short(tag, 6)).join(',')}`.slice(0, 255);
}

/** The rigs among all devices, of whatever owner. */
export function rigsAmong(links: readonly Link[]): readonly (Rig & { readonly owner: string })[] {
  return links.flatMap(({ ifname, ifalias = '', linkinfo }) => {
    const [, owner, way, number, generation] = /^zsk([0-9a-f]{4})([ei])([0-9a-z]+)([ab])$/.exec(ifname) ?? [];
    if (!owner || !number || linkinfo?.info_kind !== 'ifb') return [];
    const slot: Slot = { ifindex: Number.parseInt(number, 36), direction: way === 'e' ? 'egress' : 'ingress' };
    return [{ ...slot, name: ifname, generation: generation as 'a' | 'b', note: parseAlias(ifalias), owner }];
  });
}

/** Whether a rig is of this owner: by its alias, else (made a moment ago) by its name. */
export const isOf = (rig: Rig & { readonly owner: string }, owner: string): boolean =>
  rig.note ? rig.note.owner === short(owner) : rig.owner === short(owner, 4);

function parseAlias(alias: string): RigNote | null {
  if (!alias.startsWith('zashiki ')) return null;
  const words = new Map(
    alias.split(' ').flatMap((word) => (word.includes('=') ? [word.split('=', 2) as [string, string]] : [])),
  );
  const until = Date.parse(words.get('until') ?? '');
  return {
    owner: words.get('owner') ?? '',
    tags: (words.get('tags') ?? '').split(',').filter(Boolean),
    until: Number.isNaN(until) ? null : until,
    clsactIsOurs: words.get('clsact') === 'ours',
    ...(words.get('queue') === 'none' ? { queueless: true } : {}),
    built: words.get('built') ?? '',
  };
}

/** So long after its time a rig that still stands has nobody left who would take it down. */
const farPast = 10 * 60_000;

/** Whether a rig was left behind by an owner that is gone: its time has passed by more than ten minutes. */
export const isOrphan = ({ note }: Rig, now: EpochMs): boolean =>
  note !== null && note.until !== null && now > note.until + farPast;
