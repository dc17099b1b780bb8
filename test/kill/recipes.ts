import type { Json } from '../../src/core/model.ts';
import { faults } from '../../src/faults/index.ts';

/** What the peer of a container sees of it: eight pings, and whether a TCP connection can be made. */
export interface Look {
  readonly sent: number;
  readonly received: number;
  readonly doubled: number;
  /** Milliseconds; null when nothing came back. */
  readonly fastest: number | null;
  readonly slowest: number | null;
  readonly connects: boolean;
}

/** How a fault is done in the matrix, and how its effect shows from outside. */
export interface Recipe {
  readonly params: Readonly<Record<string, Json>>;
  /** Who is asked to measure, as a parameter of the fault. Default true. */
  readonly measured?: boolean;
  /** It can be carried out by the helper in user space too. */
  readonly inUserSpace?: boolean;
  /** It can be done without a helper that stays, whatever the kernel: by rules, tbf, or the device itself. */
  readonly lasting?: Readonly<Record<string, Json>>;
  felt(look: Look): boolean;
}

const nothing = ({ received }: Look) => received === 0;
const late = ({ fastest }: Look) => (fastest ?? 0) >= 280;
const twice = ({ doubled }: Look) => doubled > 0;
const some = ({ received, sent, slowest }: Look) => received < sent || (slowest ?? 0) >= 200;

/** Every effect is so strong that eight pings show it, and that nothing else looks like it. */
const recipes: Readonly<Record<string, Recipe>> = {
  'network-combine': {
    params: { delay: { latency: '300ms' }, duplicate: { percent: 100 } },
    inUserSpace: true,
    felt: (look) => late(look) && twice(look),
  },
  'network-corrupt': { params: { percent: 100 }, inUserSpace: true, felt: nothing },
  'network-delay': { params: { latency: '300ms' }, inUserSpace: true, felt: late },
  'network-down': { params: {}, measured: false, lasting: {}, felt: nothing },
  'network-duplicate': { params: { percent: 100 }, inUserSpace: true, felt: twice },
  'network-loss': { params: { percent: 100 }, inUserSpace: true, lasting: { via: 'firewall' }, felt: nothing },
  'network-partition': { params: {}, inUserSpace: true, lasting: { via: 'firewall' }, felt: nothing },
  'network-rate': { params: { rate: '64kbit' }, inUserSpace: true, lasting: { via: 'tbf' }, felt: some },
  'network-reorder': {
    params: { latency: '300ms', percent: 50 },
    inUserSpace: true,
    felt: ({ fastest, slowest }) => (fastest ?? 999) < 280 && (slowest ?? 0) >= 280,
  },
  'network-reset': { params: {}, measured: false, lasting: {}, felt: ({ connects }) => !connects },
};

/** All reversible faults that need a network namespace, whether they have a recipe or not. */
export const reversibleFaults: readonly string[] = faults
  .filter(({ reversible, needs }) => reversible && needs.includes('netns'))
  .map(({ id }) => id);

/** Those that are tried: all, but in the emulated guest of lab/vm one for each way that it is done there. */
export const networkFaults: readonly string[] =
  process.env.ZASHIKI_LAB === 'vm' ? ['network-delay', 'network-down', 'network-reset'] : reversibleFaults;

/** Throws for a fault that has none. */
export function recipeOf(fault: string): Recipe {
  const recipe = recipes[fault];
  if (!recipe) throw new Error(`no recipe for the fault ${fault}: add it to test/kill/recipes.ts`);
  return recipe;
}
