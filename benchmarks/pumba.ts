/**
 * `npm run bench:pumba`: wall time from process start to fault in place, seen from outside (the engine's own events, what
 * is new in the container's network namespace), against Pumba and in turns with it.
 *
 *   npx tsx benchmarks/pumba.ts [rounds=15]
 *
 * Passes when the sum of our medians is at most `allowance` times Pumba's. Where Pumba cannot be had, it says why, and
 * holds ours against what the same run took at least: the docker command line's way to the same effect, and Node's own
 * start, which that has not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { call } from '../lab/docker/api.ts';
import { hold } from '../lab/docker/index.ts';
import { median } from './bench.ts';
import { has, pumbaBinary } from './pumba-binary.ts';
import { delayOf, eventsOf, kernelHasNetem } from './pumba-seen.ts';

const rounds = Number(process.argv[2] ?? 15);
/** A busy machine's noise. */
const allowance = 1.1;
/** The most that ours may take, the docker command line together with an empty Node program being 1. */
const most = 6;

const work = mkdtempSync(join(tmpdir(), 'zashiki-bench-'));
const ours = join(work, 'pumba');
symlinkSync(join(process.env.ZASHIKI_DIST ?? join(import.meta.dirname, '../dist'), 'cli/main.cjs'), ours);
const engine = await hold('bench');
const socket = engine.place.socket;
const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env;
const env = { ...inherited, DOCKER_HOST: engine.host, ZASHIKI_STATE: join(work, 'state') };

/** One fault: how it is asked for, and how it is seen. `reset` makes the container fit for the next round. */
interface Case {
  readonly name: string;
  readonly args: (id: string) => readonly string[];
  /** The docker command line's way to the same effect, if it has one. */
  readonly docker?: (id: string) => readonly string[];
  readonly seen: (id: string) => Promise<number>;
  readonly reset: (id: string) => Promise<unknown>;
}

const post = (path: string, body?: object) => call(socket, 'POST', path, body);

const kill: Case = {
  name: 'kill',
  args: (id) => ['kill', id],
  docker: (id) => ['kill', id],
  seen: (id) => eventsOf(socket, id, 'die'),
  reset: (id) => post(`/containers/${id}/start`),
};
const pause: Case = {
  name: 'pause',
  args: (id) => ['pause', '--duration', '300ms', id],
  docker: (id) => ['pause', id],
  seen: (id) => eventsOf(socket, id, 'pause'),
  reset: (id) => post(`/containers/${id}/unpause`).catch(() => {}),
};
const netem: Case = {
  name: 'netem delay',
  args: (id) => [
    ...['netem', '--duration', '1s', '--tc-image', 'zashiki-lab/nettools', '--pull-image=false'],
    ...['delay', '--time', '100', id],
  ],
  seen: (id) => delayOf(socket, id),
  reset: async () => {},
};

/** Milliseconds from the start of a program until the fault is seen. */
async function timed(program: string, args: readonly string[], { seen, reset }: Case, id: string): Promise<number> {
  const waiting = await watch(seen, id);
  const from = performance.timeOrigin + performance.now();
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = once(child, 'exit');
  const at = await Promise.race([waiting.at, failing(ended, () => `${program} ${args.join(' ')}: ${said}`)]);
  await ended;
  await reset(id);
  return at - from;
}

/** A watch that is on before the program starts. */
async function watch(seen: Case['seen'], id: string): Promise<{ at: Promise<number> }> {
  const at = seen(id);
  await new Promise((resolve) => setTimeout(resolve, 30));
  return { at };
}

/** Rejects when the program ends and the fault was not seen even a while after that. */
async function failing(ended: Promise<unknown>, what: () => string): Promise<never> {
  await ended;
  await new Promise((resolve) => setTimeout(resolve, 3000));
  throw new Error(`no fault was seen of ${what()}`);
}

/** Milliseconds that Node takes for nothing. */
async function timedNothing(): Promise<number> {
  const from = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { env, stdio: 'ignore' }), 'exit');
  return performance.now() - from;
}

