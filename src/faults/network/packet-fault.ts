import type { z } from 'zod';
import type { Netns } from '../../capabilities/netns.ts';
import { isError } from '../../core/errors.ts';
import { defineFault, type Fault, type FaultContext, type Sighting } from '../fault.ts';
import type { Effects, NetworkPath } from './effects.ts';
import { addRules, describeVerdict, removeRules, rulesAreOn } from './firewall.ts';
import { asked, judge, patienceFor } from './judge.ts';
import { tcKnowsSeed } from './kernel.ts';
import { baseline, peersToAsk, roundTrips } from './measure.ts';
import { type TrafficParams, trafficOf } from './params.ts';
import { choosePath, describeChoice, pathsFor, verdictFor } from './paths.ts';
import { buildRigs, clearLeftovers } from './rig.ts';
import { short } from './rig-name.ts';
import { foreignState, rigIsGone, rigIsOn } from './rig-state.ts';
import {
  besides,
  devicesFor,
  openAgain,
  openPlace,
  openTarget,
  type PacketUndo,
  pinDevices,
  shapingsAmong,
  sharedName,
} from './undo.ts';
import {
  endLostHelper,
  planUserSpace,
  startUserSpace,
  stopUserSpace,
  userSpaceIsGone,
  userSpaceIsOn,
} from './user-space/index.ts';
import type { Verdict } from './verdict.ts';

/** The parameters that every fault on packets has. */
export type PacketParams = TrafficParams & {
  readonly via?: 'auto' | NetworkPath;
  readonly seed?: number | undefined;
};

/** What makes one fault on packets different from another. */
export interface PacketFault<P extends z.ZodType> {
  readonly id: string;
  readonly summary: string;
  readonly params: P;
  readonly effects: (params: z.output<P>) => Effects;
  /** For faults that are rules by nature: then the first way is the firewall, with this verdict. */
  readonly verdict?: (params: z.output<P>) => Verdict;
}

/**
 * A fault that does something to packets on their way. All injections in one namespace act together, each in its way:
 * those by netem and tbf as stages behind one diversion, those by rules and in user space each by itself.
 */
export function packetFault<P extends z.ZodType<PacketParams>>(fault: PacketFault<P>): Fault<P, 'netns', PacketUndo> {
  return defineFault({
    id: fault.id,
    summary: fault.summary,
    needs: ['netns'],
    params: fault.params,
    reversible: true,
    undoneBy: 'taking away our own devices, filters and rules; those of others stay as they are',
    // What it makes is its own: several may be on at a time.
    claims: () => [],
    shares: ({ ns }) => sharedName(ns),
    describe: (undo) => undo.how + besides(undo),
    async foresee(on, params, context) {
      const { ns, place } = await openTarget(on.netns);
      return (await choose(ns, fault, params, context)).how + besides(place);
    },
    async plan(on, params, context) {
      const { ns, place } = await openTarget(on.netns);
      const choice = await choose(ns, fault, params, context);
      const { traffic, effects, path, firewall, links } = choice;
      const before = await baseline(ns, await peersToAsk(ns, traffic, params.probePeer));
      const base = { ...place, path, how: choice.how, traffic, effects, baseline: before };
      const { tag, ttl, clock, owner } = context;
      const foreign = await foreignState(ns, links);
      const seed = params.seed ?? Number.parseInt(short(tag), 16);
      if (firewall) return { ...base, foreign, firewall };
      if (path === 'user-space') {
        const helper = await planUserSpace(ns, { traffic, effects, seed, ttlMs: ttl }, context);
        return { ...base, foreign, helper };
      }
      const devices = await pinDevices(ns, links, owner, clock.now());
      const until = ttl === null ? null : clock.now() + ttl;
      const seeded = path === 'netem' && (await tcKnowsSeed(ns)) ? { seed } : {};
      const shaping = { tag, path: path as 'netem' | 'tbf', traffic, effects, devices, until, ...seeded };
      return { ...base, foreign, shaping };
    },
    async inject(on, _params, undo, context) {
      const ns = await openAgain(on.netns, undo);
      const { shaping, firewall, helper } = undo;
      if (shaping) await buildRigs(ns, [...shapingsAmong(context.siblings(), undo), shaping], context);
      if (firewall) await addRules(ns, firewall);
      if (helper) await startUserSpace(ns, helper, context);
    },
    async observe(on, _params, undo) {
      const ns = await openPlace(on.netns, undo);
      const there = await isOn(ns, undo);
      if (!there.yes) return there;
      const felt = await measured(ns, undo);
      // Read again: what was counted meanwhile.
      const after = await isOn(ns, undo);
      return { yes: felt.yes && after.yes, detail: `${felt.detail}; ${after.detail}` };
    },
    async recover(on, undo, context) {
      const { shaping, firewall, helper } = undo;
      try {
        const ns = await openPlace(on.netns, undo);
        if (shaping) {
          await buildRigs(ns, shapingsAmong(context.siblings(), undo), context, shaping.tag);
          await clearLeftovers(ns, shaping, context.owner);
        }
        if (firewall) await removeRules(ns, firewall);
        if (helper) await stopUserSpace(ns, helper, context);
      } catch (error) {
        // What was put into a namespace ends with it, but a program does not.
        if (helper && isError(error, 'target-gone')) await endLostHelper(on.netns, helper, context);
        throw error;
      }
    },
    async verify(on, undo, context) {
      try {
        const ns = await openPlace(on.netns, undo);
        return await looksAsBefore(ns, undo, context);
      } catch (error) {
        const left = undo.helper && isError(error, 'target-gone') ? await on.netns.find(undo.helper.tag) : [];
        if (left.length === 0) throw error;
        return { yes: false, detail: `the namespace is gone, but helpers still run: pid ${left.join(', ')}` };
      }
    },
  });
}

