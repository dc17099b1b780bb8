import { exitCodes } from '../../core/model.ts';
import { act, type DefineCommand } from '../command.ts';
import { usage } from '../context.ts';
import { loadExperiments } from '../documents.ts';
import { openCliEngine } from '../engine.ts';
import { type PerformFlags, perform, performFlags, worse } from '../perform.ts';
import { number } from './plan.ts';

/** `zashiki run FILE…`: plan, ask, inject, observe, recover, judge. */
const define: DefineCommand = (command, context) => {
  performFlags(
    command
      .summary('plan, ask, inject, observe, recover, judge')
      .description(
        'Run experiments: show the plan, ask, check the steady state, inject, observe, recover, check again, and give a verdict.',
      )
      .argument('<file...>', 'experiments (YAML or JSON), or - for standard input'),
  )
    .option('--seed <n>', 'draw with this seed', number)
    .option('--repeat <n>', 'run it n times; gives p50 and p95 of the recovery time', number)
    .addHelpText(
      'after',
      `
Examples:
  zashiki run experiment.yaml
  zashiki run experiment.yaml --yes --report report.html --report junit.xml
  zashiki run experiment.yaml --yes --repeat 10
  zashiki run experiment.yaml --yes -o json | jq 'select(.type == "observed")'`,
    );
  act<PerformFlags & { seed?: number; repeat?: number }>(command, async (files, options) => {
    const repeat = options.repeat ?? 1;
    if (repeat < 1) throw usage('--repeat wants at least 1');
    const experiments = await loadExperiments(files);
    const engine = openCliEngine({ context, state: options.state, environment: options.environment });
    let worst: number = exitCodes.held;
    for (const experiment of experiments) {
      const { code, ended } = await perform({
        context,
        engine,
        flags: options,
        repeat,
        plan: (round) => engine.plan(experiment, { seed: seedOf(options.seed ?? experiment.spec.seed, round) }),
        replay: (seed) => `zashiki run ${files.join(' ')} --seed ${seed}`,
      });
      worst = worse(worst, code);
      if (ended) break;
    }
    return worst;
  });
};
export default define;

/** Each repetition draws anew; a given seed makes the whole series the same again. */
const seedOf = (seed: number | undefined, round: number) => (seed === undefined ? undefined : seed + round);
