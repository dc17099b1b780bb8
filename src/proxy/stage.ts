import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Rng } from '../core/ports.ts';
import type { Channel, Ending } from './channel.ts';
import type { ToxicEntry } from './toxic-entry.ts';
import noop from './toxics/noop.ts';
import type { Stub } from './toxics/toxic.ts';

/** One toxic at work on one link. */
export interface Stage {
  readonly toxic: ToxicEntry;
  readonly input: Channel;
  /** The dice said yes: it does its work, and not just lets things pass. */
  readonly active: boolean;
  /** Something has changed around it. */
  wake(): void;
  start(): void;
  /** Let go; resolves when it has given on what it held. */
  stop(): Promise<void>;
  restart(): Promise<void>;
}

export interface StageOptions {
  readonly toxic: ToxicEntry;
  readonly input: Channel;
  readonly output: () => Channel;
  readonly rng: () => Rng;
  readonly datagrams: boolean;
  cut(how: Exclude<Ending, 'end'>): void;
  failed(): void;
}

/** Timers of Node know whole ms; what is nearer than this counts as due. */
const near = 0.5;
const longestTimer = 2 ** 31 - 1;

/** Make one; `start` begins its work. */
export function createStage({ toxic, input, output, rng, datagrams, cut, failed }: StageOptions): Stage {
  const state = { interrupted: false, active: false, cutOff: false };
  const sleepers = new Set<() => void>();
  let done: Promise<void> = Promise.resolve();

  const wake = () => {
    const all = [...sleepers];
    sleepers.clear();
    for (const go of all) go();
  };
  /** Until something changes, or so many ms have passed. */
  const change = (ms = Number.POSITIVE_INFINITY) =>
    new Promise<void>((resolve) => {
      const timer = Number.isFinite(ms) ? setTimeout(wake, Math.min(ms, longestTimer)) : undefined;
      sleepers.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  const takeUntil = async (due: number) => {
    for (;;) {
      if (state.interrupted) return null;
      const chunk = input.poll();
      if (chunk) return chunk;
      if (input.ended()) return null;
      const left = due - performance.now();
      if (left <= near) return undefined;
      await change(left);
    }
  };
  const sleep = async (ms: number) => {
    const due = performance.now() + ms;
    for (let left = ms; left > 0 && !state.interrupted; left = due - performance.now()) {
      // A toxic that counts in microseconds is worth a few turns of the loop.
      if (ms < 1) await nextTurn();
      else if (left < near) break;
      else await change(Math.max(1, left));
    }
    return !state.interrupted;
  };

  const stub = (draws: Rng): Stub => ({
    async take() {
      return (await takeUntil(Number.POSITIVE_INFINITY)) ?? null;
    },
    takeWithin: (ms) => takeUntil(performance.now() + ms),
    async give(chunk) {
      if (chunk.data.length === 0 && !datagrams) return;
      while (!state.interrupted && !output().hasRoom) await change();
      output().put(chunk);
    },
    sleep,
    cut(how = 'cut') {
      state.cutOff = true;
      cut(how);
    },
    get interrupted() {
      return state.interrupted;
    },
    now: () => performance.now(),
    rng: draws,
    datagrams,
    memory,
  });
  const memory = { bytes: 0 };

  async function work(): Promise<void> {
    state.interrupted = false;
    const draws = rng();
    state.active = draws.unit() < toxic.toxicity;
    await (state.active ? toxic.kind : noop).pipe(stub(draws), toxic.attributes);
    if (!state.interrupted && !state.cutOff) output().close(input.ended() ?? 'end');
  }
  const start = () => {
    done = work().catch(failed);
  };
  const stop = async () => {
    state.interrupted = true;
    wake();
    await done;
  };
  return {
    toxic,
    input,
    get active() {
      return state.active;
    },
    wake,
    start,
    stop,
    async restart() {
      await stop();
      if (!state.cutOff) start();
    },
  };
}
