import type { Command } from 'commander';
import type { JournalEvent } from '../core/events.ts';
import { exitCodes, type Plan } from '../core/model.ts';
import { outstanding } from '../journal/outstanding.ts';
import { openState } from '../journal/state.ts';
import { fanOut, notifiersFromEnvironment } from '../notifiers/index.ts';
import type { Engine } from '../sdk/engine.ts';
import type { CommonOptions } from './command.ts';
import { confirm } from './confirm.ts';
import { type CliContext, person, say } from './context.ts';
import { onInterrupt, recoverLeftovers } from './interrupt.ts';
import { openView, type View } from './output/index.ts';
import { renderSeries } from './output/series-view.ts';
import { showPlan } from './show-plan.ts';
import { prepareOut } from './write-out.ts';
import { formatOf, writeReport } from './write-report.ts';

export interface PerformFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly sealed?: boolean;
  readonly environment?: string;
  readonly report?: readonly string[];
}

/** The flags of every command that carries out a plan. */
export function performFlags(command: Command): Command {
  return command
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'go through guards and steady state, inject nothing')
    .option('--sealed', 'a drill: show nothing of what is hit until it is over')
    .option('--environment <name>', 'where we are, for guards.environment')
    .option(
      '--report <file>',
      'write a report; its ending says which: .html .md .xml .json .svg (repeatable)',
      collect,
    );
}

const collect = (value: string, before: readonly string[] = []) => [...before, value];
export interface Performance {
  readonly context: CliContext;
  readonly engine: Engine;
  readonly flags: PerformFlags & CommonOptions;
  readonly repeat: number;
  /** The plan of each round, 0, 1, … */
  readonly plan: (round: number) => Promise<Plan>;
  readonly replay: (seed: number) => string;
}

export interface Performed {
  /** The exit code; the worst of all rounds. */
  readonly code: number;
  /** Somebody wanted out: nothing else is begun. */
  readonly ended: boolean;
}

/** Show the plan, ask, carry it out `repeat` times, write the reports. */
export async function perform({ context, engine, flags, repeat, plan, replay }: Performance): Promise<Performed> {
  const files = (flags.report ?? []).map((file) => ({ file, format: formatOf(file) }));
  for (const { file } of files) prepareOut(file);
  const execute = !flags.dryRun;
  const author = person(context);
  if (execute) await recoverLeftovers(engine, context, author);
  openState(engine.state);
  const first = await plan(0);
  if (!flags.json && !flags.sealed) say(context, showPlan(first, engine, context));
  if (execute && !flags.yes && !(await confirm(context, 'Inject these faults now?'))) {
    context.stderr.write('Nothing was done.\n');
    return { code: 0, ended: true };
  }

  const runs: (readonly JournalEvent[])[] = [];
  let current: readonly JournalEvent[] = [];
  const lines = () => {
    const { intents, rollbacks, started } = outstanding(current);
    return [
      ...intents.map(({ fault, target }) => `${fault} on ${target.name} (${target.id})`),
      ...rollbacks.map((index) => `the rollback "${started?.plan.experiment.spec.rollbacks[index]?.name ?? index}"`),
    ];
  };
  let shown: View | undefined;
  // A message in the middle of a live picture would spoil it: the view knows where it may stand.
  const tell = (text: string) => (shown ? shown.say(text) : void context.stderr.write(text));
  using interrupt = onInterrupt(context, lines, { tell });
  const notices = fanOut({
    notifiers: notifiersFromEnvironment(context.env),
    onWarning: (message) => tell(`${message}\n`),
  });
  let code = 0;
  for (let round = 0; round < repeat && !interrupt.signal.aborted; round++) {
    const now = round === 0 ? first : await plan(round);
    const view = openView({ context, json: flags.json, plan: now });
    shown = view;
    const follow = notices.follow();
    const events: JournalEvent[] = [];
    current = events;
    try {
      const result = await engine.runPlan(now, {
        author,
        execute,
        sealed: flags.sealed ?? false,
        replay: replay(now.seed),
        signal: interrupt.signal,
        onEvent(event) {
          events.push(event);
          view.onEvent(event);
          follow(event);
        },
      });
      runs.push(result.events);
      code = worse(code, exitCodes[result.verdict.outcome]);
    } finally {
      view.close();
      shown = undefined;
    }
    if (code === exitCodes['rollback-incomplete']) break;
  }
  if (repeat > 1 && !flags.json) say(context, renderSeries(runs));
  for (const { file, format } of runs.length > 0 ? files : []) {
    writeReport(file, format, runs);
    if (!flags.json) say(context, `Report: ${file}`);
  }
  await notices.flush();
  return { code, ended: interrupt.signal.aborted || code === exitCodes['rollback-incomplete'] };
}

/** 3 always wins; else the higher number. */
export const worse = (a: number, b: number): number => (a === 3 || b === 3 ? 3 : Math.max(a, b));
