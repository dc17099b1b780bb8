import { contents } from '../../spec/load.ts';
import { readPlan } from '../../spec/plan.ts';
import { act, type DefineCommand } from '../command.ts';
import { openCliEngine } from '../engine.ts';
import { type PerformFlags, perform, performFlags } from '../perform.ts';

/** `zashiki apply plan.json`: exactly the pinned targets, or none. */
const define: DefineCommand = (command, context) => {
  performFlags(
    command
      .summary('carry out a saved plan: exactly these targets, or none')
      .description(
        'Carry out a plan that `zashiki plan --out` wrote. Refuses when a pinned target is gone or was replaced.',
      )
      .argument('<plan>', 'the plan file, or - for standard input'),
  ).addHelpText(
    'after',
    '\nExamples:\n  zashiki plan experiment.yaml --out plan.json\n  zashiki apply plan.json --yes',
  );
  act<PerformFlags>(command, async ([file = ''], options) => {
    const plan = await readPlan(contents(file), file);
    const engine = openCliEngine({ context, state: options.state, environment: options.environment });
    const { code } = await perform({
      context,
      engine,
      flags: options,
      repeat: 1,
      plan: async () => plan,
      replay: () => `zashiki apply ${file}`,
    });
    return code;
  });
};
export default define;
