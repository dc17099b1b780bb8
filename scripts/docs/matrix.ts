import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Vocabulary } from '../../src/spec/vocabulary.ts';
import { code, generated, page, table } from './markdown.ts';

/** Kinds of targets, by what can be done to them, and what the page calls them. */
export const targetKinds = {
  process: 'process',
  'process-netns': 'process, own network',
  machine: 'the host itself',
  container: 'container',
  'container-bare': 'container, no shell',
  proxy: 'proxy',
} as const;
export type TargetKind = keyof typeof targetKinds;

/** Ways of doing the same fault, in the order of the columns. `device`: by setting the device itself. */
export const paths = ['netem', 'tbf', 'firewall', 'user-space', 'device'] as const;

/** What was shown on one kind of kernel. */
export interface MatrixMachine {
  /** The kernel that it was last shown on, e.g. `6.1`. */
  readonly kernel: string;
  readonly netem: boolean;
  readonly cgroup: 1 | 2;
  readonly engine: string;
  /** `fault kind`, or `fault kind path`; sorted. */
  readonly shown: readonly string[];
}

export interface MatrixRecord {
  readonly machines: readonly MatrixMachine[];
}

export const matrixFile = resolve(import.meta.dirname, '../../docs/reference/matrix.json');

/** The record; an empty one when there is none. */
export function readMatrix(): MatrixRecord {
  return existsSync(matrixFile) ? JSON.parse(readFileSync(matrixFile, 'utf8')) : { machines: [] };
}

/** docs/reference/matrix.md: which fault was seen to work, on what, how, and on which kernels. */
export function matrixPage({ faults }: Pick<Vocabulary, 'faults'>, { machines } = readMatrix()): string {
  const letters = machines.map((_, index) => String.fromCharCode(97 + index));
  const marks = (...cell: readonly (string | undefined)[]) => {
    const name = cell.filter((part) => part !== undefined).join(' ');
    return letters.filter((_, index) => machines[index]?.shown.includes(name)).join(' ');
  };
  const all = machines.flatMap(({ shown }) => shown.map((cell) => cell.split(' ')));
  const ids = [...faults.keys()].sort();
  const hasPath = (fault: string) => all.some(([of, , path]) => of === fault && path !== undefined);
  const kindsOf = (some: readonly string[]) =>
    (Object.keys(targetKinds) as TargetKind[]).filter((kind) =>
      all.some(([of, on]) => some.includes(of ?? '') && on === kind),
    );
  const [packets, rest] = [ids.filter(hasPath), ids.filter((id) => !hasPath(id))];
  const waysOn = (kind: TargetKind) =>
    paths.filter((path) => all.some(([of, on, by]) => packets.includes(of ?? '') && on === kind && by === path));
  const columns = kindsOf(packets).flatMap((kind) => waysOn(kind).map((path) => ({ kind, path })));
  const link = (id: string) => `[${code(id)}](faults.md#${id})`;
  return page(
    generated('docs/reference/matrix.json, which a test writes'),
    '# What was shown',
    'Each letter stands for one whole run on a real target, by `test/matrix`: the fault was planned, injected, **seen to be real**, and, where it can be undone, recovered and **seen to be gone**. An empty place was not shown: the fault does not fit the target, or the kernel does not offer that way. The letter says on which machine:',
    table(
      ['', 'Kernel', 'netem', 'cgroup', 'Engine', 'Runs'],
      machines.map(({ kernel, netem, cgroup, engine, shown }, index) => [
        `**${letters[index]}**`,
        `Linux ${kernel}`,
        netem ? 'yes' : 'no',
        `v${cgroup}`,
        engine,
        String(shown.length),
      ]),
    ),
    '`npm run test:docker` shows it all again, and so does `npm run test:vm -- --docker --via netem test/matrix` in a machine with a whole kernel. What was shown before with or without netem and with that version of cgroups must be shown again.',
    '## Faults on what runs',
    table(
      ['Fault', ...kindsOf(rest).map((kind) => targetKinds[kind])],
      rest.map((id) => [link(id), ...kindsOf(rest).map((kind) => marks(id, kind))]),
    ),
    '## Faults on packets',
    'The same fault can be done in several ways: `via` chooses one, else the first that the kernel offers is taken. The process has a network namespace of its own; one that shares the network of the machine is refused.',
    table(
      ['Fault', ...columns.map(({ kind, path }) => `${targetKinds[kind]}: ${wayNames[path]}`)],
      packets.map((id) => [link(id), ...columns.map(({ kind, path }) => marks(id, kind, path))]),
    ),
  );
}

const wayNames: Readonly<Record<(typeof paths)[number], string>> = {
  netem: 'netem',
  tbf: 'tbf',
  firewall: 'firewall',
  'user-space': 'user space',
  device: 'device',
};
