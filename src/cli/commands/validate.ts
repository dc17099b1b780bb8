import { exitCodes } from '../../core/model.ts';
import { type Document, formatProblems, loadFiles, type Problem } from '../../spec/index.ts';
import { act, type DefineCommand } from '../command.ts';
import { say, sayJson } from '../context.ts';
import { everyDocument } from '../documents.ts';
import { colorOn } from '../output/style.ts';

/** `zashiki validate FILE…`: every mistake with its place. */
const define: DefineCommand = (command, context) => {
  command
    .summary('check files; every mistake with its place and the fix')
    .description('Check experiment and schedule files, folders of them, or standard input (-). Nothing is run.')
    .argument('<file...>', 'YAML or JSON files, folders, or - for standard input')
    .addHelpText(
      'after',
      '\nExamples:\n  zashiki validate experiment.yaml\n  zashiki validate experiments/ --json\n  cat x.yaml | zashiki validate -',
    );
  act(command, async (files, { json }) => {
    const { documents, problems } = await loadFiles(files, everyDocument);
    const notes = documents.flatMap((document) => notesOf(document));
    if (json) {
      sayJson(context, {
        valid: problems.length === 0,
        documents: documents.length,
        problems,
        ...(notes.length > 0 ? { notes } : {}),
      });
    } else if (problems.length > 0) {
      context.stderr.write(`${formatProblems(problems, { color: colorOn(context.stderr) })}\n`);
    } else {
      for (const line of notes.length > 0 ? formatProblems(notes).split('\n') : []) say(context, `note: ${line}`);
      say(context, `valid: ${documents.map(nameOf).join(', ')}`);
    }
    return problems.length === 0 ? 0 : exitCodes.usage;
  });
};
export default define;

/** As it stands in the file. */
function nameOf(document: Document): string {
  if (document.kind === 'Foreign') return `${document.source.kind} ${document.source.name}`;
  const { metadata } = document.kind === 'Experiment' ? document.experiment : document.schedule;
  return `${document.source?.kind ?? document.kind} ${metadata.name}`;
}

/** What was read in another way than it was written, and what could not be run from here. */
function notesOf(document: Document): readonly Problem[] {
  const { source, position } = document;
  if (!source) return [];
  const { file, line, column } = position;
  const here = document.kind === 'Foreign' ? [{ file, line, column, path: '', message: document.why }] : [];
  return [...source.notes, ...here];
}
