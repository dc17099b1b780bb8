import { systemClock } from '../../core/clock.ts';
import type { EnginePort } from '../../core/engine-port.ts';
import { isError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/model.ts';
import type { Clock } from '../../core/ports.ts';
import { asOnlyDaemon } from '../../server/index.ts';
import { appName, helpOfHelp, helpText, versionText } from './help.ts';
import { type Monkey, play } from './play.ts';
import { type Asked, readSettings } from './settings.ts';

export interface NightmareMonkeyOptions {
  /** Without node and script. */
  readonly argv: readonly string[];
  readonly engine: EnginePort;
  /** The state folder of the engine, of which this is the only daemon then. Default: nobody asks. */
  readonly state?: string;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How it was called. Default `nightmare-monkey`. */
  readonly program?: string;
  /** Aborted (SIGTERM, Ctrl-C): what is in flight is ended, then it exits with 0. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** Only for tests: which processes there are to pick from. */
  readonly selector?: JsonObject;
}

/** `url` is null when it does not play (help, version, an error). */
export interface StartedMonkey {
  readonly url: string | null;
  /** 0 after help, version or a stop; 1 when the port or the state folder is taken; 2 for a wrong command line. */
  readonly exit: Promise<number>;
}

/** Nightmare Monkey 0.0.1's command line, log and API over our engine. Resolves when its API listens. */
export async function startNightmareMonkey(options: NightmareMonkeyOptions): Promise<StartedMonkey> {
  const { argv, stdout, stderr, program = 'nightmare-monkey', clock = systemClock } = options;
  const ended = (code: number): StartedMonkey => ({ url: null, exit: Promise.resolve(code) });
  const say = (text: string) => {
    stdout.write(text);
    return ended(0);
  };
  try {
    const asked: Asked = readSettings(argv);
    if (asked.kind === 'help') return say(helpText(program));
    if (asked.kind === 'help-of-help') return say(helpOfHelp(program));
    if (asked.kind === 'version') return say(`${appName} version ${versionText}\n`);
    const { settings } = asked;
    const { url, done } = await alone(options, () => play({ ...options, clock, settings }));
    return { url, exit: done.then(() => 0) };
  } catch (error) {
    if (!isError(error)) throw error;
    const hint = error.hint ? `; ${error.hint}` : '';
    stderr.write(`${program}: ${error.message}${hint}\n`);
    return ended(isError(error, 'peer-unavailable', 'lock-busy') ? 1 : 2);
  }
}

/** Holds the state folder from before it listens until it is done. */
function alone({ state }: NightmareMonkeyOptions, begin: () => Promise<Monkey>): Promise<Monkey> {
  if (state === undefined) return begin();
  return new Promise((resolve, reject) => {
    const done = asOnlyDaemon(state, async () => {
      const monkey = await begin();
      resolve({ url: monkey.url, done: monkey.done.then(() => done) });
      await monkey.done;
    });
    done.catch(reject);
  });
}

/** The same, to its end: the exit code. */
export async function nightmareMonkey(options: NightmareMonkeyOptions): Promise<number> {
  return (await startNightmareMonkey(options)).exit;
}
