import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ZashikiError } from '../core/errors.ts';
import type { ProcessIdentity } from '../core/events.ts';
import type { Milliseconds } from '../core/model.ts';
import type { Clock, Journal, SafetyNet } from '../core/ports.ts';
import { type ReaperMessage, signOfLife } from './reaper.ts';

export interface SafetyNetOptions {
  readonly state: string;
  readonly run: string;
  readonly journal: Journal;
  readonly clock: Clock;
  /** The reaper's program. Default: that of this installation. */
  readonly reaperPath?: string;
  /** How long the reaper may take to get ready. Default 15 s. */
  readonly readyMs?: Milliseconds;
  /** See ReapOptions; each has its default there. */
  readonly graceMs?: Milliseconds;
  readonly hungMs?: Milliseconds;
  /** How long the runner may be silent (stopped, hung) before the run is taken over. Default 30 s. */
  readonly silenceMs?: Milliseconds;
  readonly patienceMs?: Milliseconds;
  /** A reaper for this very run that was started ahead. */
  readonly warm?: WarmReaper | undefined;
}

/** A reaper that gets ready while the run is still being planned. */
export interface WarmReaper {
  readonly pid: number | undefined;
  /** Hand it over, once; undefined when it has died, or was handed over before. */
  take(): ChildProcess | undefined;
  /** It goes, unless it was handed over; resolves when it is gone. */
  dismiss(): Promise<void>;
}

/** Start the reaper of a run that does not exist yet. It watches nothing before a safety net takes it over. */
export function warmReaper(options: Omit<SafetyNetOptions, 'journal' | 'clock' | 'warm'>): WarmReaper {
  let child: ChildProcess | undefined = spawnReaper(options, ['--wait']);
  child.on('error', () => {});
  return {
    pid: child.pid,
    take() {
      const mine = child;
      child = undefined;
      return mine?.pid !== undefined && mine.exitCode === null && mine.signalCode === null ? mine : undefined;
    },
    async dismiss() {
      const mine = child;
      child = undefined;
      if (mine?.pid === undefined || mine.exitCode !== null || mine.signalCode !== null) return;
      const gone = new Promise((resolve) => mine.once('exit', resolve));
      // Whoever waits for this must not end before it: nothing else may keep the process alive.
      mine.ref();
      // It watches nothing yet, so nothing is lost.
      mine.kill('SIGKILL');
      await gone;
    },
  };
}

/** A runner that is silent for longer than this is taken over; it speaks six times as often. */
const silenceMs = 30_000;

/** How often a reaper that dies is replaced in one run before we say that there is none. */
const lives = 5;

/**
 * Keeps a reaper beside a run. `start` returns when the reaper watches (and writes `reaper-started`), else throws
 * `reaper-failed`. A reaper that dies is replaced, with a `warning`; when that fails too, `arm` throws
 * `reaper-failed`. `finish` waits shortly for the reaper to go, and leaves in its care what is still outstanding.
 */
export function openSafetyNet(options: SafetyNetOptions): SafetyNet {
  const { journal, clock } = options;
  const armed = new Map<string, Milliseconds>();
  let reaper: ChildProcess | undefined;
  let over = false;
  let died = 0;
  let failure: ZashikiError | undefined;

  const send = (message: ReaperMessage) => {
    if (reaper?.stdin?.writable) reaper.stdin.write(`${JSON.stringify(message)}\n`);
  };

  const live = () => send({ arm: { injection: signOfLife, ttlMs: options.silenceMs ?? silenceMs } });
  let pulse: NodeJS.Timeout | undefined;

  const launch = async () => {
    const ahead = options.warm?.take();
    const child = ahead ?? spawnReaper(options);
    reaper = child;
    ahead?.stdin?.write('{"watch":true}\n');
    child.once('exit', (code, signal) => {
      // 0: it did its work, because we finished or because it has taken the run over.
      if (over || code === 0 || child !== reaper) return;
      void replace(signal ?? `exit ${code}`);
    });
    for (const [injection, deadline] of armed) {
      send({ arm: { injection, ttlMs: Math.max(0, deadline - clock.mono()) } });
    }
    const identity = await untilReady(child, options);
    journal.append({ type: 'reaper-started', reaper: identity });
    live();
    pulse ??= setInterval(live, (options.silenceMs ?? silenceMs) / 6).unref();
  };

  const replace = async (how: string) => {
    try {
      died++;
      journal.append({
        type: 'warning',
        message: `the reaper died (${how})${died < lives ? '; starting another' : ''}`,
      });
      if (died >= lives) throw new ZashikiError('reaper-failed', `the reaper died ${died} times`);
      await launch();
    } catch (error) {
      failure =
        error instanceof ZashikiError
          ? error
          : new ZashikiError('reaper-failed', `the reaper could not be replaced: ${(error as Error).message}`);
    }
  };

  return {
    async start() {
      try {
        await launch();
      } catch (error) {
        over = true;
        reaper?.kill('SIGKILL');
        throw error;
      }
    },
    arm({ injection, ttl }) {
      if (failure) throw failure;
      if (ttl === null) return;
      armed.set(injection, clock.mono() + ttl);
      send({ arm: { injection, ttlMs: ttl } });
    },
    disarm(injection) {
      armed.delete(injection);
      send({ disarm: injection });
    },
    abandon() {
      over = true;
      clearInterval(pulse);
      reaper?.stdin?.end();
    },
    async finish() {
      if (over) return;
      over = true;
      clearInterval(pulse);
      const child = reaper;
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      send({ finish: true });
      child.stdin?.end();
      const stop = new AbortController();
      await Promise.race([gone, clock.sleep(2000, stop.signal).catch(() => {})]);
      stop.abort();
    },
  };
}

