import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { isError } from '../core/errors.ts';
import type { Author, JournalEvent, ProcessIdentity } from '../core/events.ts';
import type { Milliseconds } from '../core/model.ts';
import type { Catalogue, Clock } from '../core/ports.ts';
import { type HeldJournal, holdJournal } from './held-journal.ts';
import { equalIdentity, sameProcess } from './identity.ts';
import { lockHolder } from './lock.ts';
import { outstanding } from './outstanding.ts';
import { recoverRun } from './recover.ts';
import { scanJournal } from './scan.ts';
import { runLock } from './shared-state.ts';
import { dropKept, journalPath, runFolder } from './state.ts';

/** What the runner writes to the reaper's standard input, one JSON object a line. */
export type ReaperMessage =
  | { readonly arm: { readonly injection: string; readonly ttlMs: Milliseconds } }
  | { readonly disarm: string }
  | { readonly finish: true };

/** Armed again and again under this name, so that a runner that is stopped or hangs is noticed without any deadline. */
export const signOfLife = 'sign-of-life';

export interface ReapOptions {
  readonly state: string;
  readonly run: string;
  /** The runner's pipe. Its end without `finish` means that the runner is gone. */
  readonly input: Readable;
  /** Called only when there is something to recover. */
  readonly catalogue: () => Promise<Catalogue>;
  readonly clock: Clock;
  /** Given to the runner on top of each deadline, so that it normally wins. Default 5 s. */
  readonly graceMs?: Milliseconds;
  /** A late runner that holds the run's lock longer than this is hung, and killed. Default 10 s. */
  readonly hungMs?: Milliseconds;
  /** How long a recovery that fails is tried again. Default 5 min. */
  readonly patienceMs?: Milliseconds;
  readonly log?: (line: string) => void;
}

/** `finished`: the runner did all itself. `incomplete`: something could not be undone in time; see the log. */
export type Reaped = 'finished' | 'recovered' | 'incomplete';

/**
 * Watch one run until it is over: when its runner goes away, or is late with an injection, recover the whole run.
 * Deadlines run on the monotonic clock, so setting the wall clock changes nothing.
 */
export async function reap(options: ReapOptions): Promise<Reaped> {
  const { graceMs = 5000, clock, log = () => {} } = options;
  const inbox = openInbox(options.input);
  const held = holdJournal(options.state, options.run);
  const armed = new Map<string, Milliseconds>();
  for (;;) {
    const due = Math.min(...armed.values());
    const message = await inbox.next(Math.max(0, due - clock.mono()), clock);
    if (message === 'late') {
      const late = [...armed].filter(([, deadline]) => deadline <= clock.mono()).map(([injection]) => injection);
      if (late.length === 0) continue;
      const reason = late.includes(signOfLife)
        ? 'the runner gave no sign of life (stopped, or hung)'
        : `the runner was late: ${late.join(', ')} outlived its duration`;
      log(reason);
      return await takeOver(reason, options, held);
    }
    if (message === 'end') {
      log('the runner is gone');
      await untilDead(options);
      return await takeOver('the runner was gone', options, held);
    }
    if ('arm' in message) armed.set(message.arm.injection, clock.mono() + message.arm.ttlMs + graceMs);
    else if ('disarm' in message) armed.delete(message.disarm);
    else {
      const left = outstanding(eventsNow(options, held));
      if (left.finished && left.intents.length === 0) {
        if (left.unclean.length === 0) dropKept(options.state, options.run);
        return 'finished';
      }
      log('the runner is done, but something is left to do');
      return await takeOver('the runner could not bring the run to its end', options, held);
    }
  }
}

