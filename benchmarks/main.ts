/** `npm run bench`: every figure is a ratio to a baseline of the same run. Fails when one is above its limit. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Figure } from './bench.ts';
import { cliStart } from './cli-start.ts';
import { journaling } from './journal.ts';
import { packets } from './packets.ts';
import { planning } from './plan.ts';
import { probing } from './probe.ts';

const figures: Figure[] = [];
for (const measure of [cliStart, planning, journaling, probing, packets]) figures.push(...(await measure()));

const width = Math.max(...figures.map(({ name }) => name.length));
for (const { name, baseline, ratio, limit, detail } of figures) {
  const bound = limit === null ? '' : ` (limit ${limit}×)`;
  const mark = limit !== null && ratio > limit ? 'TOO SLOW' : 'ok';
  console.log(`${name.padEnd(width)}  ${ratio.toFixed(2)}× ${baseline}${bound}  ${detail}  ${mark}`);
}

// A crowd of processes needs a process of its own, so that it can be ended as one.
const crowd = process.platform === 'linux' ? (process.argv[2] ?? '5000') : '0';
const discovery = spawnSync(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'discovery.ts'), crowd], {
  stdio: 'inherit',
});
const slow =
  figures.filter(({ ratio, limit }) => limit !== null && ratio > limit).length + (discovery.status === 0 ? 0 : 1);
console.log(`${figures.length + 1 - slow} passed, ${slow} failed`);
process.exitCode = slow === 0 ? 0 : 1;
