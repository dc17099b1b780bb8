import type { Finished, Netns } from '../../../capabilities/netns.ts';
import { isError, ZashikiError } from '../../../core/errors.ts';
import type { Family } from './rules.ts';

/**
 * Which iptables is at work in the target's namespace, the one of our own machine: rules of the other kind are not
 * seen, and stay. `nft`: the program is there, so that tables which iptables-nft makes can be taken away again.
 */
export type Tools = {
  readonly prefix: 'iptables-nft' | 'iptables-legacy' | 'iptables';
  readonly kind: 'nft' | 'legacy';
  readonly nft: boolean;
};

/** Find out; throws `not-supported` when there is no iptables. */
export async function findTools(ns: Netns): Promise<Tools> {
  const version = await succeed(ns, ['iptables', '--version']);
  const kind = version.stdout.includes('nf_tables') ? 'nft' : 'legacy';
  const named = `iptables-${kind}` as const;
  const prefix = (await answers(ns, [`${named}-save`])) ? named : 'iptables';
  return { prefix, kind, nft: kind === 'nft' && (await answers(ns, ['nft', '-j', 'list', 'tables'])) };
}

/** Whether a program is there and succeeds. */
export async function answers(ns: Netns, argv: readonly string[]): Promise<boolean> {
  try {
    return (await ns.run(argv)).code === 0;
  } catch (error) {
    if (isError(error, 'not-supported')) return false;
    throw error;
  }
}

/** Run and insist on success; throws `permission-missing` where root is needed, else `inject-failed`. */
export async function succeed(ns: Netns, argv: readonly string[], input?: string): Promise<Finished> {
  const done = await ns.run(argv, input === undefined ? {} : { input });
  if (done.code === 0) return done;
  const said = done.stderr.trim() || `code ${done.code}`;
  if (/permission denied|not permitted|must be root/i.test(said)) {
    throw new ZashikiError('permission-missing', `${argv[0]} in the target's network namespace: ${said}`, {
      hint: 'run as root: CAP_NET_ADMIN in the namespace is needed',
    });
  }
  throw new ZashikiError('inject-failed', `${argv[0]} in the target's network namespace: ${said}`);
}

/** `iptables-nft-save`, `ip6tables-restore` and so on. */
export const program = ({ prefix }: Tools, family: Family, end: 'save' | 'restore'): string =>
  `${family === 6 ? prefix.replace('iptables', 'ip6tables') : prefix}-${end}`;

/** One table as iptables shows it. */
export interface SavedTable {
  /** Base chains and their policies. */
  readonly policies: ReadonlyMap<string, string>;
  readonly ownChains: readonly string[];
  readonly rules: readonly { readonly chain: string; readonly text: string }[];
}

/** All tables of a family that are there, by name. */
export async function savedTables(ns: Netns, tools: Tools, family: Family): Promise<ReadonlyMap<string, SavedTable>> {
  return parseSave((await succeed(ns, [program(tools, family, 'save')])).stdout);
}

/** Apply a text for one table: all of it or nothing. */
export async function restore(ns: Netns, tools: Tools, family: Family, text: string): Promise<void> {
  // Legacy tables are guarded by a lock that others may hold for a moment; nft has no need of one.
  const wait = tools.kind === 'legacy' ? ['--wait', '10'] : [];
  await succeed(ns, [program(tools, family, 'restore'), '--noflush', ...wait], text);
}

export function parseSave(text: string): ReadonlyMap<string, SavedTable> {
  const tables = new Map<
    string,
    { policies: Map<string, string>; ownChains: string[]; rules: SavedTable['rules'][0][] }
  >();
  let table: ReturnType<typeof tables.get>;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = { policies: new Map(), ownChains: [], rules: [] };
      tables.set(line.slice(1).trim(), table);
      continue;
    }
    const [, chain = '', policy = ''] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (chain) policy === '-' ? table?.ownChains.push(chain) : table?.policies.set(chain, policy);
    const [, at] = /^-A (\S+) /.exec(line) ?? [];
    if (at) table?.rules.push({ chain: at, text: line });
  }
  return tables;
}

/** What nft says of one table: names of its chains, and its rules. */
export interface NftTable {
  readonly chains: readonly string[];
  readonly rules: readonly { readonly chain: string; readonly handle: number; readonly jump: string | undefined }[];
  /** Sets, maps and the like. */
  readonly others: number;
}

interface NftEntry {
  readonly chain?: { readonly name: string };
  readonly rule?: {
    readonly chain: string;
    readonly handle: number;
    readonly expr: readonly { readonly jump?: { readonly target: string } }[];
  };
  readonly table?: object;
  readonly metainfo?: object;
}

const nftFamily = (family: Family): string => (family === 6 ? 'ip6' : 'ip');

/** Undefined when there is no such table. */
export async function nftTable(ns: Netns, family: Family, table: string): Promise<NftTable | undefined> {
  const { code, stdout, stderr } = await ns.run(['nft', '-j', 'list', 'table', nftFamily(family), table]);
  if (code !== 0) {
    if (/no such file/i.test(stderr)) return undefined;
    throw new ZashikiError('recover-failed', `nft in the target's network namespace: ${stderr.trim()}`);
  }
  const { nftables } = JSON.parse(stdout) as { nftables: readonly NftEntry[] };
  return {
    chains: nftables.flatMap(({ chain }) => (chain ? [chain.name] : [])),
    rules: nftables.flatMap(({ rule }) =>
      rule ? [{ chain: rule.chain, handle: rule.handle, jump: rule.expr.find(({ jump }) => jump)?.jump?.target }] : [],
    ),
    others: nftables.filter(({ chain, rule, table, metainfo }) => !chain && !rule && !table && !metainfo).length,
  };
}

/** Apply commands of nft to one table, each with the family and the table filled in: all of them or none. */
export async function nftApply(
  ns: Netns,
  family: Family,
  table: string,
  commands: readonly (readonly [before: string, after: string])[],
): Promise<Finished> {
  const lines = commands.map(([before, after]) => `${before} ${nftFamily(family)} ${table} ${after}`.trim());
  return ns.run(['nft', '-f', '-'], { input: `${lines.join('\n')}\n` });
}
