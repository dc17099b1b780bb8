import { InvalidArgumentError } from 'commander';
import { faults } from '../../faults/index.ts';
import { notifiersFromEnvironment } from '../../notifiers/index.ts';
import { runDaemon } from '../../server/daemon.ts';
import { loadToken } from '../../server/index.ts';
import { describeParams } from '../../spec/params.ts';
import { act, type DefineCommand } from '../command.ts';
import { person, usage } from '../context.ts';
import { loadRunnable } from '../documents.ts';
import { openCliEngine } from '../engine.ts';
import { onInterrupt, recoverLeftovers } from '../interrupt.ts';
import { daemonLog } from '../output/daemon-log.ts';
import { chatOf, collect, countersOf, type TriggerFlags } from '../trigger-flags.ts';
import { number } from './plan.ts';

interface Flags extends TriggerFlags {
  readonly execute?: boolean;
  readonly sealed?: boolean;
  readonly environment?: string;
  readonly host: string;
  readonly port: number;
  readonly http: boolean;
  readonly allowExec?: boolean;
  readonly allowHost?: readonly string[];
  readonly seed?: number;
}

/** `zashiki serve FILE…`: the daemon. */
const define: DefineCommand = (command, context) => {
  command
    .summary('daemon: schedules, HTTP API, triggers; dry until --execute')
    .description(
      'Run schedules, the HTTP API and triggers until stopped. Experiments among the files are what chat words and counters may run. Everything is dry until --execute.',
    )
    .argument('[file...]', 'schedules and experiments (YAML or JSON), or folders of them')
    .option('--execute', 'really inject')
    .option('--sealed', 'drills: nobody is told what was hit until each run ends')
    .option('--environment <name>', 'where we are, for guards.environment')
    .option('--seed <n>', 'seed of the random schedules', number)
    .option('--host <address>', 'address of the HTTP API; others than loopback want a token', '127.0.0.1')
    .option('--port <n>', 'port of the HTTP API; 0 picks a free one', port, 8475)
    .option('--no-http', 'no HTTP API')
    .option('--allow-host <name>', 'a host name under which a proxy reaches the API (repeatable)', collect)
    .option('--allow-exec', 'documents that come over the API may name programs to run')
    .option(
      '--chat-word <word=experiment>',
      'a chat word and what it runs (also WORD=stop, WORD=release; repeatable)',
      collect,
    )
    .option('--chat-user <id>', 'who may use chat words (repeatable)', collect)
    .option(
      '--counter <url#path=experiment>',
      'run it each time the number there passes the next threshold (repeatable)',
      collect,
    )
    .option('--counter-start <n>', 'first threshold', number, 3)
    .option('--counter-step <n>', 'added at each threshold', number, 3)
    .option('--counter-every <duration>', 'between polls', '10m')
    .addHelpText(
      'after',
      `
Environment:
  ZASHIKI_TOKEN                       token of the API (default: made and kept in the state folder)
  ZASHIKI_CHAT_TOKEN                  bearer token of the bot that posts to /triggers/chat
  ZASHIKI_SLACK_SIGNING_SECRET        signing secret of a Slack slash command
  ZASHIKI_SLACK_WEBHOOK, ZASHIKI_SLACK_TOKEN + ZASHIKI_SLACK_CHANNEL, ZASHIKI_WEBHOOK_URL   who is told

Examples:
  zashiki serve nightly.yaml                                  dry: says when it would run what
  zashiki serve nightly.yaml --execute
  zashiki serve drills/ --execute --chat-word destroy=kill-a-worker --chat-user U02ABC`,
    );
  act<Flags>(command, async (files, flags) => {
    const documents = files.length > 0 ? await loadRunnable(files) : [];
    if (!flags.http && !flags.counter?.length && !documents.some(({ kind }) => kind === 'Schedule')) {
      throw usage(
        '--no-http without a schedule or a counter: there would be nothing to wait for',
        'name a file with a Schedule, give --counter, or leave --no-http out',
      );
    }
    const engine = openCliEngine({ context, state: flags.state, environment: flags.environment });
    const author = person(context);
    const log = daemonLog(context, flags.json);
    const execute = flags.execute ?? false;
    if (execute) await recoverLeftovers(engine, context, author);
    using interrupt = onInterrupt(context, () => engine.outstanding(), { idle: true });
    const token = flags.http ? loadToken({ env: context.env, stateDir: engine.state }) : undefined;
    const chat = chatOf(flags, context.env);
    if (!execute) log.line('Dry: nothing is injected until --execute.');
    if (token) log.line(`API token: ${token.from}`);
    await runDaemon({
      engine,
      schedules: documents.flatMap((document) => (document.kind === 'Schedule' ? [document.schedule] : [])),
      experiments: documents.flatMap((document) => (document.kind === 'Experiment' ? [document.experiment] : [])),
      execute,
      sealed: flags.sealed ?? false,
      seed: flags.seed,
      ...(token
        ? {
            http: {
              host: flags.host,
              port: flags.port,
              token: token.token,
              allowExec: flags.allowExec ?? false,
              names: flags.allowHost ?? [],
              faults: () =>
                faults.map(({ id, summary, params }) => ({ id, summary, params: describeParams(params) })) as never,
            },
          }
        : {}),
      ...(chat ? { chat } : {}),
      counters: countersOf(flags),
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

function port(text: string): number {
  const value = number(text);
  if (value <= 65_535) return value;
  throw new InvalidArgumentError(`"${text}" is not a port: 0 to 65535.`);
}
