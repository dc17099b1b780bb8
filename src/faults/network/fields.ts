import { z } from 'zod';
import { parseNetwork } from './addresses.ts';
import type { PortRange } from './effects.ts';

/** Building blocks of the parameters of network faults. Input is what a person writes. */

const times: Readonly<Record<string, number>> = { us: 1, µs: 1, ms: 1000, s: 1e6, m: 60e6 };

/** `100ms`, `1.5ms`, `250us`, `2s` → microseconds. */
export const Latency = z
  .string()
  .meta({ title: 'latency', description: 'A span such as 100ms, 1.5ms or 250us.', examples: ['100ms', '250us', '2s'] })
  .transform((text, context) => {
    const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-zµ]+)$/.exec(text.trim()) ?? [];
    const factor = times[unit];
    if (amount === undefined || factor === undefined || Number(amount) * factor > 3600e6) {
      const message = 'not a latency: write a number with a unit, like 100ms, 1.5ms or 250us, at most 60m';
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
    return Math.round(Number(amount) * factor * 1000) / 1000;
  });

/** `0.001%`, `30%`, 30 → 0..100, with all digits. */
export const Percent = z
  .union([
    z.string().regex(/^\d+(\.\d+)?\s*%?$/, 'not a percentage: write a number from 0% to 100%'),
    z.number().min(0).max(100),
  ])
  .meta({ title: 'percentage', description: 'A percentage such as 30%, 0.001% or 30.', examples: ['30%', '0.001%'] })
  .transform((given) => Number(String(given).replace('%', '').trim()))
  .refine((percent) => percent >= 0 && percent <= 100, 'a percentage lies between 0% and 100%');

const rates: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** `1mbit`, `512kbit` → bits a second; as in tc, `kbps` and `mbps` are bytes. */
export const BitRate = z
  .string()
  .meta({ title: 'rate', description: 'A rate such as 1mbit; as in tc, 100kbps is 800kbit.', examples: ['1mbit'] })
  .transform((text, context) => {
    const [, amount, prefix = '', unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(bit|bps)$/i.exec(text.trim()) ?? [];
    const bits = Math.round(
      Number(amount) * (rates[prefix.toLowerCase()] ?? 0) * (unit?.toLowerCase() === 'bps' ? 8 : 1),
    );
    if (amount === undefined || bits < 8) {
      const message = 'not a rate: write a number with a unit, like 512kbit, 1mbit or (bytes) 100kbps';
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
    return bits;
  });

/** `80`, `"8000-8100"` → a range of ports, both ends included. */
const Port = z
  .union([z.string(), z.int()])
  .meta({ title: 'port', description: 'A port or a range, such as 80 or 8000-8100.', examples: [80, '8000-8100'] })
  .transform((given, context): PortRange => {
    const [, from, to = from] = /^(\d+)(?:\s*-\s*(\d+))?$/.exec(String(given).trim()) ?? [];
    const range: PortRange = [Number(from), Number(to)];
    if (from === undefined || range[0] > range[1] || range[1] > 65535) {
      context.addIssue({ code: 'custom', message: 'not a port: write 80, or a range like 8000-8100' });
      return z.NEVER;
    }
    return range;
  });

/** A list of ports and ranges, sorted, without overlap. */
export const Ports = z
  .array(Port)
  .min(1)
  .transform((ranges) => {
    const tidy: [number, number][] = [];
    for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
      const last = tidy.at(-1);
      if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
      else tidy.push([from, to]);
    }
    return tidy as readonly PortRange[];
  });

/** The name of a network device. */
export const Device = z.string().regex(/^[A-Za-z0-9][\w.:@+-]{0,14}$/, 'not the name of a network device');

/** An address or a network. */
export const Address = z
  .string()
  .refine(
    (text) => parseNetwork(text) !== undefined,
    'not an address or network: write 10.0.0.1, 10.0.0.0/8 or fd00::1',
  );

/** An address, a network, a host name, or targets of a platform by their selector. */
export const PeerField = z.union([
  z
    .string()
    .min(1)
    .regex(/^[^\s"{}-][^\s"{}]*$/, 'not an address, network or host name'),
  z
    .record(z.string(), z.record(z.string(), z.json()))
    .refine((given) => Object.keys(given).length === 1, 'name exactly one platform, like { docker: { name: db } }'),
]);

/** The effects of a delay. */
export const DelayShape = {
  latency: Latency.describe('How long every packet is held up.'),
  jitter: Latency.prefault('0ms').describe('How much it varies to either side. Default 0ms.'),
  correlation: Percent.prefault('0%').describe('How much a packet takes after the one before. Default 0%.'),
  distribution: z
    .enum(['uniform', 'normal', 'pareto', 'paretonormal'])
    .default('uniform')
    .describe('How the variation is spread. Default uniform.'),
};

/** A share of the packets. */
export const ChanceShape = {
  percent: Percent.describe('The share of packets that it hits.'),
  correlation: Percent.prefault('0%').describe('How much a packet takes after the one before. Default 0%.'),
};

/** Some packets overtake others. */
export const ReorderShape = {
  ...ChanceShape,
  gap: z.int().min(1).max(1e6).optional().describe('Only every so many packets is a candidate. Default 1.'),
};

/** The effects of a rate. */
export const RateShape = {
  rate: BitRate.describe('The most that passes, such as 1mbit.'),
  packetOverhead: z.int().min(-1e4).max(1e4).default(0).describe('Bytes added to every packet. Default 0.'),
  cellSize: z.int().min(0).max(1e4).default(0).describe('Packets are rounded up to cells of so many bytes. Default 0.'),
  cellOverhead: z.int().min(-1e4).max(1e4).default(0).describe('Bytes added to every cell. Default 0.'),
  burst: z
    .int()
    .min(1600)
    .max(1e9)
    .optional()
    .describe('By tbf: bytes that may go at once. Default: 10 ms of the rate.'),
  limit: z.int().min(1600).max(2e9).optional().describe('By tbf: bytes that may wait. Default: 400 ms of the rate.'),
};
