import { diffRuns } from '../../core/diff.ts';
import { sealEvents } from '../../report/seal.ts';
import { act, type DefineCommand } from '../command.ts';
import { say, sayJson, usage } from '../context.ts';
import { openCliEngine } from '../engine.ts';
import { renderDiff } from '../output/diff-view.ts';
import { colorOn } from '../output/style.ts';

/** `zashiki diff RUN RUN`: what changed. */
const define: DefineCommand = (command, context) => {
  command
    .summary('what changed between two runs, and is it significant')
    .description(
      'Compare two runs, or two sets of repetitions written as a,b,c: targets, verdict, recovery times, significance.',
    )
    .argument('<before>', 'a run, or several as a,b,c')
    .argument('<after>', 'a run, or several as d,e,f')
    .addHelpText(
      'after',
      '\nExamples:\n  zashiki diff 20261120T09 last\n  zashiki diff a1,a2,a3,a4 b1,b2,b3,b4 --json',
    );
  act(command, async ([before = '', after = ''], { json, state }) => {
    const engine = openCliEngine({ context, state });
    const load = (names: string) => {
      const ids = names.split(',').filter(Boolean);
      if (ids.length === 0) throw usage('a run is missing', 'zashiki runs lists them');
      return ids.map((name) => {
        const { id, events } = engine.readRun(name);
        return { id, events: sealEvents(events) };
      });
    };
    const difference = diffRuns(load(before), load(after));
    if (json) sayJson(context, difference);
    else say(context, renderDiff(difference, { color: colorOn(context.stdout), width: context.stdout.columns ?? 100 }));
    return 0;
  });
};
export default define;
