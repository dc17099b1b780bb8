import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { FaultStep, JsonObject } from '../../src/core/model.ts';
import type { Catalogue, Rng } from '../../src/core/ports.ts';
import { bootId } from '../../src/journal/identity.ts';
import { makeNetworkSpecimen, networkFaults } from './networks.ts';
import { environment, processes, seen } from './processes.ts';
import { makeProxySpecimen, proxyFaults } from './proxies.ts';

/** A real target of one fault, and the way to see whether it is as it was. */
export interface Specimen {
  readonly fault: string;
  readonly step: FaultStep;
  /** Everything that the fault could change, as plain JSON. */
  snapshot(): Promise<unknown>;
  end(): Promise<void>;
}

/** Parameters that make each fault quick and small; a reversible fault without an entry fails the test. */
export const recipes: Readonly<
  Record<string, (folder: string, rng: Rng) => { on: 'process' | 'machine' | 'either'; params: JsonObject }>
> = {
  'cpu-stress': () => ({ on: 'either', params: { load: 30 } }),
  'memory-stress': () => ({ on: 'either', params: { size: '4MiB' } }),
  stress: () => ({ on: 'either', params: { arguments: ['--cpu', '1', '--cpu-load', '10'] } }),
  'io-stress': (folder) => ({ on: 'either', params: { path: folder, size: '256KiB' } }),
  'disk-fill': (folder) => ({ on: 'either', params: { path: folder, size: '3MiB' } }),
  'fd-exhaust': () => ({ on: 'process', params: {} }),
  'file-corrupt': (folder, rng) => ({
    on: 'either',
    params: { path: join(folder, 'data'), mode: ['flip', 'zero', 'truncate'][rng.below(3)] ?? 'flip' },
  }),
  'file-delete': (folder) => ({ on: 'either', params: { path: join(folder, 'data') } }),
  'file-permission': (folder) => ({ on: 'either', params: { path: join(folder, 'data'), mode: '0000' } }),
  'process-pause': () => ({ on: 'process', params: {} }),
  'process-priority': (_, rng) => ({
    on: 'process',
    params: process.getuid?.() === 0 && rng.below(2) === 0 ? { nice: 7 } : { ioClass: 'best-effort', ioLevel: 6 },
  }),
  'process-restart': () => ({ on: 'process', params: {} }),
};

/** Faults that have a recipe. */
export const specimenFaults: readonly string[] = [...Object.keys(recipes), ...proxyFaults, ...networkFaults];

let serial = 0;

/** Make one: a folder with a file and its neighbor, and a process. */
export async function makeSpecimen(fault: string, root: string, catalogue: Catalogue, rng: Rng): Promise<Specimen> {
  if (proxyFaults.includes(fault)) return makeProxySpecimen(fault, rng);
  if (networkFaults.includes(fault)) return makeNetworkSpecimen(fault, rng);
  const recipe = recipes[fault];
  if (!recipe) throw new Error(`no specimen for the fault ${fault}: add it to test/crash/specimens.ts`);
  const folder = join(root, `${fault}-${++serial}`);
  mkdirSync(folder, { mode: 0o755 });
  writeOld(join(folder, 'data'), 3000, 0o640);
  writeOld(join(folder, 'neighbor'), 100, 0o604);
  const sleeper = startSleeper();
  await sleeper.started;
  const { on, params } = recipe(folder, rng);
  const machine = on === 'machine' || (on === 'either' && rng.below(2) === 0);
  // Without a duration it stays on until the method ends.
  const duration = rng.below(2) === 0 ? { duration: 30 + rng.below(60) } : {};
  return {
    fault,
    step: {
      ...{ kind: 'fault', fault, mode: 'one', resolve: 'plan', params },
      target: { platform: 'host', selector: machine ? { machine: true } : { pid: sleeper.pid } },
      ...duration,
    },
    snapshot: async () => ({ files: files(folder), processes: await sleepers(sleeper, catalogue, fault) }),
    async end() {
      quietKill(sleeper.pid);
      await sleeper.ended;
      if (fault !== 'process-restart') return;
      for (const { pid } of processes((line) => line.includes(sleeper.mark))) quietKill(pid);
    },
  };
}

/** A process that nobody may touch, in a state that can be compared. */
export async function makeBystander(root: string, catalogue: Catalogue): Promise<Pick<Specimen, 'snapshot' | 'end'>> {
  const file = join(root, 'bystander');
  writeOld(file, 500, 0o600);
  const sleeper = startSleeper();
  await sleeper.started;
  return {
    snapshot: async () => ({ file: fileState(file), process: await sleepers(sleeper, catalogue, 'none') }),
    async end() {
      quietKill(sleeper.pid);
      await sleeper.ended;
    },
  };
}

function writeOld(path: string, size: number, mode: number): void {
  writeFileSync(path, randomBytes(size));
  chmodSync(path, mode);
  // A time in the past that a double can hold exactly.
  utimesSync(path, 1_600_000_000.5, 1_600_000_000.5);
}

function startSleeper(): { pid: number; mark: string; started: Promise<void>; ended: Promise<void> } {
  const mark = `1000000.${process.pid}${String(++serial).padStart(6, '0')}`;
  const child: ChildProcess = spawn('sleep', [mark], { stdio: 'ignore', cwd: '/', env: { CRASH_TEST: mark } });
  const started = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    // Just after exec its command line reads as empty for a moment.
    const look = () => (seen(child.pid ?? 0)?.line.includes(mark) ? resolve() : setTimeout(look, 2));
    child.once('spawn', look);
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return { pid: child.pid ?? 0, mark, started, ended };
}

const files = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, fileState(join(folder, name))]),
  );

function fileState(path: string): unknown {
  const { mode, uid, gid, ino, mtimeNs, size } = statSync(path, { bigint: true });
  const bytes = createHash('sha256').update(readFileSync(path)).digest('hex');
  return { name: basename(path), bytes, ...text({ mode, uid, gid, ino, mtimeNs, size }) };
}

const text = (numbers: Readonly<Record<string, bigint>>) =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));

/** The process; a restarted one is another process of the same kind, of which there must be exactly one. */
async function sleepers(
  { pid, mark }: { pid: number; mark: string },
  catalogue: Catalogue,
  fault: string,
): Promise<unknown> {
  const restarted = fault === 'process-restart';
  const found = restarted ? processes((line) => line.includes(mark)) : [seen(pid)];
  const platform = await catalogue.platform('host');
  return Promise.all(
    found.map(async (one) => {
      if (!one) return 'gone';
      const { line, state, startTime } = one;
      const identity = { pid: one.pid, startTime, bootId: bootId() };
      const on = await platform.attach({ platform: 'host', id: `pid:${one.pid}`, name: 'sleep', identity });
      const threads = await (on as { priority: { read(): Promise<object[]> } }).priority.read();
      return {
        ...{ line, stopped: state === 'T', threads: threads.map((thread) => ({ ...thread, tid: 0 })) },
        limits: readFileSync(`/proc/${one.pid}/limits`, 'utf8'),
        environment: environment(one.pid).filter((entry) => !entry.startsWith('ZASHIKI_')),
        ...(restarted ? {} : { pid, startTime }),
      };
    }),
  );
}

function quietKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
