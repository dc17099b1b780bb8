import { appendFileSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { systemClock } from '../core/clock.ts';
import type { Catalogue } from '../core/ports.ts';
import { ownIdentity } from './identity.ts';
import { type Reaped, reap } from './reaper.ts';
import { firstEvent } from './scan.ts';
import { journalPath, runFolder } from './state.ts';

const exits = { finished: 0, recovered: 0, incomplete: 3 } as const satisfies Record<Reaped, number>;

/**
 * The whole life of the reaper process: `argv` is STATE RUN [--wait] [--grace=MS] [--hung=MS] [--patience=MS]. Says
 * `ready` with its identity on standard output, then reads messages until the run is over. With `--wait` it was started
 * ahead of the run: it is ready after the first line that it reads. Never returns.
 */
export async function reaperProcess(argv: readonly string[], catalogue: () => Promise<Catalogue>): Promise<never> {
  const [state = '', run = ''] = argv;
  const option = (name: string) => {
    const value = argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
    return value === undefined ? {} : { [`${name}Ms`]: Number(value) };
  };
  const log = (line: string) => {
    try {
      const path = join(runFolder(state, run), 'reaper.log');
      appendFileSync(path, `${new Date().toISOString()} ${line}\n`, { mode: 0o600 });
    } catch {
      // A full disk: the journal is tried all the same.
    }
  };
  ignoreSignals();
  process.chdir('/');
  if (argv.includes('--wait') && !(await lineOf(process.stdin))) process.exit(0);
  if (firstEvent(journalPath(state, run))?.type !== 'run-started') {
    // Watching over a journal that cannot be found would be no protection at all: say so by not being ready.
    process.exit(66);
  }
  const restoreScore = hideFromOomKiller();
  process.on('uncaughtException', (error) => {
    log(`a bug, the reaper starts anew: ${error.stack}`);
    process.exit(70);
  });
  try {
    writeSync(1, `${JSON.stringify({ ready: ownIdentity() })}\n`);
  } catch {
    // The runner is gone already: the end of standard input tells us so.
  }
  const result = await reap({
    ...{ state, run, input: process.stdin, clock: systemClock, log },
    ...option('grace'),
    ...option('hung'),
    ...option('patience'),
    catalogue: () => {
      // What a recovery starts (a process again, say) must be as mortal as before.
      restoreScore();
      return catalogue();
    },
  });
  log(result);
  process.exit(exits[result]);
}

/** Wait for one line and take it away, and nothing of what follows. False when the end comes first. */
function lineOf(input: Readable): Promise<boolean> {
  return new Promise((resolve) => {
    const look = () => {
      for (let chunk: Buffer | null = input.read(); chunk !== null; chunk = input.read()) {
        const end = chunk.indexOf(10);
        if (end < 0) continue;
        input.off('readable', look);
        if (end + 1 < chunk.length) input.unshift(chunk.subarray(end + 1));
        resolve(true);
        return;
      }
    };
    input.on('readable', look);
    for (const event of ['end', 'error', 'close']) input.once(event, () => resolve(false));
  });
}

/** Ctrl-C and a closing terminal are for the runner; we stay until its pipe ends. */
function ignoreSignals(): void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
  for (const signal of signals) process.on(signal, () => {});
}

/** Ask the kernel to take us last when memory runs out; returns the way back. Silent where that is not allowed. */
function hideFromOomKiller(): () => void {
  const file = '/proc/self/oom_score_adj';
  try {
    const before = readFileSync(file, 'utf8').trim();
    writeFileSync(file, '-1000');
    return () => writeFileSync(file, before);
  } catch {
    return () => {};
  }
}
