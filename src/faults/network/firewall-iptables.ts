import type { Netns } from '../../capabilities/netns.ts';
import { isError } from '../../core/errors.ts';
import type { EpochMs } from '../../core/model.ts';
import { directionsOf, type Traffic } from './effects.ts';
import { decimal } from './netem.ts';
import { ownChains, placeChains, removeChains } from './user-space/chains.ts';
import { familiesOf, staysBehind } from './user-space/index.ts';
import { findTools, program, type Tools } from './user-space/iptables.ts';
import { addRules, chainName, type Family, type Hook, type RuleSet } from './user-space/rules.ts';
import type { Verdict } from './verdict.ts';

/** Rules of one injection by iptables, for machines without nftables. Plain JSON. */
export type IptablesRules = {
  readonly tag: string;
  readonly traffic: Traffic;
  readonly verdict: Verdict;
  readonly tools: Tools;
  readonly families: readonly Family[];
  /** From then on all packets pass, whoever is there; null: never, or the kernel has no match for the time. */
  readonly until: EpochMs | null;
};

type Wanted = Pick<IptablesRules, 'tag' | 'traffic' | 'verdict' | 'until'>;

/** As nftables: drops where packets are on the wire, answers where the kernel can give them; forwarded ones too. */
function hooksOf(traffic: Traffic, { action }: Verdict): readonly Hook[] {
  const [ingress, egress]: readonly (readonly Hook[])[] =
    action === 'drop'
      ? [['p'], ['q']]
      : [
          ['n', 'f'],
          ['o', 'g'],
        ];
  return ['h', ...directionsOf(traffic).flatMap((way) => (way === 'egress' ? egress : ingress) ?? [])];
}

const tableFor = ({ action }: Verdict) => (action === 'drop' ? 'mangle' : 'filter');

function hit(verdict: Verdict): readonly string[] {
  if ('percent' in verdict && verdict.percent === 0) return [];
  const some =
    'every' in verdict
      ? `-m statistic --mode nth --every ${verdict.every} --packet ${verdict.packet} `
      : verdict.percent >= 100
        ? ''
        : `-m statistic --mode random --probability ${decimal(verdict.percent / 100)} `;
  if (verdict.action === 'drop') return [`${some}-j DROP`];
  const reset = `-p tcp ${some}-j REJECT --reject-with tcp-reset`;
  return verdict.action === 'reset' ? [reset] : [reset, `! -p tcp ${some}-j REJECT`];
}

function setOf({ tag, verdict, until }: Wanted, family: Family): Omit<RuleSet, 'chains'> {
  const stop = until === null ? {} : { until: new Date(until).toISOString().slice(0, 19) };
  return { table: tableFor(verdict), family, tag, verdict: { hit: hit(verdict) }, ...stop };
}

/**
 * How iptables can do this, tried in a namespace made for it; a sentence when it cannot. Rules that end by themselves
 * when nobody removes them take the match `time`; where that is missing they stay.
 */
export async function planIptables(ns: Netns, wanted: Wanted): Promise<IptablesRules | string> {
  try {
    const tools = await findTools(ns);
    const families = await familiesOf(ns, wanted.traffic);
    for (const until of wanted.until === null ? [null] : [wanted.until, null]) {
      const rules = { ...wanted, tools, families, until };
      const missing = await tried(ns, rules);
      if (missing === null) return rules;
      if (until === null) return missing;
    }
    return 'iptables cannot do it';
  } catch (error) {
    if (isError(error, 'not-supported', 'permission-missing', 'inject-failed')) return error.message;
    throw error;
  }
}

async function tried(ns: Netns, rules: IptablesRules): Promise<string | null> {
  const { tag, traffic, verdict, tools, families } = rules;
  const before = { table: false, chain: false };
  const chains = hooksOf(traffic, verdict).map((hook) => ({ hook, name: chainName(tag, hook, before), isNew: true }));
  for (const family of families) {
    const input = addRules({ ...setOf(rules, family), chains }, traffic);
    const done = await ns.trial([program(tools, family, 'restore'), '--noflush'], { input });
    if (done && done.code !== 0) return `iptables cannot do it: ${done.stderr.trim().split('\n')[0]}`;
  }
  return null;
}

/** Put the rules there, in place of an earlier try. */
export async function addIptables(ns: Netns, rules: IptablesRules): Promise<void> {
  const { traffic, verdict, tools, families } = rules;
  for (const family of families) {
    await placeChains(ns, tools, setOf(rules, family), traffic, hooksOf(traffic, verdict));
  }
}

/** Remove the rules; no error when they are not there. Nothing of others is touched. */
export const removeIptables = (ns: Netns, { tools, families, tag }: IptablesRules): Promise<void> =>
  removeChains(ns, tools, families, tag);

/** Whether the rules are there: all of them and called, some, or none. */
export async function iptablesAreOn(ns: Netns, rules: IptablesRules): Promise<'on' | 'partly' | 'absent'> {
  const { tools, families, tag, traffic, verdict } = rules;
  const there = await ownChains(ns, tools, families, tag);
  if (there.length === 0) return 'absent';
  const called = there.filter((chain) => chain.called).length;
  return called === families.length * hooksOf(traffic, verdict).length ? 'on' : 'partly';
}

/** For plan and report: why not nft, and what this leaves open. */
export function describeIptables({ tools, until }: IptablesRules, why: string, ttl: boolean): string {
  const never = ttl && until === null ? '; they do not end by themselves, for want of the match `time`' : '';
  return ` by iptables (${why}${never}${staysBehind(tools)})`;
}
