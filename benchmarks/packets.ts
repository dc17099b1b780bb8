import { systemClock } from '../src/core/clock.ts';
import {
  planUserSpace,
  startUserSpace,
  stopUserSpace,
  userSpaceIsOn,
  userSpaceMissing,
} from '../src/faults/network/user-space/index.ts';
import { type End, pair } from '../test/fixtures/namespaces.ts';
import { transfer } from '../test/fixtures/traffic.ts';
import { type Figure, median } from './bench.ts';

const bytes = 200_000_000;
const none = { percent: 0, correlation: 0 };

/** Packets through the helper of the user-space path, without any effect, against the bare cable. Root only. */
export async function packets(): Promise<readonly Figure[]> {
  if (process.getuid?.() !== 0) return [];
  const { near, far, remove } = await pair();
  try {
    const missing = await userSpaceMissing(near.ns);
    if (missing) {
      console.log(`packets: not measured, ${missing}`);
      return [];
    }
    const [bareMs, bareTrip] = [await transfer(near, far, bytes), roundTrip(near, far)];
    const context = { tag: `bench-${process.pid}`, clock: systemClock, signal: new AbortController().signal };
    // Corruption of 0 % changes nothing, but makes the kernel hand over whole packets.
    const asked = { traffic: { direction: 'egress' }, effects: { corrupt: none }, seed: 1, ttlMs: 120_000 } as const;
    const record = await planUserSpace(near.ns, asked, context);
    await startUserSpace(near.ns, record, context);
    const trip = roundTrip(near, far);
    const seen = async () => Number(/^\d+/.exec((await userSpaceIsOn(near.ns, record)).detail)?.[0]);
    const before = await seen();
    const ms = await transfer(near, far, bytes);
    const rate = ((await seen()) - before) / (ms / 1000);
    await stopUserSpace(near.ns, record, context);
    const gigabits = (time: number) => `${((bytes * 8) / time / 1e6).toFixed(2)} Gbit/s`;
    const micros = (time: number) => `${(time * 1000).toFixed(0)} µs`;
    return [
      {
        name: 'TCP through the packet helper',
        baseline: 'the bare cable',
        ratio: ms / bareMs,
        limit: null,
        detail: `${gigabits(ms)}, ${gigabits(bareMs)}; ${Math.round(rate)} packets/s`,
      },
      {
        name: 'round trip through the packet helper',
        baseline: 'the bare cable',
        ratio: trip / bareTrip,
        limit: null,
        detail: `${micros(trip)}, ${micros(bareTrip)}`,
      },
    ];
  } finally {
    remove();
  }
}

function roundTrip(near: End, far: End): number {
  const said = near.run(['ping', '-n', '-U', '-c', '300', '-i', '0.002', far.v4]);
  return median([...said.matchAll(/time=([\d.]+)/g)].map(([, ms]) => Number(ms)));
}
