import { readFileSync } from 'node:fs';
import type { EnginePort } from '../../core/engine-port.ts';
import { isError } from '../../core/errors.ts';
import type { EventBody, JournalEvent } from '../../core/events.ts';
import type { JsonObject, TargetRef, Window } from '../../core/model.ts';
import type { Clock } from '../../core/ports.ts';
import { seededRng } from '../../core/rng.ts';
import { inWindow } from '../../core/window.ts';
import { killOne } from './experiment.ts';

export interface Victim {
  readonly name: string;
  readonly pid: number;
  /** 0: it ended before it could be read. */
  readonly ppid: number;
}

/** What became of one pick. */
export type Picked =
  | { readonly kind: 'killed'; readonly victim: Victim }
  /** No victim: none was found. */
  | { readonly kind: 'failed'; readonly victim?: Victim; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'asleep' };

export interface PickerOptions {
  readonly engine: EnginePort;
  readonly clock: Pick<Clock, 'now'>;
  readonly window: Window;
  readonly execute: boolean;
  readonly sealed: boolean;
  readonly seed: number;
  /** Only for tests: which processes there are to pick from. */
  readonly selector?: JsonObject;
  readonly signal: AbortSignal;
}

/** A victim that ends before it is hit is no answer: another one is picked, this often. */
const tries = 5;
const noProcess = 'cannot find any process to kill';

/** Picks and kills one process through the engine. The n-th pick of a seed always draws alike. Never rejects. */
export function createPicker(options: PickerOptions): (desc: string) => Promise<Picked> {
  let count = 0;
  return async (desc) => {
    if (!inWindow(options.window, options.clock.now())) return { kind: 'asleep' };
    const rng = seededRng(options.seed, `pick ${++count}`);
    for (let attempt = 1; attempt <= tries; attempt++) {
      const picked = await pickOnce(options, desc, rng.below(0x7fffffff));
      if (picked) return picked;
    }
    return { kind: 'failed', message: noProcess };
  };
}

/** Undefined: the victim was gone before anything was done. */
async function pickOnce(options: PickerOptions, desc: string, seed: number): Promise<Picked | undefined> {
  const { engine, window, selector, execute, sealed, signal } = options;
  let victim: Victim | undefined;
  // While it still lives: events come before what they announce.
  const onEvent = (event: JournalEvent) => {
    const target = victimOf(event);
    if (target) victim = describe(target, victim);
  };
  try {
    const experiment = killOne(desc, window, selector);
    const { events } = await engine.run(
      { experiment, author: 'nightmare-monkey', execute, sealed, seed },
      { signal, onEvent },
    );
    return outcome(events, victim);
  } catch (error) {
    if (isError(error, 'plan-drift', 'target-gone')) return undefined;
    const message = error instanceof Error ? error.message : String(error);
    return isError(error, 'refused') ? { kind: 'refused', message } : { kind: 'failed', message };
  }
}

function outcome(events: readonly JournalEvent[], victim: Victim | undefined): Picked | undefined {
  const find = <T extends EventBody['type']>(type: T) =>
    events.find((event): event is Extract<JournalEvent, { type: T }> => event.type === type);
  const refused = find('guard-refused');
  if (refused?.guard === 'window') return { kind: 'asleep' };
  if (refused?.guard === 'no-target') return { kind: 'failed', message: noProcess };
  if (refused) return { kind: 'refused', message: refused.reason };
  if (!victim) return { kind: 'failed', message: find('run-finished')?.reasons[0] ?? noProcess };
  const failed = find('inject-failed');
  if (failed) return { kind: 'failed', victim, message: failed.error.message };
  const seen = find('observed');
  if (seen && !seen.real) return { kind: 'failed', victim, message: seen.detail };
  if (find('injected') || find('would-inject')) return { kind: 'killed', victim };
  const skipped = find('step-skipped');
  if (skipped && / is gone$/.test(skipped.reason)) return undefined;
  const message = skipped?.reason ?? find('aborted')?.reason ?? find('run-finished')?.reasons[0] ?? 'nothing was done';
  return { kind: 'failed', victim, message };
}

function victimOf(event: JournalEvent): TargetRef | undefined {
  if (event.type === 'run-started') return event.plan.steps[0]?.victims[0];
  return event.type === 'intent' || event.type === 'would-inject' ? event.target : undefined;
}

function describe(target: TargetRef, known: Victim | undefined): Victim {
  const pid = Number(target.identity.pid);
  const ppid = parentOf(pid) ?? (known?.pid === pid ? known.ppid : 0);
  return { name: target.name, pid, ppid };
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name before it may hold blanks and brackets.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
