import { InvalidArgumentError } from 'commander';
import { systemClock } from '../../core/clock.ts';
import { checkGuards } from '../../core/guards.ts';
import { exitCodes } from '../../core/model.ts';
import { openSharedState } from '../../journal/shared-state.ts';
import { act, type DefineCommand } from '../command.ts';
import { say, sayJson } from '../context.ts';
import { loadExperiment } from '../documents.ts';
import { openCliEngine } from '../engine.ts';
import { showPlan } from '../show-plan.ts';
import { writeOut } from '../write-out.ts';

/** `zashiki plan FILE`: the dry run; pins targets and seed. */
const define: DefineCommand = (command, context) => {
  command
    .summary('show exactly who would be hit, by what, and how it is undone')
    .description('Pin the targets and the seed without touching anything. `zashiki apply` then hits exactly these.')
    .argument('<file>', 'an experiment, or - for standard input')
    .option('--seed <n>', 'draw with this seed', number)
    .option('--out <file>', 'write the plan here, for `zashiki apply` (- for standard output)')
    .option('--environment <name>', 'where we are, for guards.environment')
    .addHelpText(
      'after',
      '\nExamples:\n  zashiki plan experiment.yaml\n  zashiki plan experiment.yaml --out plan.json && zashiki apply plan.json',
    );
  act<{ seed?: number; out?: string; environment?: string }>(command, async ([file = ''], options) => {
    // `-o plan.json`, as other plan-and-apply tools write it.
    const { seed, out, environment, state, json } = options;
    const engine = openCliEngine({ context, state, environment });
    const plan = await engine.plan(await loadExperiment(file), { seed });
    const guards = {
      run: '',
      lasting: (fault: string) => engine.catalogue.fault(fault).reversible,
      clock: systemClock,
      shared: openSharedState(engine.state, systemClock),
      environment: environment ?? context.env.ZASHIKI_ENVIRONMENT,
    };
    const refusals = checkGuards(plan.experiment, plan, guards);
    if (out && out !== '-') writeOut(out, `${JSON.stringify(plan, null, 2)}\n`);
    if (json || out === '-') sayJson(context, plan);
    else {
      say(context, showPlan(plan, engine, context));
      for (const { guard, reason } of refusals) say(context, `Would be refused by ${guard}: ${reason}`);
      if (out) say(context, `Written to ${out}. Carry it out with: zashiki apply ${out}`);
    }
    return refusals.length > 0 ? exitCodes.refused : 0;
  });
};
export default define;

/** A whole number, or an error that names the flag. */
export function number(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError(`"${text}" is not a whole number.`);
  return value;
}
