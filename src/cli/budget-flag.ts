import type { Budget } from '../operator/budget.ts';
import { usage } from './context.ts';

/** Description of `--blast-radius`, for every command that has it. */
export const budgetText =
  'most targets that anything may be on at a time, over all resources: a number, or a share of the pods of each namespace such as 30%';

/** `20` or `30%`, for commander. Throws `usage`. */
export function readBudget(text: string): Budget {
  const [, digits, sign] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const value = Number(digits);
  if (sign === '%' && value <= 100) return { percent: value };
  if (sign === '' && Number.isInteger(value) && value >= 1) return { count: value };
  throw usage(`--blast-radius "${text}" is neither a number of targets nor a percentage`, 'write 20, or 30%');
}

/** As it is written on a command line. */
export const writeBudget = (budget: Budget): string =>
  'count' in budget ? String(budget.count) : `${budget.percent}%`;
