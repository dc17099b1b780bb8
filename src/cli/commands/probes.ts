import { probes } from '../../probes/index.ts';
import { describeParams } from '../../spec/params.ts';
import { act, type DefineCommand } from '../command.ts';
import { showCatalogue } from '../output/catalogue-view.ts';
import { paramLines } from '../output/params-view.ts';

/** `zashiki probes [ID]`: the ways to read steady state. */
const define: DefineCommand = (command, context) => {
  command
    .summary('the ways to read steady state')
    .description('List the probes, or show one with its parameters and its tolerance.')
    .argument('[probe]', 'id of one probe')
    .addHelpText('after', '\nExamples:\n  zashiki probes\n  zashiki probes http');
  act(command, async ([id], { json }) => {
    showCatalogue(
      context,
      {
        noun: 'probe',
        entries: probes,
        row: ({ id, summary, params, tolerance }) => ({
          id,
          summary,
          params: describeParams(params),
          tolerance: describeParams(tolerance),
        }),
        more: 'its parameters and its tolerance',
        details: ({ params, tolerance }) => [
          ...paramLines('Parameters', params),
          ...paramLines('Tolerance', tolerance),
        ],
      },
      id,
      json,
    );
    return 0;
  });
};
export default define;
