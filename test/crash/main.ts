// Kills a real run with SIGKILL at seeded points over every reversible fault, half of them together with its reaper,
// and looks each time whether everything is as it was. Options: --points=1000 --seed=1 --only=FAULT --lanes=3
// --platform=host|docker --verbose. With docker, on containers of the engine that DOCKER_HOST names, or of the lab's.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hold } from '../../lab/docker/index.ts';
import type { Rng } from '../../src/core/ports.ts';
import { seededRng } from '../../src/core/rng.ts';
import { faults } from '../../src/faults/index.ts';
import { openCatalogue } from '../../src/sdk/catalogue.ts';
import { assemble } from './assemble.ts';
import { containerFaults } from './containers.ts';
import { networksMissing } from './networks.ts';
import {
  type Bench,
  clearPoint,
  differences,
  evidence,
  type Kill,
  type PointResult,
  type PointSpec,
  runPoint,
} from './point.ts';
import { processes } from './processes.ts';
import { makeBystander, specimenFaults } from './specimens.ts';

const { values } = parseArgs({
  options: {
    points: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '3' },
    only: { type: 'string' },
    platform: { type: 'string', default: 'host' },
    verbose: { type: 'boolean', default: false },
  },
});
const [wanted, seed, lanes] = [Number(values.points), Number(values.seed), Number(values.lanes)];
const onDocker = values.platform === 'docker';
const specimens = onDocker ? containerFaults : specimenFaults;
// Where no engine is named, the lab's own is held as long as this runs.
const engineOfLab = onDocker && !process.env.DOCKER_HOST ? await hold() : undefined;
if (engineOfLab) process.env.DOCKER_HOST = engineOfLab.host;
const { capabilities } = await openCatalogue()
  .platform(values.platform)
  .then((platform) => platform as unknown as { capabilities: readonly string[] });
// Proxies need nothing of the machine, so they come with every host.
const offered = onDocker ? capabilities : [...capabilities, 'toxics'];
const reversible = faults
  .filter((fault) => fault.reversible && fault.needs.every((need) => offered.includes(need)))
  // Packets are tested in namespaces of the test's own; a container only lends its one.
  .filter((fault) => (!onDocker && !networksMissing) || !fault.needs.includes('netns'))
  .map(({ id }) => id);
if (!onDocker && networksMissing) console.log(`faults on packets are left out: ${networksMissing}`);
const chosen = values.only ? reversible.filter((id) => id === values.only) : reversible;
const missing = chosen.filter((id) => !specimens.includes(id));
if (process.platform !== 'linux' || chosen.length === 0 || missing.length > 0) {
  console.error(missing.length ? `no specimen for: ${missing.join(', ')}` : 'needs Linux, and a fault to test');
  process.exit(1);
}

const root = mkdtempSync(join(tmpdir(), 'zashiki-crash-'));
chmodSync(root, 0o755);
const bench: Bench = { root, ...(await assemble(root)), onDocker };
const bystander = await makeBystander(root, bench.catalogue);
const untouched = await bystander.snapshot();
const results: PointResult[] = [];
const failures: string[] = [];
let exitCode = 1;
try {
  exitCode = await main();
} finally {
  await bystander.end();
  for (const { pid } of processes((line, id) => id !== process.pid && line.includes(`${root}/`)))
    process.kill(pid, 'SIGKILL');
  if (failures.length === 0) rmSync(root, { recursive: true, force: true });
}
await engineOfLab?.release();
process.exit(exitCode);

