/**
 * Discovery over many processes, as a ratio to the least that any scan must do: list /proc and read each stat.
 *
 *   npx tsx benchmarks/discovery.ts [processes=5000] [limit=15]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import host from '../src/platforms/host/platform.ts';

const count = Number(process.argv[2] ?? 5000);
const limit = Number(process.argv[3] ?? 15);
const rounds = 9;

if (count === 0 || process.platform !== 'linux') {
  console.log('discovery  skipped: it needs Linux and at least one process');
  process.exit(0);
}

const buffer = Buffer.allocUnsafe(4096);

/** The baseline: no parsing, no other file. */
function bareScan(): number {
  let read = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d/.test(name)) continue;
    try {
      const fd = openSync(`/proc/${name}/stat`, 'r');
      read += readSync(fd, buffer, 0, buffer.length, 0) > 0 ? 1 : 0;
      closeSync(fd);
    } catch {
      // It ended meanwhile.
    }
  }
  return read;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

async function timed(act: () => unknown): Promise<number> {
  const from = performance.now();
  await act();
  return performance.now() - from;
}

/** One shell is the parent of all: cheaper than a thousand pipes of ours, and ended by one signal to its group. */
async function crowd(): Promise<ChildProcess> {
  const script = 'i=0; while [ $i -lt "$1" ]; do sleep 1000 & i=$((i+1)); done; echo up; wait';
  const shell = spawn('sh', ['-c', script, 'sh', String(count)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve, reject) => {
    shell.stdout?.once('data', resolve);
    shell.once('exit', () => reject(new Error(`could not start ${count} processes`)));
  });
  return shell;
}

const shell = await crowd();
const end = () => {
  if (groupLives()) process.kill(-(shell.pid ?? 0), 'SIGKILL');
};
const groupLives = () => {
  try {
    return shell.pid !== undefined && process.kill(-shell.pid, 0);
  } catch {
    return false;
  }
};
process.once('exit', end);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  const parent = shell.pid ?? 0;
  const of = { all: { parent, name: 'sleep' }, few: { parent, name: 'no-such-name' } };
  // The last children may not have become `sleep` yet.
  for (let tries = 0; (await host.discover(of.all)).length < count && tries < 600; tries++) await sleep(50);
  const found = (await host.discover(of.all)).length;
  if (found !== count) throw new Error(`found ${found} of ${count} processes`);

  const times = { bare: [] as number[], all: [] as number[], few: [] as number[] };
  // Interleaved, so that a noisy neighbor disturbs all three alike.
  for (let round = 0; round < rounds; round++) {
    times.bare.push(await timed(bareScan));
    times.all.push(await timed(() => host.discover(of.all)));
    times.few.push(await timed(() => host.discover(of.few)));
  }
  const ratio = (what: 'all' | 'few') => median(times[what]) / median(times.bare);
  const line = (name: string, what: 'all' | 'few', most: number) =>
    console.log(
      `${name}  ${count} processes  ${median(times[what]).toFixed(0)} ms  ratio ${ratio(what).toFixed(1)} (limit ${most})`,
    );
  line('discovery', 'all', limit);
  line('discovery, none matches', 'few', limit / 4);
  if (ratio('all') > limit || ratio('few') > limit / 4) process.exitCode = 1;
} finally {
  end();
  for (let tries = 0; groupLives() && tries < 600; tries++) await sleep(50);
}
