import { existsSync } from 'node:fs';
import type { JsonObject } from '../../core/model.ts';
import { readDocuments } from '../../spec/index.ts';
import { invalid } from '../../spec/read.ts';
import type { Asked } from '../ask-first.ts';
import { type Candidate, countMatches, discoverCandidates, type Matches, ownSelector } from '../candidates.ts';
import { act, type DefineCommand } from '../command.ts';
import { say, sayJson, usage } from '../context.ts';
import { checkFault, type FirstAnswers, firstExperiment, shortCommand } from '../first-experiment.ts';
import { writeOut } from '../write-out.ts';

interface Flags {
  readonly out: string;
  readonly name?: string;
  readonly url?: string;
  readonly fault: string;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json: boolean;
}

/** `zashiki init`: a first experiment, by asking or by looking at what runs here. */
const define: DefineCommand = (command, context) => {
  command
    .summary('write a first experiment for what runs here')
    .description(
      'Look for services that listen on this machine, ask which one to try, and write an experiment that is ready to plan.',
    )
    .option('--out <file>', 'write it here (- for standard output)', 'experiment.yaml')
    .option('--name <name>', 'process name (comm) of the target, instead of asking')
    .option('--url <url>', 'what shows that the service is well, instead of asking')
    .option('--fault <id>', 'what to do to it', 'process-kill')
    .option('-y, --yes', 'take the best guess, ask nothing')
    .option('--force', 'overwrite the file')
    .addHelpText(
      'after',
      '\nExamples:\n  zashiki init\n  zashiki init --name nginx --url http://127.0.0.1/ --out first.yaml\n  zashiki init --yes --out -',
    );
  act<Flags>(command, async (_args, flags) => {
    checkFault(flags.fault);
    if (flags.out !== '-' && existsSync(flags.out) && !flags.force) {
      throw usage(`${flags.out} is there already`, 'choose another --out, or --force to overwrite it');
    }
    const answers = answersOf(await choose(flags));
    const text = firstExperiment(answers);
    const { problems } = await readDocuments(text, flags.out === '-' ? 'the experiment' : flags.out);
    if (problems.length > 0) throw invalid(problems);
    const matches = await countMatches(answers.selector);
    if (matches.free === 0) context.stderr.write(`no process matches ${JSON.stringify(answers.selector)}\n`);
    if (flags.out === '-') {
      context.stdout.write(text);
      return 0;
    }
    writeOut(flags.out, text);
    if (flags.json) {
      sayJson(context, { file: flags.out, ...answers, matches });
      return 0;
    }
    say(context, `Wrote ${flags.out}. ${matchLine(matches)}. Next:`);
    say(context, `  zashiki plan ${flags.out}     who would be hit; nothing is done\n  zashiki run ${flags.out}`);
    return 0;
  });

  async function choose(flags: Flags): Promise<Asked> {
    const { name, url, fault } = flags;
    if (name !== undefined && url !== undefined) return { name, url, fault };
    if (!flags.yes) {
      if (!context.stdin.isTTY || !context.stdout.isTTY || flags.json || flags.out === '-') {
        throw usage(
          'there is no terminal to ask on, and --name and --url are not both given',
          'add --yes to take the best guess, or name the target: --name nginx --url http://127.0.0.1/',
        );
      }
      const { askFirst } = await import('../ask-first.ts');
      return askFirst({ candidates: await discoverCandidates(), name, url, fault });
    }
    const candidates = await discoverCandidates();
    const best = candidates.find((one) => (name === undefined ? one.port !== undefined : one.name === name));
    const seen = url ?? (best?.port ? `http://127.0.0.1:${best.port}/` : undefined);
    const rest = { fault, ...(seen === undefined ? {} : { url: seen }) };
    if (name !== undefined) return { name, ...rest };
    if (best) return { candidate: best, ...rest };
    throw usage('nothing that listens was found here', 'name the target: --name nginx --url http://127.0.0.1/');
  }
};
export default define;

function answersOf({ candidate, name = '', fault, url }: Asked): FirstAnswers {
  const rest = { fault, ...(url === undefined ? {} : { url }) };
  return candidate
    ? { name: shortCommand(candidate.command), selector: selectorOf(candidate), ...rest }
    : { name, selector: { name }, ...rest };
}

/** A name may be that of strangers too; the whole command line is not. */
const selectorOf = ({ command }: Candidate): JsonObject => ({ command, ...ownSelector() });

function matchLine({ free, protected: spared }: Matches): string {
  const also = spared === 0 ? '' : `, and ${spared} protected`;
  return `This matches ${free} ${free === 1 ? 'process' : 'processes'}${also}`;
}
