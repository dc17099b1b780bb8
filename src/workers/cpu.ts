/**
 * Keeps one CPU busy to a given degree: `cpu.js --load 60 --ttl 5000`. Used where stress-ng is not installed. The load
 * is held on the CPU time really used, not on the clock: a share of a clock second is no share of a busy machine.
 */
import { endAfter, numberArgument } from './parts/arguments.ts';

const load = numberArgument('load', 100) / 100;
endAfter(numberArgument('ttl', 0));

const sliceMs = 20;
/** No debt is carried over for longer than this, else a starved worker would burn all out of turn later. */
const memoryMs = 1000;

let from = performance.now();
let usedBefore = usedMs();

function usedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function burn(): void {
  const end = performance.now() + sliceMs;
  for (let x = 1; performance.now() < end; ) for (let i = 0; i < 20_000; i++) x = (x * 48_271) % 2_147_483_647;
}

function turn(): void {
  const passed = performance.now() - from;
  const used = usedMs() - usedBefore;
  if (passed > memoryMs) {
    [from, usedBefore] = [performance.now(), usedMs()];
  }
  if (load >= 1 || used < passed * load) {
    burn();
    setImmediate(turn);
    return;
  }
  setTimeout(turn, Math.max(1, used / load - passed));
}

turn();
