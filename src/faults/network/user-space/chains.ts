import type { Netns } from '../../../capabilities/netns.ts';
import { ZashikiError } from '../../../core/errors.ts';
import { directionsOf, type Traffic } from '../effects.ts';
import { deleteEmpties, type Empties } from './empties.ts';
import { type NftTable, nftApply, nftTable, restore, type SavedTable, savedTables, type Tools } from './iptables.ts';
import {
  addRules,
  baseChain,
  baseOf,
  chainName,
  type Family,
  type Hook,
  hookOf,
  parseChainName,
  type RuleSet,
  removeRules,
  shortTag,
  type Table,
  tables,
  type Way,
} from './rules.ts';

const builtin = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

/** A chain of one injection that is in place, and whether it is called. */
export interface OwnChain {
  readonly family: Family;
  readonly table: Table;
  readonly name: string;
  readonly called: boolean;
}

/** Those of this tag, in all tables. */
export async function ownChains(
  ns: Netns,
  tools: Tools,
  families: readonly Family[],
  tag: string,
): Promise<readonly OwnChain[]> {
  const found: OwnChain[] = [];
  for (const family of families) {
    const saved = await savedTables(ns, tools, family);
    for (const table of tables) {
      const { ownChains = [], rules = [] } = saved.get(table) ?? {};
      for (const name of ownChains) {
        if (parseChainName(name)?.short !== shortTag(tag)) continue;
        found.push({ family, table, name, called: rules.some(({ text }) => text.endsWith(` -j ${name}`)) });
      }
    }
  }
  return found;
}

/**
 * Whether nobody uses the table for this traffic. A verdict ends the walk through its base chain, so that rules of
 * others there would not be seen any more: such a table is left alone.
 */
export function isFree(saved: SavedTable | undefined, table: Table, ways: readonly Way[]): boolean {
  const { ownChains = [], rules = [], policies } = saved ?? {};
  if (ownChains.some((chain) => parseChainName(chain))) return false;
  return ways.every((way) => {
    const base = baseChain(table, way);
    return (policies?.get(base) ?? 'ACCEPT') === 'ACCEPT' && !rules.some(({ chain }) => chain === base);
  });
}

/**
 * The table of an injection: where its chains are already, else the first that is free for all its families. Throws
 * `not-supported` when there is none.
 */
export async function tableFor(
  ns: Netns,
  tools: Tools,
  families: readonly Family[],
  tag: string,
  ways: readonly Way[],
): Promise<{ readonly table: Table; readonly begun: boolean }> {
  const [mine] = await ownChains(ns, tools, families, tag);
  if (mine) return { table: mine.table, begun: true };
  const saved = await Promise.all(families.map((family) => savedTables(ns, tools, family)));
  const table = tables.find((name) => saved.every((all) => isFree(all.get(name), name, ways)));
  if (table) return { table, begun: false };
  throw new ZashikiError('not-supported', "no table of iptables is free in the target's network namespace", {
    hint: `each of ${tables.join(', ')} takes one injection of the user-space path, and none where others have rules`,
  });
}

/** Put the chains in place; those that are there already are filled anew. */
export async function placeChains(
  ns: Netns,
  tools: Tools,
  { family, table, tag, ...set }: Omit<RuleSet, 'chains'>,
  traffic: Traffic,
  hooks: readonly Hook[] = directionsOf(traffic).map(hookOf),
): Promise<void> {
  const there = tools.kind === 'nft' && tools.nft ? await nftTable(ns, family, table) : undefined;
  const known = tools.kind === 'legacy' || !tools.nft;
  const present = (await savedTables(ns, tools, family)).get(table)?.ownChains ?? [];
  const ours = present.flatMap((name) => parseChainName(name) ?? []);
  // What came with another injection of ours was not there before either: the last of them takes it away.
  const wasTable = (known || there !== undefined) && !ours.some(({ before }) => !before.table);
  const chains = hooks.map((hook) => {
    const base = baseOf(table, hook);
    const wasChain =
      (known || (base !== undefined && (there?.chains.includes(base) ?? false))) &&
      !ours.some((one) => !one.before.chain && baseOf(table, one.hook) === base);
    const mine = present.find((name) => {
      const parsed = parseChainName(name);
      return parsed?.short === shortTag(tag) && parsed.hook === hook;
    });
    const name = mine ?? chainName(tag, hook, { table: wasTable, chain: wasChain });
    return { hook, name, isNew: mine === undefined };
  });
  await restore(ns, tools, family, addRules({ ...set, family, table, tag, chains }, traffic));
}

