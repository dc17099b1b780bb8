import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { type MatrixMachine, type MatrixRecord, matrixFile, readMatrix } from '../../scripts/docs/matrix.ts';

export type KernelClass = Pick<MatrixMachine, 'netem' | 'cgroup'>;

/** What of this machine decides what can be done. Found out without any code of ours. Root only. */
export function kernelClass(): KernelClass {
  const trial = ['--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'];
  return {
    netem: spawnSync('unshare', trial).status === 0,
    cgroup: existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1,
  };
}

const isOf = (one: KernelClass, other: KernelClass) => one.netem === other.netem && one.cgroup === other.cgroup;

/** Cells that were shown before on a kernel like this one; null: never on such a kernel. */
export const shownBefore = (kernel: KernelClass): readonly string[] | null =>
  readMatrix().machines.find((machine) => isOf(machine, kernel))?.shown ?? null;

/** Write down what was shown here, in the place of what was shown before on a kernel like this one. */
export function writeShown(kernel: KernelClass, engine: string, shown: readonly string[]): void {
  const others = readMatrix().machines.filter((machine) => !isOf(machine, kernel));
  const here = { kernel: release().split('.', 2).join('.'), ...kernel, engine, shown: [...shown].sort() };
  const machines = [...others, here].sort((a, b) => Number(a.netem) - Number(b.netem) || a.cgroup - b.cgroup);
  const record: MatrixRecord = { machines };
  if (existsSync(matrixFile) && readFileSync(matrixFile, 'utf8') === textOf(record)) return;
  writeFileSync(matrixFile, textOf(record));
}

const textOf = (record: MatrixRecord) => `${JSON.stringify(record, null, 2)}\n`;
