// `npm run bench:proxy`: our fault proxy beside Toxiproxy, both passing everything through, in turns in one run. A second
// Toxiproxy takes part as the control: how it differs from the first is what the machine's noise does to two programs
// that are the same. Fails when ours is slower by more than that. Options: --rounds=9 --ms=300.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { openProxyClient, type ProxyAnswer } from '../src/proxy/client.ts';
import { startToxiproxy, toxiproxy } from '../test/fixtures/toxiproxy.ts';
import { median } from './bench.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    ms: { type: 'string', default: '300' },
  },
});
const [rounds, ms] = [Number(values.rounds), Number(values.ms)];

/** The three that take turns. */
const ways = ['ours', 'theirs', 'control'] as const;
type Way = (typeof ways)[number];
type Ends = { readonly echo: string; readonly source: string };

interface Work {
  readonly name: string;
  readonly kind: 'rtt' | 'flow' | 'dial';
  readonly args: readonly number[];
}
const works: readonly Work[] = [
  ...[64, 16_384].flatMap((bytes) =>
    [1, 8, 50].map(
      (connections): Work => ({
        name: `round trip, ${bytes} bytes, ${connections} connections`,
        kind: 'rtt',
        args: [connections, bytes, ms],
      }),
    ),
  ),
  ...[1, 8, 50].map(
    (connections): Work => ({ name: `throughput, ${connections} connections`, kind: 'flow', args: [connections, ms] }),
  ),
  { name: 'connections made, 8 at a time', kind: 'dial', args: [8, ms] },
];

process.exitCode = await main();

async function main(): Promise<number> {
  const programs = toxiproxy();
  const load = buildLoad();
  if ('missing' in programs || load === null) {
    console.log(`SKIPPED: ${'missing' in programs ? programs.missing : 'needs go, to build the load'}`);
    return 0;
  }
  const children: ChildProcess[] = [];
  const peers: { stop(): Promise<void> }[] = [];
  const another = async (server: string) => {
    const peer = await startToxiproxy(server);
    peers.push(peer);
    return peer.url;
  };
  try {
    const serve = spawn(load, ['serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(serve);
    const ends = JSON.parse(await firstLine(serve)) as { echo: string; source: string };
    const at = {
      ours: await proxies(await ours(children), ends),
      theirs: await proxies(await another(programs.server), ends),
      control: await proxies(await another(programs.server), ends),
    };
    console.log(`${availableParallelism()} CPUs, Node ${process.version}, ${rounds} rounds of ${ms} ms each, in turns`);
    return measureAll(load, at);
  } finally {
    for (const peer of peers) await peer.stop();
    for (const child of children) child.kill('SIGKILL');
  }
}

async function ours(children: ChildProcess[]): Promise<string> {
  const main = resolve(import.meta.dirname, '../dist/cli/main.cjs');
  const own = spawn(process.execPath, [main, 'proxy', '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(own);
  const { api } = JSON.parse(await firstLine(own)) as { api: string };
  own.stdout?.resume();
  return api;
}

function measureAll(load: string, at: Readonly<Record<Way, Ends>>): number {
  let failed = 0;
  const width = Math.max(...works.map(({ name }) => name.length));
  for (const { name, kind, args } of works) {
    const end = kind === 'flow' ? 'source' : 'echo';
    const once = (way: Way) => run(load, [kind, at[way][end], ...args.map(String)]);
    for (const way of ways) once(way);
    const seen = { ours: [] as Reading[], theirs: [] as Reading[], control: [] as Reading[] };
    for (let round = 0; round < rounds; round++) {
      // Who is first changes, so that what one leaves behind does not always meet the same next one.
      for (const place of ways.keys()) {
        const way = ways[(place + round) % ways.length] ?? 'ours';
        seen[way].push(once(way));
      }
    }
    const ratios = (way: Way) => seen[way].map((reading, round) => ratioOf(reading, seen.theirs[round]));
    const [ratio, limit] = [median(ratios('ours')), kind === 'dial' ? null : limitFor(ratios('control'))];
    const slow = limit !== null && ratio < limit;
    if (slow) failed++;
    const bound = limit === null ? '' : ` (at least ${limit.toFixed(2)}×)`;
    console.log(
      `${name.padEnd(width)}  ${ratio.toFixed(2)}× Toxiproxy${bound}  ${detail(seen.ours)} against ${detail(seen.theirs)}  ${slow ? 'TOO SLOW' : 'ok'}`,
    );
  }
  console.log(`${works.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/**
 * The least ratio that is not clearly slower: 1, less what the control was off by itself, and less twice the standard
 * error of a difference of two such medians. Never below 0.7, however noisy the machine is.
 */
function limitFor(control: readonly number[]): number {
  const sorted = [...control].sort((a, b) => a - b);
  const quartile = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
  const error = (0.93 * (quartile(0.75) - quartile(0.25))) / Math.sqrt(sorted.length);
  const margin = 0.03 + Math.abs(1 - median(control)) + 2 * Math.SQRT2 * error;
  return Math.max(0.7, 1 - margin);
}

/** Above 1: ours is faster. A rate also counts how the machine shares its cores out; a median round trip hardly does. */
function ratioOf(ours?: Reading, theirs?: Reading): number {
  if (!ours || !theirs) return 0;
  return ours.p50 && theirs.p50 ? theirs.p50 / ours.p50 : ours.rate / theirs.rate;
}

interface Reading {
  readonly rate: number;
  readonly unit: string;
  readonly p50?: number | undefined;
}

function run(load: string, args: readonly string[]): Reading {
  const { status, stdout, stderr } = spawnSync(load, args, { encoding: 'utf8', timeout: 60_000 });
  if (status !== 0) throw new Error(`load ${args.join(' ')}: ${stderr}`);
  const answer = JSON.parse(stdout) as { perSecond?: number; megabytesPerSecond?: number; p50?: number };
  return answer.megabytesPerSecond === undefined
    ? { rate: answer.perSecond ?? 0, unit: '/s', p50: answer.p50 }
    : { rate: answer.megabytesPerSecond, unit: ' MB/s' };
}

function detail(readings: readonly Reading[]): string {
  const rate = median(readings.map((reading) => reading.rate));
  const halves = readings.flatMap(({ p50 }) => p50 ?? []);
  const p50 = halves.length > 0 ? `, p50 ${median(halves).toFixed(0)} us` : '';
  return `${rate.toFixed(0)}${readings[0]?.unit ?? ''}${p50}`;
}

async function proxies(url: string, ends: Ends): Promise<Ends> {
  const client = openProxyClient({ url });
  const make = async (name: 'echo' | 'source') =>
    (await client.call<ProxyAnswer>('POST', ['proxies'], { name, listen: '127.0.0.1:0', upstream: ends[name] })).listen;
  return { echo: await make('echo'), source: await make('source') };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((done, failed) => {
    if (!child.stdout) throw new Error('no output');
    createInterface({ input: child.stdout }).once('line', done);
    child.once('exit', (code) => failed(new Error(`it ended with ${code}`)));
  });
}

/** The two ends, built from benchmarks/proxy/load. */
function buildLoad(): string | null {
  const folder = resolve(import.meta.dirname, '../node_modules/.zashiki-test');
  mkdirSync(folder, { recursive: true });
  const load = join(folder, 'load');
  const cwd = join(import.meta.dirname, 'proxy/load');
  const { status, error } = spawnSync('go', ['build', '-o', load, '.'], { cwd, stdio: 'inherit' });
  return error || status !== 0 || !existsSync(load) ? null : load;
}