/** Take away what is there of this tag, with tables and base chains that came with it. Nothing of others. */
export async function removeChains(ns: Netns, tools: Tools, families: readonly Family[], tag: string): Promise<void> {
  const found = await ownChains(ns, tools, families, tag);
  for (const family of families) {
    for (const table of tables) {
      const names = found.filter((one) => one.family === family && one.table === table).map(({ name }) => name);
      if (names.length === 0) continue;
      if (tools.nft) await removeByNft(ns, family, table, names);
      else await removeByIptables(ns, tools, family, table, names);
    }
  }
}

async function removeByIptables(ns: Netns, tools: Tools, family: Family, table: Table, names: readonly string[]) {
  const rules = (await savedTables(ns, tools, family)).get(table)?.rules ?? [];
  const chains = names.map((name) => ({
    name,
    callers: rules.filter(({ text }) => text.endsWith(` -j ${name}`)).map(({ chain }) => chain),
  }));
  await restore(ns, tools, family, removeRules(table, chains));
}

async function removeByNft(ns: Netns, family: Family, table: Table, names: readonly string[]): Promise<void> {
  const seen = await nftTable(ns, family, table);
  if (!seen) return;
  const { own, empties } = removals(seen, names);
  const done = await nftApply(ns, family, table, own);
  if (done.code !== 0) {
    throw new ZashikiError('recover-failed', `nft in the target's network namespace: ${done.stderr.trim()}`);
  }
  // Somebody may have put a rule there since we looked: then it stays, with what it is in.
  if (await deleteEmpties(ns, family, table, empties, names)) return;
  const now = await nftTable(ns, family, table);
  if (!now) return;
  const free = empties.chains.filter((base) => !now.rules.some(({ chain }) => chain === base));
  const ours = names.filter((name) => now.chains.includes(name));
  const gone = [...free, ...ours];
  const whole = empties.table && now.rules.length + now.others === 0 && now.chains.every((name) => gone.includes(name));
  const left: Commands = whole ? [['delete table', '']] : gone.map((name) => ['delete chain', name]);
  if (left.length > 0) await nftApply(ns, family, table, left);
}

type Commands = readonly (readonly [string, string])[];

/**
 * How to make what is ours do nothing, and what came with it and may be empty then. Our own chains stay until these are
 * gone: their names tell that they came with us.
 */
export function removals(
  seen: NftTable,
  names: readonly string[],
): { readonly own: Commands; readonly empties: Empties } {
  const foreignRules = seen.rules.filter(({ chain, jump }) => !names.includes(chain) && !names.includes(jump ?? ''));
  const foreignChains = seen.chains.filter((name) => !names.includes(name) && !builtin.includes(name));
  const parsed = names.flatMap((name) => parseChainName(name) ?? []);
  const jumps = seen.rules.filter(({ jump }) => jump !== undefined && names.includes(jump));
  const own: Commands = [
    ...jumps.map(({ chain, handle }) => ['delete rule', `${chain} handle ${handle}`] as const),
    ...names.map((name) => ['flush chain', name] as const),
  ];
  const nobodyElse = foreignRules.length === 0 && foreignChains.length === 0 && seen.others === 0;
  const whole = nobodyElse && parsed.some(({ before }) => !before.table);
  const came = ({ hook, before }: (typeof parsed)[number], base: string) =>
    !before.chain && tables.some((table) => baseOf(table, hook) === base);
  const chains = seen.chains.filter(
    (base) =>
      builtin.includes(base) &&
      (whole || parsed.some((one) => came(one, base))) &&
      !foreignRules.some(({ chain }) => chain === base),
  );
  return { own, empties: { chains, table: whole } };
}