/** The built reaper of this installation. Throws `reaper-failed` when the sources were never built. */
export function reaperPath(from: string = import.meta.url): string {
  for (let folder = dirname(fileURLToPath(from)); ; folder = dirname(folder)) {
    if (isOurs(join(folder, 'package.json'))) {
      const path = join(folder, 'dist', 'cli', 'reaper.js');
      if (existsSync(path)) return path;
      throw new ZashikiError('reaper-failed', `there is no reaper at ${path}`, { hint: 'build it: npm run build' });
    }
    if (folder === dirname(folder)) {
      throw new ZashikiError('reaper-failed', `no installation of zashiki around ${fileURLToPath(from)}`, {
        hint: 'install the package anew',
      });
    }
  }
}

function isOurs(path: string): boolean {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown }).name === 'zashiki';
  } catch {
    return false;
  }
}

function spawnReaper(
  options: Omit<SafetyNetOptions, 'journal' | 'clock' | 'warm'>,
  more: readonly string[] = [],
): ChildProcess {
  const { state, run, reaperPath: reaper = reaperPath(), graceMs, hungMs, patienceMs } = options;
  const flags = Object.entries({ grace: graceMs, hung: hungMs, patience: patienceMs })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name}=${value}`);
  // Loaders and inspectors of the runner are not for the reaper: they may not even start where it runs.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--max-semi-space-size=1', reaper, state, run, ...more, ...flags], {
    cwd: '/',
    // A session of its own: no Ctrl-C, no hang-up.
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env,
  });
  child.stdin?.on('error', () => {});
  child.unref();
  return child;
}

/** Wait for the reaper's one line; what it holds of our event loop is given up afterwards. */
async function untilReady(child: ChildProcess, options: SafetyNetOptions): Promise<ProcessIdentity> {
  const { clock, readyMs = 15_000 } = options;
  const stop = new AbortController();
  const failed = (why: string) =>
    new ZashikiError('reaper-failed', `the reaper did not start: ${why}`, {
      hint: `its log, if any, is in the folder of the run ${options.run}`,
    });
  try {
    return await new Promise<ProcessIdentity>((resolve, reject) => {
      child.once('error', (error) => reject(failed(error.message)));
      child.once('exit', (code, signal) => reject(failed(`it ended with ${signal ?? `exit ${code}`}`)));
      clock.sleep(readyMs, stop.signal).then(
        () => reject(failed(`no answer within ${readyMs} ms`)),
        () => {},
      );
      if (!child.stdout) return reject(failed('no pipe'));
      createInterface({ input: child.stdout }).once('line', (line) => {
        try {
          resolve((JSON.parse(line) as { ready: ProcessIdentity }).ready);
        } catch {
          reject(failed(`it said ${JSON.stringify(line.slice(0, 80))}`));
        }
      });
    });
  } finally {
    stop.abort();
    child.stdout?.destroy();
    (child.stdin as { unref?: () => void } | null)?.unref?.();
  }
}
