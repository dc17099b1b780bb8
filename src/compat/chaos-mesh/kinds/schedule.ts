import { z } from 'zod';
import { isError } from '../../../core/errors.ts';
import { parseCron } from '../../../core/schedule/cron.ts';
import { unknownName } from '../../../spec/desk.ts';
import { type Path, show } from '../../../spec/problem.ts';
import { Text } from '../fields.ts';
import type { Kind } from '../kind.ts';
import { isGiven, mapOf, type Raw, type Say } from '../say.ts';
import { blockShape, chaosKind, chaosKinds, foreignBlocks } from './blocks.ts';

/** Blocks that are known and refused are let in, so that the refusal can say why. */
export const foreignShape = Object.fromEntries(
  Object.entries(foreignBlocks).map(([block, kind]) => [
    block,
    z.unknown().optional().describe(`${kind} is not supported.`),
  ]),
);

/** Of a Schedule, all but the blocks; also inside a Workflow. */
export const timingShape = {
  schedule: Text.describe('Five fields, six with seconds first, a descriptor such as @daily, or @every 10m.'),
  type: Text.describe('The kind of what is made each time.'),
  startingDeadlineSeconds: z.int().min(1).nullish().describe('A round that is later than this is missed.'),
  concurrencyPolicy: z
    .enum(['Forbid', 'Allow'])
    .default('Forbid')
    .describe('When a round is due while the last one goes on.'),
  historyLimit: z.int().min(1).default(10).describe('How many finished rounds are kept.'),
};

/** A Schedule inside a Workflow has no Workflow of its own. */
export const InnerScheduleSpec = z.strictObject({ ...timingShape, ...blockShape, ...foreignShape });

export const ScheduleChaosSpec = z.strictObject({
  ...timingShape,
  ...blockShape,
  ...foreignShape,
  // Its own schema reads it, once it is made: here it would be read twice.
  workflow: z.unknown().optional().describe('The spec of a Workflow.'),
});

/** The rules of a Schedule; `workflow` checks a Workflow inside, and is absent where none may be. */
export function checkSchedule(spec: Raw, path: Path, say: Say, workflow?: (spec: unknown, path: Path) => void): void {
  checkCron(spec.schedule, [...path, 'schedule'], say);
  const { type } = spec;
  const known = [...chaosKinds.map(({ kind }) => kind), ...(workflow ? ['Workflow'] : [])];
  const foreign = Object.entries(foreignBlocks).find(([, kind]) => kind === type);
  const block = type === 'Workflow' && workflow ? 'workflow' : (foreign?.[0] ?? chaosKind(type)?.block);
  if (typeof type === 'string' && !block) say([...path, 'type'], unknownName('kind', type, known));
  const all = [...chaosKinds.map((kind) => kind.block ?? ''), ...Object.keys(foreignBlocks), 'workflow'];
  for (const other of all.filter((key) => key !== block && block && isGiven(spec[key]))) {
    say([...path, other], `type is ${type}, whose block is ${block}: remove this one`, { on: 'key' });
  }
  if (!block) return;
  if (!isGiven(spec[block])) {
    say([...path, block], `missing: type ${type} needs its spec in the block ${block}`);
    return;
  }
  if (foreign) {
    say([...path, 'type'], `${type} is not supported`, { code: 'not-supported' });
    return;
  }
  const inner = mapOf(spec[block]);
  if (block === 'workflow') workflow?.(spec[block], [...path, block]);
  else if (inner) checkBlock(chaosKind(type), inner, [...path, block], say);
}

/** What lasts must have an end, or the first round stays on for ever. */
function checkBlock(kind: Kind | undefined, spec: Raw, path: Path, say: Say): void {
  kind?.rules(spec, path, say);
  if (kind && !kind.oneShot?.(spec) && !isGiven(spec.duration)) {
    say([...path, 'duration'], 'missing: each round must have an end: write one, such as duration: 30s');
  }
}

/** A cron expression that is due some day. */
export function checkCron(given: unknown, path: Path, say: Say): void {
  if (typeof given !== 'string') return;
  try {
    if (parseCron(given, 'UTC').next(Date.UTC(2024, 0, 1)) === null)
      say(path, `never due: ${show(given)} names no date that exists`);
  } catch (error) {
    if (!isError(error)) throw error;
    say(path, `not a cron expression: ${error.message}${error.hint ? `; ${error.hint}` : ''}; got ${show(given)}`);
  }
}
