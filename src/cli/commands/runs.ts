import { sealEvents } from '../../report/seal.ts';
import { act, type DefineCommand } from '../command.ts';
import { say, sayJson } from '../context.ts';
import { openCliEngine } from '../engine.ts';
import { renderRun, renderRuns } from '../output/runs-view.ts';
import { colorOn } from '../output/style.ts';
import { number } from './plan.ts';

/** `zashiki runs [list|show]`: past runs. */
const define: DefineCommand = (command, context) => {
  command
    .summary('list past runs, or show one')
    .description(
      'List past runs, newest first, or show one: `zashiki runs show RUN`. RUN is an id, a beginning of one, or last.',
    )
    .argument('[list|show]', 'what to do', 'list')
    .argument('[run]', 'which one to show', 'last')
    .option('-n, --limit <n>', 'list this many', number, 20)
    .addHelpText(
      'after',
      '\nExamples:\n  zashiki runs\n  zashiki runs show last\n  zashiki runs show 20261121T0715 --json',
    );
  act<{ limit: number }>(command, async ([verb = 'list', run = 'last'], { limit, json, state }) => {
    const engine = openCliEngine({ context, state });
    const style = { color: colorOn(context.stdout), width: context.stdout.columns ?? 100 };
    if (verb === 'list') {
      const runs = engine.listRuns(limit);
      if (json) sayJson(context, runs);
      else say(context, runs.length === 0 ? `No runs in ${engine.state} yet.` : renderRuns(runs, style));
      return 0;
    }
    // `zashiki runs RUN` is what people type.
    const record = engine.readRun(verb === 'show' ? run : verb);
    const { id, torn, damaged } = record;
    const events = sealEvents(record.events);
    if (json) sayJson(context, { id, torn, damaged, events });
    else say(context, renderRun(events, style));
    return 0;
  });
};
export default define;
