import { stringify } from 'yaml';
import { parseDuration } from '../../core/duration.ts';
import type { Json } from '../../core/model.ts';
import { notifiersFromEnvironment } from '../../notifiers/index.ts';
import { runDaemon } from '../../server/daemon.ts';
import { readValue } from '../../spec/index.ts';
import { invalid } from '../../spec/read.ts';
import { act, type DefineCommand } from '../command.ts';
import { person, sayJson, usage } from '../context.ts';
import { openCliEngine } from '../engine.ts';
import { onInterrupt, recoverLeftovers } from '../interrupt.ts';
import { daemonLog } from '../output/daemon-log.ts';
import { selectorOf } from '../selector-flags.ts';
import { number } from './plan.ts';

interface Flags {
  readonly execute?: boolean;
  readonly platform: string;
  readonly fault: string;
  readonly param?: readonly string[];
  readonly mode: string;
  readonly value?: number;
  readonly duration?: string;
  readonly every?: string;
  readonly random?: string;
  readonly meanTimeBetween?: string;
  readonly cron?: string;
  readonly days: string;
  readonly time: string;
  readonly timezone?: string;
  readonly anyTime?: boolean;
  readonly blastRadius: string;
  readonly seed?: number;
  readonly sealed?: boolean;
  readonly print?: boolean;
}

const collect = (value: string, before: readonly string[] = []) => [...before, value];

/** `zashiki monkey SELECTOR…`: a schedule of random picks. */
const define: DefineCommand = (command, context) => {
  command
    .summary('random picks inside office hours; dry until --execute')
    .description(
      'Pick a random target now and then and hit it, Monday to Friday from 11:00 to 18:00 unless told otherwise. Dry until --execute. The same as a Schedule document, which --print shows.',
    )
    .argument('<selector...>', 'KEY=VALUE pairs: who may be picked, e.g. name=nginx')
    .option('--execute', 'really inject')
    .option('-p, --platform <id>', 'where the targets are', 'host')
    .option('--fault <id>', 'what is done', 'process-kill')
    .option('--param <key=value>', 'a parameter of the fault (repeatable)', collect)
    .option('--mode <mode>', 'how many at a time', 'one')
    .option('--value <n>', 'number or percentage for the mode', number)
    .option('--duration <span>', 'how long a lasting fault stays on')
    .option('--random <min-max>', 'wait a random time between these (the default: 1h-6h)')
    .option('--every <span>', 'instead: a fixed rhythm')
    .option('--cron <expression>', 'instead: at these times')
    .option('--mean-time-between <span>', 'instead: by chance, at this mean distance')
    .option('--days <days>', 'when it may play', 'Mon-Fri')
    .option('--time <from-to>', 'when it may play', '11:00-18:00')
    .option('--timezone <name>', "of --days, --time and --cron (default: the machine's)")
    .option('--any-time', 'at night and on weekends too')
    .option('--blast-radius <n|n%>', 'never more than this at one time', '1')
    .option('--seed <n>', 'seed of times and picks', number)
    .option('--sealed', 'tell nobody what was hit until it is over')
    .option('--print', 'print the Schedule document and exit')
    .addHelpText(
      'after',
      `
Examples:
  zashiki monkey name=nginx                                     dry: says what it would do
  zashiki monkey command="re2:worker" --random 10m-30m --execute
  zashiki monkey user=www-data --fault process-pause --duration 20s --mean-time-between 2h --print`,
    );
  act<Flags>(command, async (pairs, flags) => {
    const document = documentOf(pairs, flags);
    if (flags.print) {
      if (flags.json) sayJson(context, document);
      else context.stdout.write(stringify(document, { aliasDuplicateObjects: false }));
      return 0;
    }
    const { documents, problems } = await readValue(document, 'monkey');
    const [only] = documents;
    if (problems.length > 0 || only?.kind !== 'Schedule') throw invalid(problems);
    const engine = openCliEngine({ context, state: flags.state });
    const author = person(context);
    const execute = flags.execute ?? false;
    if (execute) await recoverLeftovers(engine, context, author);
    using interrupt = onInterrupt(context, () => engine.outstanding(), { idle: true });
    const log = daemonLog(context, flags.json);
    if (!execute) log.line('Dry: nothing is injected until --execute.');
    await runDaemon({
      engine,
      schedules: [only.schedule],
      experiments: [],
      counters: [],
      execute,
      seed: flags.seed,
      sealed: flags.sealed ?? false,
      notifiers: notifiersFromEnvironment(context.env),
      version: context.version,
      author,
      log: log.line,
      follow: log.follow,
      signal: interrupt.signal,
    });
    return 0;
  });
};
export default define;

function documentOf(pairs: readonly string[], flags: Flags): Json {
  const window = {
    days: flags.days,
    time: flags.time,
    ...(flags.timezone ? { timezone: flags.timezone } : {}),
  };
  return {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Schedule',
    metadata: { name: 'monkey' },
    spec: {
      schedule: timing(flags),
      ...(flags.timezone ? { timezone: flags.timezone } : {}),
      ...(flags.anyTime ? {} : { window }),
      ...(flags.sealed ? { sealed: true } : {}),
      experiment: {
        method: [
          {
            fault: flags.fault,
            target: { [flags.platform]: selectorOf(pairs) },
            mode: flags.mode,
            ...(flags.value === undefined ? {} : { value: flags.value }),
            ...(flags.param ? { params: selectorOf(flags.param) } : {}),
            ...(flags.duration ? { duration: flags.duration } : {}),
          },
        ],
        guards: {
          blastRadius: /^\d+$/.test(flags.blastRadius) ? Number(flags.blastRadius) : flags.blastRadius,
          ...(flags.anyTime ? {} : { window }),
        },
      },
    },
  };
}

function timing(flags: Flags): { readonly [key: string]: Json } {
  const { every, cron, random, meanTimeBetween } = flags;
  const given = [every, cron, random, meanTimeBetween].filter((one) => one !== undefined);
  if (given.length > 1) throw usage('only one of --random, --every, --cron and --mean-time-between can be used');
  if (every !== undefined) return { every };
  if (cron !== undefined) return { cron };
  if (meanTimeBetween !== undefined) return { meanTimeBetween };
  const [min = '', max = ''] = (random ?? '1h-6h').split('-');
  if (parseDuration(min) === undefined || parseDuration(max) === undefined) {
    throw usage(`--random "${random}" is not MIN-MAX`, 'like 10m-30m');
  }
  return { random: { min, max } };
}
