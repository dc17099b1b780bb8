// Kills agents, controllers, or both, with SIGKILL at seeded points over faults of every kind, half of them together with
// their reapers, and looks each time whether everything is as it was, and whether both journals say so.
// Options: --points=100 --seed=1 --only=FAULT --lanes=2
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Rng } from '../../src/core/ports.ts';
import { seededRng } from '../../src/core/rng.ts';
import { type AgentPoint, runAgentPoint } from './agent-point.ts';
import { assemble } from './assemble.ts';
import { networkFaults, networksMissing } from './networks.ts';
import { proxyFaults } from './proxies.ts';
import { specimenFaults } from './specimens.ts';

const { values } = parseArgs({
  options: {
    points: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '2' },
    only: { type: 'string' },
  },
});
const [wanted, seed, lanes] = [Number(values.points), Number(values.seed), Number(values.lanes)];
const able = specimenFaults.filter(
  // A proxy is reached from anywhere: no agent is needed for it.
  (id) => !proxyFaults.includes(id) && !(networksMissing && networkFaults.includes(id)),
);
if (networksMissing) console.log(`faults on packets are left out: ${networksMissing}`);
const chosen = values.only ? able.filter((id) => id === values.only) : able;

const root = mkdtempSync(join(tmpdir(), 'zashiki-crash-agent-'));
chmodSync(root, 0o755);
const installation = await assemble(root);
const failures: string[] = [];
const count = { points: 0, killed: 0, open: 0 };
const perFault = new Map<string, { points: number; open: number }>();
const from = performance.now();
console.log(`seed ${seed}, ${wanted} points over ${chosen.length} faults`);

let next = 0;
const lane = async () => {
  while (next < wanted && failures.length < 10) {
    const index = next++;
    const rng = seededRng(seed, `point ${index}`);
    const point = draw(index, rng);
    try {
      const result = await runAgentPoint(point, rng, { root, ...installation });
      const of = perFault.get(point.fault) ?? { points: 0, open: 0 };
      perFault.set(point.fault, of);
      of.points++;
      count.points++;
      if (result.killed) count.killed++;
      if (result.open) {
        count.open++;
        of.open++;
      }
      if (result.wrong.length > 0) {
        failures.push(`FAILED ${JSON.stringify(point)}\n  ${result.wrong.join('\n  ')}\n  see ${result.folder}`);
      } else rmSync(result.folder, { recursive: true, force: true });
    } catch (error) {
      failures.push(`FAILED ${JSON.stringify(point)}\n  ${(error as Error).stack}`);
    }
  }
};
await Promise.all(Array.from({ length: lanes }, lane));

console.log('fault               points  open at the kill');
for (const [fault, { points, open }] of [...perFault].sort()) {
  console.log(`${fault.padEnd(20)}${String(points).padStart(6)}${String(open).padStart(18)}`);
}
const seconds = ((performance.now() - from) / 1000).toFixed(0);
console.log(`points ${count.points}   killed ${count.killed}   on at the kill ${count.open}   (${seconds} s)`);
for (const failure of failures) console.error(failure);
console.log(`${count.points - failures.length} passed, ${failures.length} failed`);
// Points at which nothing was on prove little.
const telling = count.open >= count.points / 4;
if (!telling) console.error('in too few points anything was on when it was killed');
if (failures.length === 0) rmSync(root, { recursive: true, force: true });
process.exit(failures.length === 0 && telling ? 0 : 1);

function draw(index: number, rng: Rng): AgentPoint {
  const fault = chosen[index % chosen.length] as string;
  const who = (['agent', 'agent', 'controller', 'both'] as const)[rng.below(4)] ?? 'agent';
  const at = rng.below(3) === 0 ? { ms: rng.below(1500) } : { moment: 1 + rng.below(60) };
  const reapers = rng.below(2) === 0;
  return {
    index,
    fault,
    who,
    at,
    reapersDie: reapers,
    diskLost: who !== 'controller' && reapers && rng.below(6) === 0,
  };
}