/** Recover the run, again and again until it is done or patience ends. */
async function takeOver(reason: string, options: ReapOptions, held: HeldJournal | undefined): Promise<Reaped> {
  const { state, run, clock, log = () => {}, hungMs = 10_000, patienceMs = 300_000 } = options;
  const author: Author = { role: 'reaper', user: userName() };
  const signal = new AbortController().signal;
  const end = clock.mono() + patienceMs;
  for (let pause = 250; ; pause = Math.min(30_000, pause * 2)) {
    const deleted = !existsSync(journalPath(state, run));
    if (deleted && !(held && outstanding(held.events()).intents.length > 0)) {
      log('the journal was deleted, and nothing is known that there is to undo');
      return 'incomplete';
    }
    try {
      if (deleted) {
        held?.putBack();
        log('the journal was deleted; it is put back as it was');
        await untilDead(options);
      }
      const { catalogue } = options;
      const onEvent = (event: object) => log(JSON.stringify(event));
      const done = await recoverRun({
        ...{ state, run, catalogue, author, clock, signal, reason, onEvent, lockTimeoutMs: hungMs },
      });
      if (done.failed.length === 0 && done.outcome !== null) return 'recovered';
      log(`not all could be recovered or written down; next try in ${pause} ms`);
    } catch (error) {
      log(`recovery failed: ${(error as Error).message}`);
      if (isError(error, 'lock-busy') && killHungRunner(options)) continue;
    }
    if (clock.mono() + pause > end) return 'incomplete';
    await clock.sleep(pause);
  }
}

/** What the journal says, also when somebody has deleted it. */
function eventsNow({ state, run }: ReapOptions, held: HeldJournal | undefined): readonly JournalEvent[] {
  const path = journalPath(state, run);
  return held && !existsSync(path) ? held.events() : scanJournal(path).events;
}

/** A killed process closes its pipes a moment before it is dead. */
async function untilDead(options: ReapOptions): Promise<void> {
  const { clock, graceMs = 5000 } = options;
  const end = clock.mono() + graceMs;
  for (;;) {
    const runner = runnerOf(options);
    if (!runner || !sameProcess(runner) || clock.mono() >= end) return;
    await clock.sleep(10);
  }
}

/** Only the very process that this run's journal names as its runner, and only while it holds this run's lock. */
function killHungRunner(options: ReapOptions): boolean {
  const { state, run, log = () => {} } = options;
  const holder = lockHolder(runFolder(state, run), runLock);
  const runner = runnerOf(options);
  if (!holder || !runner || !equalIdentity(holder, runner) || !sameProcess(runner)) return false;
  if (runner.pid === process.pid) return false;
  log(`the runner ${runner.pid} hangs with the run's lock: SIGKILL`);
  try {
    process.kill(runner.pid, 'SIGKILL');
    return true;
  } catch (error) {
    log(`could not be killed: ${(error as Error).message}`);
    return false;
  }
}

function runnerOf({ state, run }: ReapOptions): ProcessIdentity | undefined {
  try {
    return outstanding(scanJournal(journalPath(state, run)).events).started?.runner;
  } catch {
    return undefined;
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}

/** The messages of a stream, one at a time; anything that is not a message is passed over. */
function openInbox(input: Readable): {
  next(within: Milliseconds, clock: Clock): Promise<ReaperMessage | 'late' | 'end'>;
} {
  const queue: (ReaperMessage | 'end')[] = [];
  let wake: () => void = () => {};
  const push = (message: ReaperMessage | 'end') => {
    queue.push(message);
    wake();
  };
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', (line) => {
    const message = parseMessage(line);
    if (message) push(message);
  });
  lines.on('close', () => push('end'));
  input.on('error', () => lines.close());
  return {
    async next(within, clock) {
      if (queue.length === 0) {
        const stop = new AbortController();
        const arrived = new Promise<void>((resolve) => {
          wake = resolve;
        });
        // Timers take at most 2^31 ms; an hour is as good, as the caller asks again.
        const time = clock.sleep(Math.min(within, 3_600_000), stop.signal).catch(() => {});
        await Promise.race([arrived, time]);
        stop.abort();
      }
      return queue.shift() ?? 'late';
    },
  };
}

function parseMessage(line: string): ReaperMessage | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const known =
      typeof value === 'object' && value !== null && ('arm' in value || 'disarm' in value || 'finish' in value);
    return known ? (value as ReaperMessage) : undefined;
  } catch {
    return undefined;
  }
}