async function main(): Promise<number> {
  const from = performance.now();
  console.log(`seed ${seed}, ${wanted} points over ${chosen.length} reversible faults`);
  const whole = await wholeRuns();
  let next = 0;
  const killed = () => results.filter((result) => result.killed).length;
  const lane = async () => {
    while (killed() < wanted && next < wanted * 2 && failures.length < 10) {
      const index = next++;
      const rng = seededRng(seed, `point ${index}`);
      await one(drawPoint(index, rng, whole), rng);
      if (results.length % 100 === 0) console.log(`${killed()} killed after ${seconds(from)} s`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));

  table();
  const all = results.filter((result) => result.killed);
  const good = all.filter((result) => result.wrong.length === 0).length;
  console.log(`points ${all.length}   killed ${all.length}   recovered ${good}   (${seconds(from)} s)`);
  const enough = all.length >= wanted;
  if (!enough) console.log(`only ${all.length} of ${wanted} points could be killed`);
  for (const failure of failures) console.error(failure);
  console.log(`${good} passed, ${all.length - good + (failures.length > all.length - good ? 1 : 0)} failed`);
  return failures.length === 0 && enough && good === all.length ? 0 : 1;
}

/** Run each fault once without a crash: it must leave nothing behind either, and tells how long a run is. */
async function wholeRuns(): Promise<ReadonlyMap<string, PointResult>> {
  const whole = new Map<string, PointResult>();
  for (const [index, fault] of chosen.entries()) {
    const spec: PointSpec = {
      ...{ index: -1 - index, faults: [fault], kill: { how: 'never' }, reaper: 'lives' },
      ...{ recoveryDiesAt: null, rollback: true },
    };
    const result = await one(spec, seededRng(seed, `whole ${fault}`));
    if (result) whole.set(fault, result);
  }
  return whole;
}

async function one(spec: PointSpec, rng: Rng): Promise<PointResult | undefined> {
  const began = performance.now();
  try {
    const result = await runPoint(spec, rng, bench);
    const wrong = [...result.wrong];
    wrong.push(...differences(untouched, await bystander.snapshot()).map((difference) => `bystander: ${difference}`));
    results.push({ ...result, wrong });
    if (values.verbose) console.log(`${JSON.stringify(spec)} took ${Math.round(performance.now() - began)} ms`);
    if (wrong.length === 0) clearPoint(result);
    else failures.push(`FAILED ${JSON.stringify(spec)}\n  ${wrong.join('\n  ')}\n${evidence(result)}`);
    return result;
  } catch (error) {
    failures.push(`FAILED ${JSON.stringify(spec)}\n  ${(error as Error).stack}`);
    return undefined;
  }
}

function drawPoint(index: number, rng: Rng, whole: ReadonlyMap<string, PointResult>): PointSpec {
  const main = chosen[index % chosen.length] as string;
  const second = rng.below(3) === 0 ? [chosen[rng.below(chosen.length)] as string] : [];
  const pair = [main, ...second];
  // Most of the time something is on; every seventh point lies before the first intent, or anywhere.
  const from = rng.below(7) === 0 ? 'start' : 'intent';
  const length = pair.map((fault) => whole.get(fault)).filter((result) => result !== undefined);
  const kill: Kill =
    rng.below(2) === 0
      ? { how: 'moment', from, at: 1 + rng.below(Math.max(1, momentsOf(length, from))) }
      : { how: 'time', from, ms: rng.unit() * Math.max(...length.map(({ took }) => took[from])) };
  return {
    ...{ index, faults: pair, kill, rollback: rng.below(4) === 0 },
    reaper: rng.below(2) === 0 ? 'lives' : rng.below(3) === 0 ? 0 : rng.below(120),
    recoveryDiesAt: rng.below(3) === 0 ? 1 + rng.below(20) : null,
  };
}

/** A third of the moments of a run lie before its first intent. */
function momentsOf(length: readonly PointResult[], from: 'start' | 'intent'): number {
  const all = length.reduce((sum, { moments }) => sum + moments, 0);
  return Math.floor(from === 'start' ? all * 0.9 : all * 0.6);
}

function table(): void {
  console.log('fault               points  open at the kill  reaper lives  reaper killed  recovered');
  const killed = results.filter((result) => result.killed);
  for (const fault of chosen) {
    const of = killed.filter(({ spec }) => spec.faults[0] === fault);
    const open = killed.filter((result) => result.open.includes(fault)).length;
    const lives = of.filter(({ spec }) => spec.reaper === 'lives').length;
    const good = of.filter(({ wrong }) => wrong.length === 0).length;
    const cells = [of.length, open, lives, of.length - lives, good].map((count, column) =>
      String(count).padStart([6, 16, 12, 13, 9][column] ?? 6),
    );
    console.log(`${fault.padEnd(20)}${cells.join('  ')}`);
  }
}

function seconds(from: number): string {
  return ((performance.now() - from) / 1000).toFixed(0);
}