async function choose<P extends z.ZodType<PacketParams>>(
  ns: Netns,
  fault: PacketFault<P>,
  params: z.output<P>,
  context: Pick<FaultContext, 'addressesOf'> & Partial<Pick<FaultContext, 'tag' | 'ttl' | 'clock'>>,
) {
  const traffic = await trafficOf(params, context);
  const effects = fault.effects(params);
  const links = await devicesFor(ns, traffic.interface);
  const { via = 'auto', seed } = params;
  const ruled = fault.verdict?.(params);
  const verdict = ruled ?? verdictFor(effects);
  const dropping = ['firewall', 'netem', 'user-space'] as const;
  const order = ruled === undefined ? pathsFor(effects) : ruled.action === 'drop' ? dropping : (['firewall'] as const);
  const names = links.map(({ ifname }) => ifname);
  const { tag = 'trial', ttl = null, clock } = context;
  const pins = { tag, ttl, ...(clock ? { now: clock.now() } : {}) };
  const choice = await choosePath(ns, { traffic, effects, via, seed, verdict, devices: names, ...pins }, order);
  return {
    ...choice,
    traffic,
    effects,
    links,
    verdict,
    how: describeChoice(choice, traffic, names),
  };
}

async function isOn(ns: Netns, { shaping, firewall, helper }: PacketUndo): Promise<Sighting> {
  if (shaping) return await rigIsOn(ns, shaping);
  if (helper) return await userSpaceIsOn(ns, helper);
  const state = firewall ? await rulesAreOn(ns, firewall) : 'absent';
  if (state === 'on' && firewall) return { yes: true, detail: `a rule ${describeVerdict(firewall.verdict)}` };
  const off = {
    ended: 'have ended by themselves',
    partly: 'are there in part only',
    absent: 'are not there',
    on: 'are on',
  };
  return { yes: false, detail: `the rules ${off[state]}` };
}

/** What is felt from there, next to what was felt before; nothing is claimed where nobody answers. */
async function measured(ns: Netns, { baseline, effects, traffic }: PacketUndo): Promise<Sighting> {
  if (!baseline) return { yes: true, detail: 'not measured: nobody answered before' };
  const waitMs = patienceFor(effects, baseline.trips.medianMs ?? 0);
  const now = await roundTrips(ns, baseline.peer, { count: asked, waitMs });
  if (!now) return { yes: true, detail: 'not measured' };
  const { yes, detail } = judge(effects, traffic, baseline.trips, now);
  const { host, port } = baseline.peer;
  return { yes, detail: `${detail} (${port === undefined ? host : `${host} port ${port}`})` };
}

async function looksAsBefore(ns: Netns, undo: PacketUndo, context: FaultContext): Promise<Sighting> {
  const gone = await isGone(ns, undo, context);
  if (!gone.yes || !undo.shaping) return gone;
  const links = undo.shaping.devices.map(({ name }) => ({ ifname: name }));
  const same = (await foreignState(ns, links)) === undo.foreign;
  const others = `the other qdiscs and filters there ${same ? 'read as before' : 'do not read as before'}`;
  return { yes: true, detail: `${gone.detail}; ${others}` };
}

async function isGone(ns: Netns, undo: PacketUndo, context: FaultContext): Promise<Sighting> {
  const { shaping, firewall, helper } = undo;
  if (shaping) return await rigIsGone(ns, shaping, shapingsAmong(context.siblings(), undo), context.owner);
  if (helper) return await userSpaceIsGone(ns, helper);
  if (!firewall) return { yes: true, detail: 'nothing was to be put there' };
  const { table, iptables } = firewall;
  const none = iptables
    ? `no chain of it is in any table that ${iptables.tools.prefix} shows`
    : `there is no table inet ${table}`;
  try {
    const state = await rulesAreOn(ns, firewall);
    if (state === 'absent') return { yes: true, detail: none };
    return { yes: false, detail: iptables ? 'chains of it are still there' : `the table inet ${table} is still there` };
  } catch (error) {
    // Without nft no rule of nft can have been made.
    if (!iptables && isError(error, 'not-supported'))
      return { yes: true, detail: 'there is no nft to have made rules' };
    throw error;
  }
}
