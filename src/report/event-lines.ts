import { formatDuration } from '../core/duration.ts';
import type { Author, JournalEvent } from '../core/events.ts';
import type { Timed } from '../core/timeline.ts';
import { readable } from './escape.ts';
import { count } from './phrases.ts';

/** How much an event matters to a reader; `good` and `bad` are marked as such. */
export type Weight = 'quiet' | 'normal' | 'good' | 'bad';

export interface EventLine {
  readonly t: number;
  readonly label: string;
  readonly text: string;
  readonly weight: Weight;
}

/** One event as a label and a sentence. `names` are the hypotheses; `targets` tells an injection's fault and target. */
export function eventLine(
  event: JournalEvent,
  names: readonly string[],
  targets: ReadonlyMap<string, string>,
): Omit<EventLine, 't'> {
  const of = (injection: string) => targets.get(injection) ?? injection;
  switch (event.type) {
    case 'run-started':
      return normal(
        'run started',
        `${event.run} by ${event.author.user} on ${event.host}${event.dryRun ? ', dry run' : ''}`,
      );
    case 'reaper-started':
      return quiet('reaper started', `pid ${event.reaper.pid} watches over this run`);
    case 'guard-refused':
      return bad('refused', `${event.guard}: ${event.reason}${event.step ? ` (${event.step})` : ''}`);
    case 'phase':
      return quiet('phase', event.phase);
    case 'probe':
      return probeLine(event, names);
    case 'step-started':
      return quiet('step started', event.step === 'sealed' ? '(sealed)' : `${event.step} ${event.label}`);
    case 'step-finished':
      return quiet('step finished', event.step);
    case 'step-skipped':
      return normal('step skipped', `${event.step}: ${event.reason}`);
    case 'intent':
      return quiet(
        'intent',
        `${event.injection}: ${event.fault} → ${event.target.name} (${event.target.id}), written down${event.note ? `; ${event.note}` : ''}`,
      );
    case 'injected':
      return normal('injected', `${of(event.injection)}, took ${formatDuration(event.took)}`);
    case 'inject-failed':
      return bad('not injected', `${of(event.injection)}: ${event.error.message}`);
    case 'would-inject':
      return normal('would inject', `${event.fault} → ${event.target.name} (${event.target.id})`);
    case 'observed':
      return event.real
        ? normal('seen', `${of(event.injection)}: ${event.detail}`)
        : bad(event.early ? 'off early' : 'no effect', `${of(event.injection)}: ${event.detail}`);
    case 'recovered':
      return good(
        'recovered',
        `${of(event.injection)}${event.how === 'gone' ? ', the target is gone' : ''}${by(event.author)}`,
      );
    case 'recover-failed':
      return bad('not recovered', `${of(event.injection)}: ${event.error.message}${by(event.author)}`);
    case 'verified':
      return event.clean
        ? good('verified', `${of(event.injection)}: ${event.detail}`)
        : bad('not clean', `${of(event.injection)}: ${event.detail}`);
    case 'rollback':
      return (event.ok ? good : bad)('rollback', `${event.index + 1}: ${event.detail}${by(event.author)}`);
    case 'aborted':
      return bad('aborted', `${event.reason}${by(event.author)}`);
    case 'warning':
      return bad('warning', event.message);
    case 'run-finished':
      return (event.outcome === 'held' ? good : bad)('run finished', [event.outcome, ...event.reasons].join(' · '));
    default:
      return quiet('event', readable(event));
  }
}

/** What each injection is, by its id: `process-kill → shop-worker-2`. */
export function targetNames(timed: readonly Timed[]): ReadonlyMap<string, string> {
  return new Map(
    timed.flatMap(({ event }) =>
      event.type === 'intent' ? [[event.injection, `${event.fault} → ${event.target.name}`] as const] : [],
    ),
  );
}

/** All events as lines; readings in a row that agree become one line. */
export function eventLines(timed: readonly Timed[], names: readonly string[]): readonly EventLine[] {
  const targets = targetNames(timed);
  const lines: EventLine[] = [];
  const open = new Map<string, { at: number; ok: boolean; n: number }>();
  for (const { t, event } of timed) {
    if (event.type !== 'probe') {
      // What happens in between starts a new line, so that the order of things stays readable.
      open.clear();
      lines.push({ t, ...eventLine(event, names, targets) });
      continue;
    }
    const key = `${event.of} ${event.index}`;
    const running = open.get(key);
    const line = eventLine(event, names, targets);
    if (running && running.ok === event.ok) {
      running.n++;
      const name = event.of === 'stopWhen' ? `stop condition ${event.index + 1}` : (names[event.index] ?? key);
      const why = event.ok || !event.why ? '' : `, last: ${event.why}`;
      const text = `${name}: ${count(running.n, `${event.ok ? 'good' : 'bad'} reading`)} in a row${why}`;
      lines[running.at] = { t: lines[running.at]?.t ?? t, ...line, text };
      continue;
    }
    open.set(key, { at: lines.length, ok: event.ok, n: 1 });
    lines.push({ t, ...line });
  }
  return lines;
}

function probeLine(event: Extract<JournalEvent, { type: 'probe' }>, names: readonly string[]): Omit<EventLine, 't'> {
  const name =
    event.of === 'stopWhen'
      ? `stop condition ${event.index + 1}`
      : (names[event.index] ?? `hypothesis ${event.index + 1}`);
  const value = readable(event.value, 120);
  if (event.ok) return quiet('good', `${name}${value ? `: ${value}` : ''}`);
  return bad('bad', `${name}: ${event.why ?? value}`);
}

const by = (author: Author) => (author.role === 'run' ? '' : `, by ${author.role} (${author.user})`);
const line = (weight: Weight) => (label: string, text: string) => ({ label, text, weight });
const [quiet, normal, good, bad] = [line('quiet'), line('normal'), line('good'), line('bad')];
