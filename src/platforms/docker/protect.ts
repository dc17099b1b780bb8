import { hostname } from 'node:os';
import { openProc, type ProcFs } from '../host/proc.ts';
import { ancestors } from '../host/protect.ts';
import { ownContainers } from './local.ts';

const optedOut = 'opted out by the label zashiki.dev/skip';

/** Labels that spare a container, when they say `true`; those of Pumba mean the same there. */
const sparing: readonly (readonly [string, string])[] = [
  ['zashiki.dev/skip', optedOut],
  ['com.gaiaadm.pumba.skip', 'opted out by the label com.gaiaadm.pumba.skip'],
  ['com.gaiaadm.pumba', 'a container of Pumba'],
];

/** What is asked of a container here. */
export interface Protectable {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Its main process on this machine, if it is one. */
  readonly pid?: number | undefined;
}

/** Why a container may never be hit, or undefined: labels, and the one that we run in. */
export function protection(proc: ProcFs = openProc(), host = hostname()): (found: Protectable) => string | undefined {
  const onLinux = process.platform === 'linux';
  const isOurs = onLinux ? ownContainers(proc, host) : () => false;
  const above = onLinux ? ancestors(proc, proc.self()) : new Set<number>();
  return ({ id, labels, pid }) => {
    if (isOurs(id) || (pid !== undefined && above.has(pid))) return 'Zashiki runs in it';
    return sparing.find(([label]) => labels[label] === 'true')?.[1];
  };
}

/**
 * Why nothing may be done to a container on the way to another one, in whose network it works. Pumba's labels do not
 * count: they say who is picked, and Pumba puts one on what it starts in the network of its targets.
 */
export function protectionBeside(
  proc: ProcFs = openProc(),
  host = hostname(),
): (found: Pick<Protectable, 'id' | 'labels'>) => string | undefined {
  const isOurs = process.platform === 'linux' ? ownContainers(proc, host) : () => false;
  return ({ id, labels }) =>
    isOurs(id) ? 'Zashiki runs in it' : labels['zashiki.dev/skip'] === 'true' ? optedOut : undefined;
}
