import { flags, standardFlags } from '../../compat/nightmare-monkey/flags.ts';
import { nightmareMonkey } from '../../compat/nightmare-monkey/index.ts';
import type { DefineCommand, RawCommand } from '../command.ts';
import { person } from '../context.ts';
import { openCliEngine } from '../engine.ts';
import { onInterrupt, recoverLeftovers } from '../interrupt.ts';

/** Its own parser reads the flags: they are Go's, not ours. */
export const raw: RawCommand = async (argv, context) => {
  const engine = openCliEngine({ context });
  if (argv.some((arg) => /^--?execute(=|$)/.test(arg))) await recoverLeftovers(engine, context, person(context));
  using interrupt = onInterrupt(context, () => engine.outstanding(), { quiet: true });
  // Awaited here: `using` would end the handling of signals when this function returns.
  return await nightmareMonkey({
    argv,
    engine,
    state: engine.state,
    stdout: context.stdout,
    stderr: context.stderr,
    env: context.env,
    signal: interrupt.signal,
  });
};

/** Only for completion and the list of commands. */
const define: DefineCommand = (command) => {
  command.summary("Nightmare Monkey's command line, unchanged");
  for (const { names, kind, usage } of [...flags, ...standardFlags]) {
    const [long, short] = names;
    if (long !== 'help')
      command.option(`${short ? `-${short}, ` : ''}--${long}${kind === 'bool' ? '' : ' <value>'}`, usage);
  }
};
export default define;
