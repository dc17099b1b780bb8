import type { Rng } from '../../../../core/ports.ts';
import type { Delay, Rate } from '../../effects.ts';
import { correlated } from './chance.ts';
import { type Deviations, normalTable, paretonormalTable, paretoTable } from './distributions.ts';

/** Microseconds; may have a fraction. */
export type Micros = number;

const tables: Readonly<Record<Exclude<Delay['distribution'], 'uniform'>, () => Deviations>> = {
  normal: normalTable,
  pareto: paretoTable,
  paretonormal: paretonormalTable,
};

/**
 * The delay of the next packet; can be below 0 where the jitter is above the latency. As netem (Linux 6.12) is
 * described: a correlation acts on the place in the distribution. (Its code loses most of it by a remainder.)
 */
export function delay(asked: Delay | undefined, rng: Rng): () => Micros {
  if (!asked) return () => 0;
  const { latencyUs, jitterUs } = asked;
  if (jitterUs === 0) return () => latencyUs;
  const next = correlated(asked.correlation, rng);
  if (asked.distribution === 'uniform') return () => latencyUs + jitterUs * (2 * next() - 1);
  const table = tables[asked.distribution]();
  return () => latencyUs + jitterUs * (table[Math.floor(next() * table.length)] ?? 0);
}

/** Ethernet's own header, which netem counts and we do not see. */
const linkHeader = 14;

/** How long a packet of so many bytes (from the IP header on) is on the wire; cells as netem (Linux 6.12) has them. */
export function transmission(rate: Rate, bytes: number): Micros {
  let sent = bytes + linkHeader + (rate.packetOverhead ?? 0);
  if (rate.cellSize) sent = Math.ceil(sent / rate.cellSize) * (rate.cellSize + (rate.cellOverhead ?? 0));
  return (Math.max(0, sent) * 8 * 1e6) / rate.bitsPerSecond;
}
