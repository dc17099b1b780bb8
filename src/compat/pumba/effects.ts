import { ZashikiError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/model.ts';
import type { Given } from './command-line.ts';
import type { FlagSet, FlagValue } from './flag-set.ts';
import { decimals } from './go-text.ts';

/** One effect or several, as a fault; and the arguments of netem that Pumba logs for them. */
export interface ReadEffects {
  readonly fault: string;
  readonly params: JsonObject;
  readonly command: readonly string[];
  readonly failed: string;
}

/** One effect of netem: its place in `network-combine`, its parameters, its arguments of netem. */
interface Effect {
  readonly kind: 'delay' | 'loss' | 'duplicate' | 'corrupt' | 'rate';
  readonly params: JsonObject;
  readonly command: readonly string[];
}

const failures: Readonly<Record<string, string>> = {
  delay: 'failed to delay packets for one or more containers',
  loss: 'failed to set packet loss for one or more containers',
  'loss-state': 'failed to add packet loss (4-state Markov model) for one or more containers',
  'loss-gemodel': 'failed to add packet loss (Gilbert-Elliot model) for one or more containers',
  rate: 'failed to set network rate for one or more containers',
  duplicate: 'failed to set packet duplicates for one or more containers',
  corrupt: 'failed to set packet corruption for one or more containers',
};

/** The effects of a command line. Throws `usage` in Pumba's words. */
export function readEffects(given: readonly Given[]): ReadEffects {
  const [first] = given;
  if (first?.name === 'combine') return combined(switchedOn(first.flags));
  const effects = given.map(({ name, flags }) => readEffect(name, (flag) => flags.values.get(flag), flags.set));
  const [only] = effects;
  if (!first || !only || effects.length > 1) return combined(effects);
  const failed = failures[first.name] ?? 'failed to run netem';
  return { fault: `network-${only.kind}`, params: only.params, command: only.command, failed };
}

/** In the order of netem's own arguments. */
const order = ['delay', 'loss', 'duplicate', 'corrupt', 'rate'] as const;

function combined(effects: readonly Effect[]): ReadEffects {
  const twice = order.find((kind) => effects.filter((effect) => effect.kind === kind).length > 1);
  if (twice) throw usage(`the effect ${twice} is given twice`);
  const sorted = order.flatMap((kind) => effects.filter((effect) => effect.kind === kind));
  return {
    fault: 'network-combine',
    params: Object.fromEntries(sorted.map(({ kind, params }) => [kind, params])),
    command: sorted.flatMap(({ command }) => command),
    failed: 'failed to apply combined network effects',
  };
}

const switches: readonly (readonly [effect: Effect['kind'], flags: Readonly<Record<string, string>>])[] = [
  [
    'delay',
    {
      time: 'delay-time',
      jitter: 'delay-jitter',
      correlation: 'delay-correlation',
      distribution: 'delay-distribution',
    },
  ],
  ['loss', { percent: 'loss-percent', correlation: 'loss-correlation' }],
  ['corrupt', { percent: 'corrupt-percent', correlation: 'corrupt-correlation' }],
  ['duplicate', { percent: 'duplicate-percent', correlation: 'duplicate-correlation' }],
  [
    'rate',
    {
      rate: 'rate-value',
      packetoverhead: 'rate-packet-overhead',
      cellsize: 'rate-cell-size',
      celloverhead: 'rate-cell-overhead',
    },
  ],
];

/** The effects that `combine` was asked for. */
function switchedOn({ values, set }: FlagSet): readonly Effect[] {
  const isOn = (effect: string) => values.get(effect) === true;
  for (const [effect, flags] of switches) {
    const lonely = isOn(effect) ? undefined : Object.values(flags).find((flag) => set.has(flag));
    if (lonely) throw usage(`--${lonely} requires --${effect}`);
  }
  const asked = switches.filter(([effect]) => isOn(effect));
  if (asked.length < 2) {
    throw usage('at least two netem effects are required; use a single-effect command for one');
  }
  return asked.map(([effect, flags]) => {
    const given = new Set(Object.entries(flags).flatMap(([flag, name]) => (set.has(name) ? [flag] : [])));
    return readEffect(effect, (flag) => values.get(flags[flag] ?? flag), given);
  });
}

type Value = (flag: string) => FlagValue | undefined;

function readEffect(name: string, value: Value, given: ReadonlySet<string>): Effect {
  const count = (flag: string) => Number(value(flag));
  switch (name) {
    case 'delay':
      return readDelay(value, given);
    case 'loss':
    case 'duplicate':
    case 'corrupt': {
      const [percent, correlation] = [count('percent'), count('correlation')];
      const what = name === 'loss' ? 'loss' : name;
      between(percent, `invalid ${what} percent`);
      between(correlation, `invalid ${what} correlation`);
      const params = { ...(name === 'loss' ? { model: 'random' } : {}), percent, correlation };
      const command = [name, decimals(percent), ...(correlation > 0 ? [decimals(correlation)] : [])];
      return { kind: name, params, command };
    }
    case 'loss-state': {
      const names = ['p13', 'p31', 'p32', 'p23', 'p14'] as const;
      for (const each of names) between(count(each), `invalid ${each} percentage`);
      const command = ['loss', 'state', ...names.map((each) => decimals(count(each)))];
      const params = { model: 'state', ...Object.fromEntries(names.map((each) => [each, count(each)])) };
      return { kind: 'loss', params, command };
    }
    case 'loss-gemodel': {
      const [pg, pb, oneH, oneK] = [count('pg'), count('pb'), count('one-h'), count('one-k')];
      between(pg, 'invalid pg (Good State) transition probability');
      between(pb, 'invalid pb (Bad State) transition probability');
      between(oneH, 'invalid loss probability');
      between(oneK, 'invalid loss probability');
      const command = ['loss', 'gemodel', ...[pg, pb, oneH, oneK].map(decimals)];
      return { kind: 'loss', params: { model: 'gemodel', pg, pb, oneH, oneK }, command };
    }
    default:
      return readRate(value);
  }
}

function readDelay(value: Value, given: ReadonlySet<string>): Effect {
  const [time, correlation] = [Number(value('time')), Number(value('correlation'))];
  const distribution = String(value('distribution') ?? '');
  if (time <= 0) throw usage('non-positive delay time');
  // The default jitter of 10 ms is no reason to refuse a delay of 5 ms.
  const jitter = given.has('jitter') ? Number(value('jitter')) : Math.min(Number(value('jitter')), time);
  if (jitter < 0 || jitter > time) {
    throw usage('invalid delay jitter: must be non-negative and smaller than delay time');
  }
  between(correlation, 'invalid delay correlation');
  if (!['', 'uniform', 'normal', 'pareto', 'paretonormal'].includes(distribution)) {
    throw usage('invalid delay distribution: must be one of {uniform | normal | pareto |  paretonormal}');
  }
  const command = [
    'delay',
    `${time}ms`,
    ...(jitter > 0 ? [`${jitter}ms`] : []),
    ...(jitter > 0 && correlation > 0 ? [decimals(correlation)] : []),
    ...(jitter > 0 && distribution !== '' ? ['distribution', distribution] : []),
  ];
  const params = {
    latency: `${time}ms`,
    jitter: `${jitter}ms`,
    correlation: jitter > 0 ? correlation : 0,
    distribution: distribution || 'uniform',
  };
  return { kind: 'delay', params, command };
}

function readRate(value: Value): Effect {
  const rate = String(value('rate'));
  const [overhead, cell, cellOverhead] = ['packetoverhead', 'cellsize', 'celloverhead'].map((each) =>
    Number(value(each)),
  ) as [number, number, number];
  if (rate === '') throw usage('undefined rate limit');
  if (!/^\d+[gmk]?bit$/.test(rate)) throw usage("invalid rate: invalid rate, must match '\\d+[gmk]?bit'");
  if (cell < 0) throw usage('invalid cell size: must be a non-negative integer');
  // Each takes the place that netem expects it at: one without those before it would be read as another.
  const last = cellOverhead !== 0 ? 3 : cell > 0 ? 2 : overhead !== 0 ? 1 : 0;
  const command = ['rate', rate, ...[overhead, cell, cellOverhead].slice(0, last).map(String)];
  const params = {
    rate,
    ...(overhead !== 0 ? { packetOverhead: overhead } : {}),
    ...(cell > 0 ? { cellSize: cell } : {}),
    ...(cellOverhead !== 0 ? { cellOverhead } : {}),
  };
  return { kind: 'rate', params, command };
}

function between(value: number, what: string): void {
  if (!(value >= 0 && value <= 100)) throw usage(`${what}: must be between 0.0 and 100.0`);
}

const usage = (message: string) => new ZashikiError('usage', message);
