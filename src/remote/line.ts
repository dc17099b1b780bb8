import { ZashikiError } from '../core/errors.ts';
import type { Json, JsonObject, Milliseconds } from '../core/model.ts';
import { cutLines } from './lines.ts';
import type { Transport } from './transport.ts';

/** A running `zashiki agent call --lines`, wherever it runs. */
export interface Wire {
  write(text: string): void;
  /** Whether this process must live on for it. */
  hold(isNeeded: boolean): void;
  close(): void;
}

/** Start one. `ended` is told once when it has ended by itself, with what is told to those who wait. */
export type Dial = (on: { heard(chunk: Buffer): void; ended(error: Error): void }) => Promise<Wire>;

export interface LineOptions {
  /** The agent, for people. */
  readonly name: string;
  readonly hint?: string;
  /** No more may be asked: it was cut, or nobody has asked for a while. */
  readonly onOver: () => void;
  /** How long an answer may take. */
  readonly longestMs: Milliseconds;
  /** Between two signs of life, which show that the line is whole. */
  readonly beatMs?: Milliseconds;
  /** How long it may take until the first one is answered. */
  readonly openingMs?: Milliseconds;
  /** It is closed when nobody has asked for so long. More than a third of a lease: it is renewed over the same line. */
  readonly idleMs?: Milliseconds;
}

/** So many signs of life in a row without an answer: the line is cut. */
const mostSilent = 5;
/** No answer is longer: an agent's are 16 MiB at most. */
const longestAnswer = 17 << 20;

interface Open {
  readonly text: string;
  done(answer: { readonly status: number; readonly body: Json }): void;
  failed(error: unknown): void;
}

interface Answer {
  readonly id: number;
  readonly status?: number;
  readonly body?: Json;
  readonly error?: { readonly message: string };
}

/**
 * Many questions at a time over one line. It is opened at once, and does not keep the process alive while nobody waits
 * for an answer. When it is cut, all that wait for one get `peer-unavailable`.
 */
export function openLine(dial: Dial, options: LineOptions): Transport {
  const { name, hint, longestMs, beatMs = 3000, openingMs = 30_000, idleMs = 15_000 } = options;
  const open = new Map<number, Open>();
  let wire: Wire | undefined;
  let over: Error | undefined;
  let serial = 0;
  let silent = 0;
  let mostBeats = openingMs / beatMs;
  let unused = 0;

  const unanswered = (why: string) =>
    new ZashikiError('peer-unavailable', `the agent ${name} does not answer: ${why}`, hint ? { hint } : {});
  const end = (error: Error) => {
    if (over) return;
    over = error;
    clearInterval(beats);
    options.onOver();
    wire?.close();
    for (const each of [...open.values()]) each.failed(error);
  };
  // Beats are counted, not time: after this process itself was stopped for a while the line is still whole.
  const beats = setInterval(() => {
    if (open.size === 0 && ++unused * beatMs >= idleMs) return end(unanswered('the line was closed'));
    if (silent >= mostBeats) return end(unanswered(`nothing was heard for ${(silent * beatMs) / 1000} s`));
    silent++;
    wire?.write('\n');
  }, beatMs);
  beats.unref();

  const take = (line: string) => {
    const answer = read(line);
    if (answer === undefined) return;
    const { status, body = null, error } = answer;
    const question = open.get(answer.id);
    if (status !== undefined) question?.done({ status, body });
    else question?.failed(unanswered(error?.message ?? 'no reason given'));
  };
  const cut = cutLines(take, longestAnswer, () => end(unanswered('an answer is too long')));
  dial({
    heard(chunk) {
      silent = 0;
      mostBeats = mostSilent;
      cut(chunk);
    },
    ended: end,
  }).then((opened) => {
    if (over) return opened.close();
    wire = opened;
    wire.hold(open.size > 0);
    for (const { text } of open.values()) wire.write(text);
  }, end);

  return (path, body, signal) => {
    signal?.throwIfAborted();
    if (over) throw over;
    const id = ++serial;
    unused = 0;
    return new Promise((resolve, reject) => {
      const settle = () => {
        open.delete(id);
        clearTimeout(late);
        signal?.removeEventListener('abort', abort);
        if (open.size === 0) wire?.hold(false);
      };
      const giveUp = (error: unknown) => {
        settle();
        wire?.write(`${JSON.stringify({ id, cancel: true })}\n`);
        reject(error);
      };
      const abort = () => giveUp(signal?.reason);
      const late = setTimeout(() => giveUp(unanswered(`not within ${longestMs} ms`)), longestMs);
      signal?.addEventListener('abort', abort, { once: true });
      const text = questionOf(id, path, body);
      open.set(id, {
        text,
        done(answer) {
          settle();
          resolve(answer);
        },
        failed(error) {
          settle();
          reject(error);
        },
      });
      wire?.hold(true);
      wire?.write(text);
    });
  };
}

const questionOf = (id: number, path: string, body: JsonObject | null) => `${JSON.stringify({ id, path, body })}\n`;

/** What is no answer is nobody's: a sign of life, or a program that says something else. */
function read(line: string): Answer | undefined {
  try {
    return (JSON.parse(line) ?? undefined) as Answer | undefined;
  } catch {
    return undefined;
  }
}
