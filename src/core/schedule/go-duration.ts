import type { Milliseconds } from '../model.ts';

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * A duration as Go's `time.ParseDuration` writes it: `1h30m`, `1.5h`, `-300ms`, `0`; also days, `1d`, which Go refuses.
 * May be negative or a fraction of a millisecond. Throws Error with the words of Go 1.15+.
 */
export function parseGoDuration(text: string): Milliseconds {
  const quoted = JSON.stringify(text);
  const [, sign, rest] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') return 0;
  if (!rest) throw new Error(`time: invalid duration ${quoted}`);
  let [total, at] = [0, 0];
  while (at < rest.length) {
    const number = /^(?:\d+\.?\d*|\.\d+)/.exec(rest.slice(at))?.[0];
    if (number === undefined) throw new Error(`time: invalid duration ${quoted}`);
    at += number.length;
    const unit = /^[^\d.]*/.exec(rest.slice(at))?.[0] ?? '';
    if (unit === '') throw new Error(`time: missing unit in duration ${quoted}`);
    const size = unitMs[unit];
    if (size === undefined) throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    total += Number(number) * size;
    at += unit.length;
  }
  return sign === '-' ? -total : total;
}
