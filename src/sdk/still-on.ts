import type { Swept } from '../journal/recover.ts';

/**
 * What recoveries (the later of one run counts) have left, one line each, and what the journals say of runs that none
 * of them had to do with: `recorded` lines begin with `RUN: `.
 */
export function stillOn(swept: readonly Swept[], recorded: readonly string[]): readonly string[] {
  const latest = new Map(swept.filter(({ did }) => did !== 'left').map((one) => [one.run, one]));
  const others = recorded.filter((line) => ![...latest.keys()].some((run) => line.startsWith(`${run}: `)));
  return [...[...latest.values()].flatMap(linesOf), ...others];
}

function linesOf(swept: Swept): readonly string[] {
  if (swept.did === 'left') return [];
  if (swept.did === 'failed') return [`${swept.run}: ${swept.error.message}`];
  const { failed, unclean, rollbacksFailed } = swept.recovery;
  return [
    ...failed.map(({ injection, fault, error }) => `${injection} (${fault}) is still on: ${error.message}`),
    ...unclean.map((injection) => `${injection} was undone, but the target is not as it was before`),
    ...rollbacksFailed.map((index) => `rollbacks[${index}] failed`),
  ].map((line) => `${swept.run}: ${line}`);
}
