import type { EventOf, Intent, JournalEvent } from '../../core/events.ts';
import type { TargetRef } from '../../core/model.ts';
import type { Request } from './action.ts';
import type { Log } from './log.ts';

/** What went wrong in one run, and whether it found anybody. */
export interface Outcome {
  readonly none: boolean;
  /** In the order in which they happened; empty: all is well. */
  readonly errors: readonly string[];
  /** Something may still be on. */
  readonly incomplete: boolean;
}

/** A reader of one run's events, as Pumba logs them. */
export interface Teller {
  onEvent(event: JournalEvent): void;
  outcome(): Outcome;
}

/** `signal`: after it is aborted, what is cut short is no error. */
export function openTeller({ command, action }: Request, log: Log, signal: AbortSignal): Teller {
  const intents = new Map<string, Intent>();
  const injected = new Set<string>();
  const left = new Set<string>();
  const errors: string[] = [];
  let none = false;
  const fail = (message: string) => void errors.push(`${action.failed}: ${message}`);
  const targetOf = (injection: string) => intents.get(injection)?.target;
  const say = (what: 'begins' | 'ends', target: TargetRef, dryrun: boolean) => {
    const told = action[what];
    if (told) log('info', told.message, { ...told.fields(target), dryrun });
  };

  const readers: { readonly [T in JournalEvent['type']]?: (event: EventOf<T>) => void } = {
    'run-started': ({ run, plan }) => log('debug', 'run begins', { run, seed: plan.seed }),
    intent(event) {
      intents.set(event.injection, event);
      say('begins', event.target, false);
    },
    injected: ({ injection }) => void injected.add(injection),
    'would-inject'({ target }) {
      say('begins', target, true);
      say('ends', target, true);
    },
    'inject-failed': ({ error }) => fail(error.message),
    observed({ injection, real, detail }) {
      const target = targetOf(injection);
      if (!target) return;
      if (command === 'exec') tellExec(target, real, detail);
      else if (!real) log('warning', `the effect was not seen: ${detail}`, nameOf(target));
      else log('debug', detail, nameOf(target));
    },
    recovered({ injection, how }) {
      const target = targetOf(injection);
      if (!target || !injected.has(injection)) return;
      if (how === 'undone') say('ends', target, false);
      else log('warning', 'nothing to undo (container may have been removed)', nameOf(target));
    },
    verified({ injection, clean, detail }) {
      if (clean) left.delete(injection);
      else left.add(injection);
      const target = targetOf(injection);
      if (target && !clean) log('error', `not as before: ${detail}`, nameOf(target));
    },
    'recover-failed'({ injection, error }) {
      const target = targetOf(injection);
      log('error', `could not be undone: ${error.message}`, target ? nameOf(target) : {});
    },
    'step-skipped'({ reason }) {
      if (/^no victim among \d+ candidates$/.test(reason)) none = true;
      else if (/ is gone$/.test(reason)) log('warning', `${reason} (container may have been removed)`);
      else fail(reason);
    },
    'guard-refused': ({ reason }) => void errors.push(reason),
    aborted({ reason }) {
      if (signal.aborted) log('debug', 'cleaning up', { reason });
      else errors.push(reason);
    },
    // A fault that is over before it could be looked at is what was asked for.
    warning: ({ message }) => log(message.includes(': too short to see') ? 'debug' : 'warning', message),
    'run-finished'({ outcome, reasons }) {
      if (outcome === 'rollback-incomplete') left.add('run');
      log('debug', 'run is over', { outcome, reasons: [...reasons] });
      if (none) log('warning', 'no containers found');
    },
  };

  function tellExec(target: TargetRef, real: boolean, detail: string) {
    const [, code = '', output = ''] = /ended with exit code (\d+)(?:: (.*))?$/s.exec(detail) ?? [];
    if (code !== '') log('info', output, { ...action.says?.fields(target), dryrun: false });
    if (!real) errors.push(code === '' ? `${action.failed}: ${detail}` : `${action.failed}: exit code ${code}`);
  }

  const nameOf = (target: TargetRef) => {
    const { name = '', id = '' } = action.begins.fields(target);
    return { name, id };
  };

  return {
    onEvent: (event) => (readers[event.type] as ((event: JournalEvent) => void) | undefined)?.(event),
    outcome: () => ({ none, errors, incomplete: left.size > 0 }),
  };
}
