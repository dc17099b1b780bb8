import { endianness } from 'node:os';
import type { Netns } from '../../../capabilities/netns.ts';
import { isError } from '../../../core/errors.ts';
import { workerProgram } from '../../parts/programs.ts';
import { findTools } from './iptables.ts';
import { relays } from './relay.ts';

/**
 * Why packets of this namespace cannot go through our helper, or null when they can. Tried for real in a network
 * namespace made for it, which ends with the trial; the target's own stays untouched.
 */
export async function userSpaceMissing(ns: Netns): Promise<string | null> {
  if (endianness() !== 'LE') return 'the user-space path knows little-endian machines only';
  try {
    const { prefix } = await findTools(ns);
    const rule = ['-t', 'mangle', '-A', 'OUTPUT', '-j', 'NFQUEUE', '--queue-num', '1', '--queue-bypass'];
    const rules = await ns.trial([prefix, ...rule]);
    if (rules === null) return 'no network namespace can be made to try it in: that takes CAP_SYS_ADMIN';
    if (rules.code !== 0) return `iptables cannot send packets to a queue: ${rules.stderr.trim()}`;
    if ((await findRelay(ns)) === undefined) return 'neither perl nor python3 is installed, to open a netlink socket';
    const trial = await ns.trial(await workerArgv(ns, ['--check', '1']));
    return !trial || trial.code === 0 ? null : `the kernel does not hand packets to a program: ${trial.stderr.trim()}`;
  } catch (error) {
    if (isError(error, 'not-supported', 'permission-missing', 'inject-failed')) return error.message;
    throw error;
  }
}

/** The argument array of our worker, with the relay that this machine has. */
export async function workerArgv(ns: Netns, args: readonly string[]): Promise<readonly string[]> {
  return workerProgram('packets', ['--relay', (await findRelay(ns)) ?? 'perl', ...args]);
}

async function findRelay(ns: Netns): Promise<string | undefined> {
  for (const { program } of relays) {
    try {
      if ((await ns.run([program, '--version'])).code === 0) return program;
    } catch (error) {
      if (!isError(error, 'not-supported')) throw error;
    }
  }
  return undefined;
}
