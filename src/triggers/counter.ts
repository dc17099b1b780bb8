import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemClock } from '../core/clock.ts';
import type { Milliseconds } from '../core/model.ts';
import type { Clock } from '../core/ports.ts';

/** Where the next threshold is kept between polls and lives of the daemon. */
export interface CounterStore {
  /** Undefined: never written. Throws when it is there but cannot be read. */
  read(): Promise<number | undefined>;
  /** On disk when this returns. */
  write(next: number): Promise<void>;
}

export interface CounterOptions {
  /** Answers JSON. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the number is, e.g. `likes_count` or `items.0.stars`. */
  readonly path: string;
  /** The first threshold, and what is added each time it is reached. Default 3 and 3. */
  readonly start?: number;
  readonly step?: number;
  readonly store: CounterStore;
  /** Called with the number seen. Its failure is a warning; the threshold has moved by then. */
  readonly fire: (value: number) => Promise<unknown>;
  /** Between polls. Default 10 min; doubled with each failure in a row, up to eight times. */
  readonly every?: Milliseconds;
  /** For one answer. Default 5 s. */
  readonly timeout?: Milliseconds;
  readonly clock?: Clock;
  readonly onWarning?: (message: string) => void;
}

/** `fired`: threshold reached; `below`; `nothing`: no number there yet; `failed`: peer or store, see the warning. */
export type Poll = 'fired' | 'below' | 'nothing' | 'failed';

export interface Counter {
  /** One look; at most one fire, however far the number has run ahead. Never throws. */
  poll(signal?: AbortSignal): Promise<Poll>;
  /** Poll until aborted; then resolves. */
  loop(signal: AbortSignal): Promise<void>;
}

/** Fires each time a number that is published somewhere passes the next threshold. */
export function createCounter(options: CounterOptions): Counter {
  const { start = 3, step = 3, every = 600_000, timeout = 5000, clock = systemClock } = options;
  const warn = (what: string, error: unknown) => options.onWarning?.(`counter: ${what}: ${messageOf(error)}`);
  const poll = async (signal?: AbortSignal): Promise<Poll> => {
    let value: number | null;
    let threshold: number;
    try {
      value = numberAt(await fetchJson(options, timeout, signal), options.path);
    } catch (error) {
      if (!signal?.aborted) warn(`${new URL(options.url).host} gave no number`, error);
      return 'failed';
    }
    if (value === null) return 'nothing';
    try {
      threshold = (await options.store.read()) ?? start;
      if (value < threshold) return 'below';
      // Before firing: a crash in between loses one fire, never doubles one.
      await options.store.write(threshold + step);
    } catch (error) {
      warn('its state cannot be kept, so nothing is fired', error);
      return 'failed';
    }
    await options.fire(value).catch((error: unknown) => warn(`the fire at ${value} failed`, error));
    return 'fired';
  };
  return {
    poll,
    async loop(signal) {
      let failures = 0;
      while (!signal.aborted) {
        failures = (await poll(signal)) === 'failed' ? failures + 1 : 0;
        await clock.sleep(every * 2 ** Math.min(failures, 3), signal).catch(() => undefined);
      }
    },
  };
}

/** The number at a dotted path; null when there is none (absent or null). Throws when something else is there. */
export function numberAt(document: unknown, path: string): number | null {
  let at: unknown = document;
  for (const key of path.split('.')) {
    if (at === null || typeof at !== 'object') return null;
    at = Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined;
  }
  if (at === undefined || at === null) return null;
  if (typeof at !== 'number') throw new Error(`at ${path} is ${JSON.stringify(at).slice(0, 60)}, not a number`);
  return at;
}

/** A small JSON file, `{ "next": 6 }`, replaced in one step. */
export function fileCounterStore(file: string): CounterStore {
  return {
    async read() {
      const text = await readFile(file, 'utf8').catch((error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return undefined;
      const next = numberAt(JSON.parse(text), 'next');
      if (next === null) throw new Error(`${file} holds no "next"; delete it to begin again`);
      return next;
    },
    async write(next) {
      await mkdir(dirname(file), { recursive: true });
      const draft = `${file}.${process.pid}.tmp`;
      const handle = await open(draft, 'w', 0o600);
      try {
        await handle.writeFile(`${JSON.stringify({ next })}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, file);
    },
  };
}

const limit = 1 << 20;

async function fetchJson(options: CounterOptions, timeout: Milliseconds, signal?: AbortSignal): Promise<unknown> {
  const late = AbortSignal.timeout(timeout);
  const response = await fetch(options.url, {
    headers: { accept: 'application/json', ...options.headers },
    signal: signal ? AbortSignal.any([signal, late]) : late,
  });
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.byteLength;
    if (size > limit) throw new Error('the answer is longer than 1 MiB');
    parts.push(part);
  }
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  return JSON.parse(Buffer.concat(parts).toString('utf8'));
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause;
  if (!(cause instanceof Error)) return error.message;
  return 'code' in cause ? String(cause.code) : cause.message;
}
