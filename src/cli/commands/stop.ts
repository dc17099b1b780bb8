import { act, type DefineCommand } from '../command.ts';
import { person, say, sayJson } from '../context.ts';
import { openCliEngine } from '../engine.ts';

/** `zashiki stop`: the lever. */
const define: DefineCommand = (command, context) => {
  command
    .summary('recover everything in flight now and refuse new runs')
    .description('Pull the stop lever: every run on this machine recovers its faults now, and no new run may begin.')
    .argument('[reason...]', 'why, for the people who meet it')
    .option('--release', 'let runs begin again')
    .addHelpText('after', '\nExamples:\n  zashiki stop "pager went off"\n  zashiki stop --release');
  act<{ release?: boolean }>(command, async (words, { release, json, state }) => {
    const engine = openCliEngine({ context, state });
    const by = person(context);
    if (release) {
      const pulled = engine.lever() !== null;
      await engine.release(by);
      if (json) sayJson(context, { lever: null });
      else if (pulled) say(context, 'The stop lever is released; runs may begin.');
      else say(context, 'The stop lever was not pulled; runs may begin.');
      return 0;
    }
    const reason = words.join(' ') || 'no reason given';
    if (!json) say(context, 'Stopping: what is in flight is being recovered …');
    const { stopped, outstanding, leverError } = await engine.stop(reason, by);
    if (json) sayJson(context, { lever: engine.lever(), leverError, stopped, outstanding });
    else {
      if (stopped.length > 0) say(context, `Recovered: ${stopped.join(', ')}`);
      if (outstanding.length > 0) {
        say(context, `STILL OUTSTANDING; try \`zashiki recover\`:\n  ${outstanding.join('\n  ')}`);
      } else say(context, 'Nothing is in flight.');
      if (leverError === null) say(context, 'New runs are refused until `zashiki stop --release`.');
      else say(context, `THE STOP LEVER IS NOT PULLED, so new runs may begin: ${leverError}`);
    }
    return outstanding.length === 0 && leverError === null ? 0 : 3;
  });
};
export default define;
