import type { EventOf, JournalEvent } from '../core/events.ts';
import type { Step, TargetRef } from '../core/model.ts';

const hidden = 'sealed';
const target: TargetRef = { platform: 'sealed', id: 'sealed', name: 'a target', identity: {} };

/** True while nobody may see what is hit: the run is sealed and has not finished. */
export function isSealed(events: readonly JournalEvent[]): boolean {
  const start = events.find((event) => event.type === 'run-started');
  return start?.sealed === true && !events.some((event) => event.type === 'run-finished');
}

/** The event as bystanders of a sealed drill may see it: without fault, target, parameters and what was seen. */
export function sealEvent(event: JournalEvent): JournalEvent {
  switch (event.type) {
    case 'run-started':
      return sealStart(event);
    case 'intent':
      return sealIntent(event);
    case 'victims-chosen':
      return { ...event, step: 'sealed', victims: event.victims.map(() => target) };
    case 'would-inject':
      return { ...event, fault: 'sealed', target, step: 'sealed' };
    case 'step-started':
      return { ...event, step: 'sealed', label: hidden };
    case 'step-finished':
      return { ...event, step: 'sealed' };
    case 'step-skipped':
    case 'guard-refused':
      return { ...event, step: 'sealed', reason: hidden };
    case 'observed':
    case 'verified':
      return { ...event, detail: hidden };
    case 'inject-failed':
    case 'recover-failed':
      return { ...event, error: { code: event.error.code, message: hidden } };
    case 'warning':
      return { ...event, message: hidden };
    default:
      return event;
  }
}

/** All events, sealed as long as the drill goes on; as they are once it has finished. */
export function sealEvents(events: readonly JournalEvent[]): readonly JournalEvent[] {
  return isSealed(events) ? events.map(sealEvent) : events;
}

function sealStart(event: EventOf<'run-started'>): JournalEvent {
  const { experiment } = event.plan;
  const spec = { ...experiment.spec, seed: undefined, method: experiment.spec.method.map(sealStep) };
  const steps = event.plan.steps.map(({ how: _, ...step }) => ({
    ...step,
    path: 'sealed',
    fault: 'sealed',
    victims: step.victims.map(() => target),
    spared: [],
  }));
  const plan = { ...event.plan, experiment: { ...experiment, spec }, steps, seed: 0 };
  return { ...event, plan, replay: 'sealed until the drill ends' };
}

function sealIntent({ note: _, shares: __, ...event }: EventOf<'intent'>): JournalEvent {
  return { ...event, fault: 'sealed', target, params: {}, undo: null, step: 'sealed', claims: [] };
}

function sealStep(): Step {
  return { kind: 'pause', name: hidden, pause: 0 };
}
