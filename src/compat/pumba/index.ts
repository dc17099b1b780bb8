import { systemClock } from '../../core/clock.ts';
import type { EnginePort } from '../../core/engine-port.ts';
import { errorRecord, isError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { readLine } from './command-line.ts';
import { type KeyStore, placeKeys } from './inline-keys.ts';
import { type Log, openLog } from './log.ts';
import { play } from './play.ts';
import { readRequests } from './request.ts';
import { logSettings, readSettings, type Settings } from './settings.ts';

export interface PumbaOptions {
  /** Without node and script. */
  readonly argv: readonly string[];
  /** Made when something is to be done: `state` is the folder that the command line names. */
  readonly openEngine: (settings: Settings & { readonly state?: string }, log: Log) => Promise<EnginePort> | EnginePort;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The version of Zashiki. */
  readonly version: string;
  readonly author: string;
  /** How it was called. Default `pumba`. */
  readonly program?: string;
  /** Aborted (SIGTERM, Ctrl-C): what is on is undone, then it exits with 0. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** Absent: keys and certificates are taken as paths only. */
  readonly keys?: KeyStore;
}

/**
 * Pumba 1.1.7's command line, log and exit codes over our engine: 0, 1 after an error, 2 for a pattern that is not RE2,
 * 3 for an unknown command and when something may still be on.
 */
export async function pumba(options: PumbaOptions): Promise<number> {
  const { argv, stdout, stderr, env, version, author, signal, program = 'pumba', clock = systemClock, keys } = options;
  const read = readLine(argv, { env, program, version: `1.1.7 - [zashiki:${version}] none` });
  if (read.kind === 'say') {
    stdout.write(read.text);
    return 0;
  }
  if (read.kind === 'wrong') stdout.write(read.text);
  const global = read.kind === 'do' ? read.line.global : read.global;
  const log: Log = openLog({ ...logSettings(global, env), stderr, clock });
  try {
    // As in Pumba, what is wrong with the global flags is told before anything else.
    const given = global && read.kind !== 'wrong' ? readSettings(global, env) : undefined;
    if (read.kind === 'unknown') {
      stderr.write(`${read.error}\n`);
      return 3;
    }
    if (read.kind === 'wrong' || !given) {
      log('fatal', read.kind === 'wrong' ? read.error : 'no settings');
      return 1;
    }
    const named = String(read.line.global.values.get('state') ?? '');
    const state = named === '' ? undefined : named;
    const { engine: where, files } = keys ? placeKeys(given.engine, keys.folder(state)) : { ...given, files: [] };
    const settings = { ...given, engine: where };
    const requests = readRequests(read.line, settings);
    const engine = await options.openEngine({ ...settings, ...(state === undefined ? {} : { state }) }, log);
    for (const { flag, path, text } of files) {
      if (!keys?.write(path, text)) continue;
      log(
        'warning',
        `the text of ${flag} is kept in ${path}, for what undoes a fault later: remove it when none is on`,
      );
    }
    return await play(requests, { settings, engine, log, author, clock, signal });
  } catch (error) {
    if (!isError(error)) throw error;
    const { message, hint } = errorRecord(error);
    log('fatal', `${message}${hint ? `; ${hint}` : ''}`);
    return isError(error, 'document-invalid') ? 2 : 1;
  } finally {
    await log.flush();
  }
}
