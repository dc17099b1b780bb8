import type { Command } from 'commander';
import type { DefineCommand, RawCommand } from './command.ts';
import type { CliContext } from './context.ts';

interface CommandModule {
  readonly default: DefineCommand;
  readonly raw?: RawCommand;
}

/** Every command's own file, loaded when it is asked for. The keys are the names in commands/list.ts. */
export const loaders: Readonly<Record<string, () => Promise<CommandModule>>> = {
  init: () => import('./commands/init.ts'),
  validate: () => import('./commands/validate.ts'),
  plan: () => import('./commands/plan.ts'),
  run: () => import('./commands/run.ts'),
  apply: () => import('./commands/apply.ts'),
  stop: () => import('./commands/stop.ts'),
  recover: () => import('./commands/recover.ts'),
  runs: () => import('./commands/runs.ts'),
  report: () => import('./commands/report.ts'),
  diff: () => import('./commands/diff.ts'),
  targets: () => import('./commands/targets.ts'),
  faults: () => import('./commands/faults.ts'),
  probes: () => import('./commands/probes.ts'),
  serve: () => import('./commands/serve.ts'),
  agent: () => import('./commands/agent.ts'),
  monkey: () => import('./commands/monkey.ts'),
  'nightmare-monkey': () => import('./commands/nightmare-monkey.ts'),
  pumba: () => import('./commands/pumba.ts'),
  proxy: () => import('./commands/proxy.ts'),
  install: () => import('./commands/install.ts'),
  uninstall: () => import('./commands/uninstall.ts'),
  operator: () => import('./commands/operator.ts'),
  completion: () => import('./commands/completion.ts'),
};

const moduleOf = async (name: string): Promise<CommandModule | undefined> =>
  Object.hasOwn(loaders, name) ? await loaders[name]?.() : undefined;

/** A command that reads its arguments by itself; it needs no parser of ours. Undefined for all others. */
export const loadRaw = async (name: string): Promise<RawCommand | undefined> => (await moduleOf(name))?.raw;

/** A command with all its flags. Undefined for an unknown name. */
export async function loadCommand(name: string, context: CliContext): Promise<Command | undefined> {
  const module = await moduleOf(name);
  if (!module) return undefined;
  const { addCommonFlags, newCommand } = await import('./command.ts');
  const command = newCommand(name, context);
  module.default(command, context);
  return module.raw ? command : addCommonFlags(command);
}
