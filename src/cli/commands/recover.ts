import type { Recovery, Swept } from '../../journal/recover.ts';
import { resolveRun } from '../../journal/runs.ts';
import { act, type DefineCommand } from '../command.ts';
import { person, say, sayJson, usage } from '../context.ts';
import { openCliEngine } from '../engine.ts';

/** `zashiki recover`: undo by hand what runs that are gone have left behind. */
const define: DefineCommand = (command, context) => {
  command
    .summary('undo what runs that are gone have left behind')
    .description('Undo every fault that a run left behind whose process is gone. Runs that still live are left alone.')
    .argument('[run...]', 'only these runs (an id, a beginning of one, or last), also when they live')
    .option('--force', 'also runs whose process still lives: it notices and ends')
    .option(
      '--accept',
      'take the named runs as they are: what is not as before is not tried again; with --force also what is still on',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  zashiki recover\n  zashiki recover 20261121T0715\n  zashiki recover --force\n  zashiki recover last --accept',
    );
  act<{ force?: boolean; accept?: boolean }>(command, async (runs, { force = false, accept, json, state }) => {
    const engine = openCliEngine({ context, state });
    const author = person(context);
    if (accept) {
      if (runs.length === 0)
        throw usage('--accept wants the runs by name', '`zashiki recover` tells which are not well');
      for (const run of runs) {
        const accepted = await engine.acceptRun(resolveRun(engine.state, run), author, { all: force });
        if (json) sayJson(context, { run, accepted });
        else
          say(
            context,
            accepted.length
              ? `${run}: accepted ${accepted.join(', ')} as it is`
              : `${run}: nothing to accept${force ? '' : '; what could not be undone is accepted with --accept --force'}`,
          );
      }
      return 0;
    }
    const swept: Swept[] = [];
    if (runs.length === 0) swept.push(...(await engine.recoverAll('recover', author, { force })));
    for (const run of runs) swept.push(await engine.recoverRun(resolveRun(engine.state, run), author));
    if (json) sayJson(context, swept);
    else if (swept.length === 0) say(context, nothing(engine.failedRollbacks()));
    else for (const one of swept) for (const line of describe(one)) say(context, line);
    return swept.some(incomplete) ? 3 : 0;
  });
};
export default define;

const nothing = (failed: readonly string[]) =>
  failed.length === 0
    ? 'Nothing was left behind.'
    : `No fault was left behind, but rollbacks of yours failed in ${failed.join(', ')}: \`zashiki recover RUN\` tries them again.`;

const incomplete = (swept: Swept) =>
  swept.did === 'failed' || (swept.did === 'recovered' && leftOver(swept.recovery).length > 0);

const leftOver = ({ failed, unclean, rollbacksFailed, damaged }: Recovery) =>
  [failed, unclean, rollbacksFailed, damaged].flat();

function describe(swept: Swept): readonly string[] {
  if (swept.did === 'left') return [`${swept.run}: left alone, ${swept.why}`];
  if (swept.did === 'failed') return [`${swept.run}: FAILED: ${swept.error.message}`];
  const { recovered, failed, unclean, rollbacksFailed, damaged } = swept.recovery;
  return [
    `${swept.run}: ${recovered.length} recovered${incomplete(swept) ? ', NOT ALL IS WELL' : ''}`,
    ...failed.map(({ injection, fault, error }) => `  ${injection} (${fault}) is still on: ${error.message}`),
    ...unclean.map(
      (injection) =>
        `  ${injection} was undone, but the target is not as it was before; \`--accept\` takes it as it is`,
    ),
    ...rollbacksFailed.map((index) => `  rollbacks[${index}] failed`),
    ...damaged.map((line) => `  line ${line} of the journal cannot be read: what it said was done is not known`),
  ];
}
