import { capabilitySummaries } from '../../capabilities/index.ts';
import { faults } from '../../faults/index.ts';
import { describeParams } from '../../spec/params.ts';
import { act, type DefineCommand } from '../command.ts';
import { showCatalogue } from '../output/catalogue-view.ts';
import { paramLines } from '../output/params-view.ts';

/** `zashiki faults [ID]`: the catalogue. */
const define: DefineCommand = (command, context) => {
  command
    .summary('the catalogue of faults')
    .description('List the faults, or show one with its parameters, what it needs and how it is undone.')
    .argument('[fault]', 'id of one fault')
    .addHelpText('after', '\nExamples:\n  zashiki faults\n  zashiki faults process-pause\n  zashiki faults --json');
  act(command, async ([id], { json }) => {
    showCatalogue(
      context,
      {
        noun: 'fault',
        entries: faults,
        row: ({ id, summary, needs, reversible, undoneBy, params }) => ({
          id,
          summary,
          needs,
          reversible,
          undoneBy,
          params: describeParams(params),
        }),
        more: 'its parameters',
        details: ({ undoneBy, needs, params }) => [
          `\nUndone by: ${undoneBy}`,
          `Needs:     ${needs.map((need) => `${need} (${summaries[need]})`).join(', ')}`,
          ...paramLines('Parameters', params),
        ],
      },
      id,
      json,
    );
    return 0;
  });
};
export default define;

const summaries: Readonly<Record<string, string>> = capabilitySummaries;