interface Row {
  readonly name: string;
  readonly node: number;
  readonly ours: number;
  readonly pumba?: number;
  readonly docker?: number;
}

async function measure(one: Case, pumba: string | undefined): Promise<Row> {
  const body = { Image: 'zashiki-lab/busybox', Cmd: ['sleep', '3600'], HostConfig: { NetworkMode: 'bridge' } };
  const { Id: id } = JSON.parse(await post(`/containers/create?name=bench-${one.name.replace(' ', '-')}`, body));
  await post(`/containers/${id}/start`);
  const times = { ours: [] as number[], pumba: [] as number[], docker: [] as number[], node: [] as number[] };
  try {
    // One round more: what the first one loads from disk is no measure of any of them.
    for (let round = 0; round <= rounds; round++) {
      const keep = (list: number[], ms: number) => void (round > 0 && list.push(ms));
      keep(times.ours, await timed(ours, one.args(id), one, id));
      keep(times.node, await timedNothing());
      if (pumba) keep(times.pumba, await timed(pumba, one.args(id), one, id));
      if (one.docker && has('docker')) keep(times.docker, await timed('docker', one.docker(id), one, id));
    }
  } finally {
    await call(socket, 'DELETE', `/containers/${id}?force=1&v=1`);
  }
  return {
    name: one.name,
    node: median(times.node),
    ours: median(times.ours),
    ...(times.pumba.length ? { pumba: median(times.pumba) } : {}),
    ...(times.docker.length ? { docker: median(times.docker) } : {}),
  };
}

/** What a Node program takes at least for what the docker command line does. */
const least = ({ docker, node }: Row): number | undefined => (docker === undefined ? undefined : docker + node);

function against(row: Row): string {
  const bases = { Pumba: row.pumba, 'docker and an empty Node': least(row) };
  return Object.entries(bases)
    .map(([name, base]) => (base === undefined ? '' : `  ${(row.ours / base).toFixed(2)}× ${name}`))
    .join('');
}

try {
  const { path: pumba, why } = await pumbaBinary();
  if (why) console.log(`NOT COMPARED WITH PUMBA: ${why}`);
  const rows: Row[] = [];
  // Without sch_netem ours takes its own way, by a queue; Pumba has none.
  if (!kernelHasNetem()) console.log('netem delay: this kernel has no sch_netem, so ours is by NFQUEUE, and alone');
  for (const one of [kill, pause, netem]) {
    rows.push(await measure(one, one === netem && !kernelHasNetem() ? undefined : pumba));
  }
  const ms = (value: number | undefined) => (value === undefined ? '-' : `${value.toFixed(0)} ms`).padStart(10);
  console.log(
    `${'from start to fault in place'.padEnd(30)}${['ours', 'pumba', 'docker', 'node'].map((name) => name.padStart(10)).join('')}`,
  );
  for (const row of rows) {
    console.log(`${row.name.padEnd(30)}${[row.ours, row.pumba, row.docker, row.node].map(ms).join('')}${against(row)}`);
  }
  const [name, limit, compared] = pumba
    ? (['Pumba', allowance, rows.map(({ ours, pumba }) => ({ ours, other: pumba }))] as const)
    : (['docker and an empty Node', most, rows.map((row) => ({ ours: row.ours, other: least(row) }))] as const);
  const both = compared.flatMap(({ ours, other }) => (other === undefined ? [] : [{ ours, other }]));
  const sum = (of: 'ours' | 'other') => both.reduce((total, row) => total + row[of], 0);
  const ratio = sum('ours') / sum('other');
  const ok = ratio <= limit;
  console.log(`sum of medians: ${ratio.toFixed(2)}× ${name} (limit ${limit}×)  ${ok ? 'ok' : 'TOO SLOW'}`);
  console.log(`${ok ? 1 : 0} passed, ${ok ? 0 : 1} failed`);
  if (!ok) process.exitCode = 1;
} finally {
  await engine.release();
  rmSync(work, { recursive: true, force: true });
}
