import { bootId, livingStat } from './identity.ts';
import { attempt, openProc, type ProcFs } from './proc.ts';

/** This boot and pid namespace: elsewhere our pids mean other processes. */
const here = (proc: ProcFs): string => `${bootId(proc)}/${proc.link(proc.self(), 'ns/pid')}`;

/** This process, as text that others on this machine can ask `isAlive` about; empty where there is no /proc. */
export function ownLife(proc: ProcFs = openProc()): string {
  try {
    return `${here(proc)}/${proc.self()}/${proc.stat(proc.self()).startTime}`;
  } catch {
    return '';
  }
}

/** Whether the process of an `ownLife` still lives; undefined when that cannot be seen from here. */
export function isAlive(life: string | undefined, proc: ProcFs = openProc()): boolean | undefined {
  const [boot = '', namespace = '', pid = '', startTime = ''] = (life ?? '').split('/');
  if (startTime === '' || process.platform !== 'linux') return undefined;
  if (attempt(() => here(proc)) !== `${boot}/${namespace}`) return undefined;
  return livingStat(proc, { pid: Number(pid), startTime, bootId: boot }) !== undefined;
}
