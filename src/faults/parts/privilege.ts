import { readFileSync } from 'node:fs';

/** Bits of CapEff. */
const bits = { CAP_FSETID: 4n, CAP_SYS_RESOURCE: 24n } as const;

/** Whether this process has a Linux capability. */
export function isCapable(name: keyof typeof bits): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> bits[name]) & 1n) === 1n;
}
