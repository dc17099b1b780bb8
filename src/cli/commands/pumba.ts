import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { commands } from '../../compat/pumba/commands.ts';
import { globalFlags } from '../../compat/pumba/global-flags.ts';
import { pumba } from '../../compat/pumba/index.ts';
import type { Log } from '../../compat/pumba/log.ts';
import type { EngineSettings } from '../../compat/pumba/settings.ts';
import { type Ahead, startAhead } from '../../journal/ahead.ts';
import { makeFolder, stateFolder, writeWhole } from '../../journal/state.ts';
import type { Engine } from '../../sdk/engine.ts';
import type { DefineCommand, RawCommand } from '../command.ts';
import { person } from '../context.ts';
import { endsWithContainer } from '../own-container.ts';

/** Its own parser reads the flags: they are Go's, not ours. */
export const raw: RawCommand = async (argv, context) => {
  const end = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    // Twice means now: whatever is still on, the reaper undoes.
    if (end.signal.aborted) process.exit(130);
    end.abort(new Error(name));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  let ahead: Ahead | undefined;
  try {
    return await pumba({
      argv,
      // Loaded when something is to be done: help and mistakes need no engine. The reaper starts while it loads.
      openEngine: async ({ state, dryRun, engine: where }, log) => {
        if (!dryRun) ahead = startAhead({ state: resolve(state ?? stateFolder(context.env)) });
        const engine = (await import('../engine.ts')).openCliEngine({ context, state, ahead });
        if (!dryRun && endsWithContainer(engine.state)) await withoutVolume(engine, where, person(context), log);
        return engine;
      },
      stdout: context.stdout,
      stderr: context.stderr,
      env: context.env,
      version: context.version,
      author: person(context),
      signal: end.signal,
      keys: {
        folder: (state) => join(resolve(state ?? stateFolder(context.env)), 'keys'),
        write(path, text) {
          if (existsSync(path)) return false;
          makeFolder(dirname(path));
          writeWhole(path, text);
          return true;
        },
      },
    });
  } finally {
    await ahead?.warm.dismiss();
    for (const name of signals) process.off(name, onSignal);
  }
};

/** Say that nothing outlives this container, and do what can be done about earlier ones that had no volume either. */
async function withoutVolume(engine: Engine, where: EngineSettings, author: string, log: Log): Promise<void> {
  log('warning', `undo records end with this container: keep them in a volume (docker run -v zashiki:${engine.state})`);
  // An engine of another machine does not hold this container.
  if (where.runtime === 'containerd' || (where.endpoint && !where.endpoint.startsWith('unix:'))) return;
  try {
    const [{ adopt }, { findEndpoint }] = await Promise.all([
      import('../adopt.ts'),
      import('../../platforms/docker/endpoint.ts'),
    ]);
    for (const run of await adopt(engine.state, findEndpoint(where.endpoint, where.runtime))) {
      const { did } = await engine.recoverRun(run, author);
      log('warning', 'recovering what another container left behind', { run, did });
    }
  } catch (error) {
    log('warning', `cannot look for what earlier containers left behind: ${(error as Error).message}`);
  }
}

/** Only for completion and the list of commands. */
const define: DefineCommand = (command) => {
  command.summary("Pumba's command line, unchanged");
  command.argument('[command]', commands.flatMap(({ hidden, name }) => (hidden ? [] : [name])).join(', '));
  for (const { names, kind, usage, hidden } of globalFlags('/etc/ssl/docker')) {
    const [long, short] = names;
    const forms = `${short?.length === 1 ? `-${short}, ` : ''}--${long}`;
    if (!hidden) command.option(`${forms}${kind === 'bool' ? '' : ' <value>'}`, usage);
  }
};
export default define;
