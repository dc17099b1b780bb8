import type { Finished, Netns } from '../../capabilities/netns.ts';
import { ZashikiError } from '../../core/errors.ts';

/**
 * Run a program in the namespace; its output. Throws `inject-failed` with what it said when it fails, and
 * `permission-missing` naming CAP_NET_ADMIN when the kernel refused.
 */
export async function must(ns: Netns, argv: readonly string[], input?: string): Promise<string> {
  const done = await ns.run(argv, input === undefined ? {} : { input });
  if (done.code !== 0) throw failure(argv, done);
  return done.stdout;
}

/** The error for a program that failed. */
export function failure(argv: readonly string[], { code, stderr, stdout }: Finished): ZashikiError {
  const said = (stderr.trim() || stdout.trim() || `code ${code}`).split('\n').slice(0, 3).join('; ');
  if (/not permitted|permission denied|you must be root/i.test(said)) {
    const message = `the kernel refused \`${argv.join(' ')}\` in the network namespace: ${said}`;
    return new ZashikiError('permission-missing', message, { hint: 'run as root, or with CAP_NET_ADMIN' });
  }
  return new ZashikiError('inject-failed', `\`${argv.join(' ')}\` failed in the network namespace: ${said}`);
}

/** Like `must`, for a program that answers in JSON; nothing at all is an empty list. */
export async function mustJson<T>(ns: Netns, argv: readonly string[]): Promise<readonly T[]> {
  const text = (await must(ns, argv)).trim();
  return text === '' ? [] : (JSON.parse(text) as T[]).filter((entry) => Object.keys(entry as object).length > 0);
}

/** Many commands of one program (`tc`, `ip`), in one start of it; the first that fails ends it. */
export async function batch(ns: Netns, program: 'tc' | 'ip', lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await must(ns, [program, '-batch', '-'], `${lines.join('\n')}\n`);
}

/** What is now, regardless of what goes missing meanwhile: no error when the program fails. */
export async function quietly(ns: Netns, argv: readonly string[]): Promise<boolean> {
  return (await ns.run(argv)).code === 0;
}

/** A device as `ip -j -d link` tells it. */
export interface Link {
  readonly ifindex: number;
  readonly ifname: string;
  readonly ifalias?: string;
  readonly flags?: readonly string[];
  readonly link_type?: string;
  readonly master?: string;
  /** Absent: 0. */
  readonly txqlen?: number;
  readonly linkinfo?: { readonly info_kind?: string };
}

/** All devices of the namespace. */
export const readLinks = (ns: Netns): Promise<readonly Link[]> =>
  mustJson<Link>(ns, ['ip', '-j', '-d', 'link', 'show']);

/** A qdisc as `tc -j -s qdisc` tells it. */
export interface Qdisc {
  readonly kind: string;
  readonly handle: string;
  readonly dev: string;
  readonly parent?: string;
  readonly packets?: number;
  readonly bytes?: number;
  readonly drops?: number;
  readonly backlog?: number;
  readonly qlen?: number;
}

/** The qdiscs of a device, or of all. */
export const readQdiscs = (ns: Netns, device?: string): Promise<readonly Qdisc[]> =>
  mustJson<Qdisc>(ns, ['tc', '-j', '-s', 'qdisc', 'show', ...(device ? ['dev', device] : [])]);

/** A filter as `tc -j filter` tells it. */
export interface TcFilter {
  readonly protocol: string;
  readonly pref: number;
  readonly kind: string;
  readonly options?: {
    readonly flowid?: string;
    readonly ht_divisor?: number;
    readonly actions?: readonly { readonly kind: string; readonly to_dev?: string }[];
  };
}

/** The filters of a device in one direction; none when it has no clsact. Throws when they cannot be read: not none. */
export async function readFilters(
  ns: Netns,
  device: string,
  direction: 'egress' | 'ingress',
): Promise<readonly TcFilter[]> {
  const argv = ['tc', '-j', 'filter', 'show', 'dev', device, direction];
  const done = await ns.run(argv);
  if (done.code !== 0) {
    const kinds = (await readQdiscs(ns, device)).map(({ kind }) => kind);
    if (kinds.includes('clsact') || (kinds.includes('ingress') && direction === 'ingress')) throw failure(argv, done);
    return [];
  }
  if (done.stdout.trim() === '') return [];
  // Lines that only open a list say nothing.
  return (JSON.parse(done.stdout) as TcFilter[]).filter(({ options }) => options && !('ht_divisor' in options));
}

/** Whether a device has a clsact qdisc, ours or not. */
export const hasClsact = async (ns: Netns, device: string): Promise<boolean> =>
  (await readQdiscs(ns, device)).some(({ kind }) => kind === 'clsact');
