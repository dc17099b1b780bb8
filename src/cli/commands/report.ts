import { renderReport, reportFormats } from '../../report/index.ts';
import { act, type DefineCommand } from '../command.ts';
import { say, usage } from '../context.ts';
import { openCliEngine } from '../engine.ts';
import { prepareOut, writeOut } from '../write-out.ts';
import { formatOf } from '../write-report.ts';

const forms: readonly string[] = reportFormats;

/** `zashiki report RUN…`: from the journal, at any time. */
const define: DefineCommand = (command, context) => {
  command
    .summary('write a report of a run: html, markdown, junit, json, svg')
    .description('Write a report of one run or of several repetitions, computed from the journals.')
    .argument('[run...]', 'ids, beginnings of ids, or last', ['last'])
    .option('--format <form>', `one of ${forms.join(', ')}; default: by the ending of --out, else markdown`)
    .option('--out <file>', 'write it here instead of printing it')
    .addHelpText(
      'after',
      '\nExamples:\n  zashiki report last --out report.html\n  zashiki report last --format markdown\n  zashiki report 2026112 --format junit --out junit.xml',
    );
  act<{ format?: string; out?: string }>(command, async (runs, { format, out, json, state }) => {
    const form = format ?? (json ? 'json' : out ? formatOf(out) : 'markdown');
    if (!reportFormats.includes(form as never))
      throw usage(`--format "${form}" is none of ${reportFormats.join(', ')}`);
    const engine = openCliEngine({ context, state });
    const chosen = runs.map((run) => engine.readRun(run).events);
    const text = renderReport(form, chosen);
    if (!out) {
      say(context, text.trimEnd());
      return 0;
    }
    prepareOut(out);
    writeOut(out, text);
    if (!json) say(context, `Report: ${out}`);
    return 0;
  });
};
export default define;
