import { availableParallelism } from 'node:os';
import { ZashikiError } from '../../core/errors.ts';
import type { Milliseconds } from '../../core/model.ts';

/** One kind of our own worker, as often as asked for. */
export interface OwnWorker {
  readonly name: 'cpu' | 'memory' | 'io';
  readonly args: readonly string[];
  readonly count: number;
}

/** stress-ng's arguments, looked through. */
export interface Stressors {
  /** Without those that we set ourselves. */
  readonly args: readonly string[];
  /** What `--timeout` asked for; null: nothing. */
  readonly timeout: Milliseconds | null;
  /** The same load by our own workers; null when they cannot. */
  readonly workers: readonly OwnWorker[] | null;
}

/** Short and long names that our own workers know. */
const known: Readonly<Record<string, string>> = {
  c: 'cpu',
  l: 'cpu-load',
  m: 'vm',
  d: 'hdd',
  i: 'io',
  t: 'timeout',
  q: 'quiet',
};
const valueless = ['quiet', 'vm-keep', 'aggressive', 'metrics', 'metrics-brief', 'verify'];

/** Would write where nobody cleans up, or may hang the whole machine. */
const refused: readonly string[] = ['log-file', 'yaml', 'Y', 'job', 'j', 'pathological', 'temp-path', 'pidfile'];

/**
 * Look through arguments of stress-ng (0.15). Throws `refused` for those whose traces could not be cleaned up, and
 * `document-invalid` for a `--timeout` that is none.
 */
export function readStressors(given: readonly string[]): Stressors {
  const options: (readonly [name: string, value: string])[] = [];
  const args: string[] = [];
  let strange = false;
  for (let at = 0; at < given.length; at++) {
    const argument = given[at] ?? '';
    const [, dashes = '', word = '', equals] = /^(--?)([^=]*)(?:=(.*))?$/s.exec(argument) ?? [];
    const name = dashes === '-' ? (known[word] ?? word) : word;
    if (refused.includes(name)) {
      throw new ZashikiError('refused', `stress-ng's option ${argument} is not for chaos on others`, {
        hint: 'its files would not be cleaned up, or it may hang the machine; leave it out',
      });
    }
    const takes = dashes !== '' && equals === undefined && !valueless.includes(name);
    const value = equals ?? (takes ? (given[at + 1] ?? '') : '');
    if (dashes === '') strange = true;
    options.push([name, value]);
    const isKnown = Object.values(known).includes(name) || ['vm-bytes', 'hdd-bytes', 'vm-hang'].includes(name);
    const length = takes && isKnown ? 2 : 1;
    if (name !== 'timeout') args.push(...given.slice(at, at + length));
    // An option that we do not know may take a value or not: it is left to stress-ng.
    if (!isKnown && !valueless.includes(name)) strange = true;
    at += length - 1;
  }
  const timeout = options.findLast(([name]) => name === 'timeout')?.[1];
  return {
    args,
    timeout: timeout === undefined ? null : spanOf(timeout),
    workers: strange ? null : ownWorkers(new Map(options)),
  };
}

function ownWorkers(options: ReadonlyMap<string, string>): readonly OwnWorker[] | null {
  const count = (name: string) => {
    const value = options.get(name);
    if (value === undefined) return undefined;
    // Zero stands for all CPUs.
    return /^\d{1,4}$/.test(value) ? Number(value) || availableParallelism() : Number.NaN;
  };
  const [cpu, vm, hdd, io] = [count('cpu'), count('vm'), count('hdd'), count('io')];
  const bytes = bytesOf(options.get('vm-bytes') ?? '256m');
  const load = Number(options.get('cpu-load') ?? 100);
  if ([cpu, vm, hdd, io].some(Number.isNaN) || bytes === null || !(load > 0 && load <= 100)) return null;
  const disk = (hdd ?? 0) + (io ?? 0);
  const found: readonly OwnWorker[] = [
    { name: 'cpu', args: ['--load', String(load)], count: cpu ?? 0 },
    { name: 'memory', args: ['--size', String(Math.ceil(bytes / Math.max(1, vm ?? 0)))], count: vm ?? 0 },
    { name: 'io', args: [], count: disk },
  ];
  const asked = found.filter(({ count: times }) => times > 0);
  return asked.length > 0 ? asked : null;
}

const units: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, '': 1 };

function bytesOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)([bkmg]?)$/i.exec(text);
  return match ? Math.round(Number(match[1]) * (units[(match[2] ?? '').toLowerCase()] ?? 1)) : null;
}

const spans: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, y: 31_536_000_000 };

/** Zero is without end, as in stress-ng. */
function spanOf(text: string): Milliseconds | null {
  const match = /^(\d+)([smhdy]?)$/i.exec(text);
  if (!match) {
    throw new ZashikiError('document-invalid', `stress-ng's --timeout "${text}" is no time`, {
      hint: 'write seconds, or a number and s, m, h or d, like 60s',
    });
  }
  return Number(match[1]) * (spans[(match[2] || 's').toLowerCase()] ?? 1000) || null;
}
