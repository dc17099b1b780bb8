import type { EpochMs } from '../core/model.ts';
import type { Desired } from './desired.ts';
import { type Injection, type Result, recordId } from './record.ts';
import type { Condition, ContainerRecord, RecordEvent } from './resource.ts';

/** Chaos Mesh keeps 100 for each target; the status of a large experiment must stay below the limits of the cluster. */
const mostEvents = (targets: number): number => (targets > 1000 ? 0 : targets > 300 ? 1 : 10);

/** What came of one injection just now. */
export interface Happening {
  readonly injection: Injection;
  readonly result: Result;
  readonly selectorKey: string;
}

/** It was seen when it was looked at last, and that look did not fail. */
const isSeen = ({ seen, error }: Injection): boolean => seen?.yes === true && error === undefined;

/** Phase of a target: of all injections on it the one that is furthest. */
function phaseOf(injections: readonly Injection[]): ContainerRecord['phase'] {
  const phases = injections.map((each) => (each.phase === 'on' && !isSeen(each) ? 'applied' : each.phase));
  if (phases.includes('unverified') || phases.includes('undone')) return 'Injected/Wait';
  if (phases.length > 0 && phases.every((phase) => phase === 'on')) return 'Injected';
  if (phases.some((phase) => phase === 'intent' || phase === 'applied' || phase === 'on')) return 'Not Injected/Wait';
  return 'Not Injected';
}

/** The records that Chaos Mesh would show: one for each target, in order, with what happened to it so far. */
export function containerRecords(
  injections: readonly Injection[],
  selectorKeyOf: (injection: Injection) => string,
  before: readonly ContainerRecord[],
  happenings: readonly Happening[],
  now: EpochMs,
): readonly ContainerRecord[] {
  const placeOf = (id: string, selectorKey: string) => `${selectorKey} ${id}`;
  const places = new Map<string, { id: string; selectorKey: string; injections: Injection[]; here: Happening[] }>();
  for (const injection of injections) {
    const [id, selectorKey] = [recordId(injection.target), selectorKeyOf(injection)];
    const place = places.get(placeOf(id, selectorKey)) ?? { id, selectorKey, injections: [], here: [] };
    place.injections.push(injection);
    places.set(placeOf(id, selectorKey), place);
  }
  for (const happening of happenings)
    places.get(placeOf(recordId(happening.injection.target), happening.selectorKey))?.here.push(happening);
  const records = new Map(before.map((record) => [placeOf(record.id, record.selectorKey), record]));
  const most = mostEvents(places.size);
  return [...places.values()].map(({ id, selectorKey, injections, here }) => {
    const known = records.get(placeOf(id, selectorKey));
    const all = [...(known?.events ?? []), ...here.flatMap((happening) => eventOf(happening, now))];
    const events = all.slice(Math.max(0, all.length - most));
    const count = (did: Result['did'], test: (result: Result) => boolean = () => true) =>
      here.filter(({ result }) => result.did === did && test(result)).length;
    return {
      id,
      selectorKey,
      phase: phaseOf(injections),
      injectedCount: (known?.injectedCount ?? 0) + count('injected'),
      recoveredCount: (known?.recoveredCount ?? 0) + count('verified', isYes) + count('gone'),
      ...(events.length > 0 ? { events } : {}),
    };
  });
}

const isYes = (result: Result): boolean => 'yes' in result && result.yes;

function eventOf({ injection, result }: Happening, now: EpochMs): readonly RecordEvent[] {
  const timestamp = `${new Date(now).toISOString().slice(0, 19)}Z`;
  const entry = (type: RecordEvent['type'], operation: RecordEvent['operation'], message?: string) => [
    { type, operation, ...(message === undefined ? {} : { message }), timestamp },
  ];
  switch (result.did) {
    case 'injected':
      return entry('Succeeded', 'Apply', wordsOf(injection));
    case 'verified':
      return result.yes ? entry('Succeeded', 'Recover') : entry('Failed', 'Recover', `not as before: ${result.detail}`);
    case 'gone':
      return injection.phase === 'selected' || injection.phase === 'intent'
        ? entry('Failed', 'Apply', 'the target is gone')
        : entry('Succeeded', 'Recover', 'the target is gone, and the fault with it');
    case 'gave-up':
      return entry('Failed', 'Recover', result.reason);
    case 'failed': {
      const operation = injection.phase === 'selected' || injection.phase === 'intent' ? 'Apply' : 'Recover';
      return entry('Failed', operation, result.error);
    }
    default:
      return [];
  }
}

/** What v0.9 to v1.x wrote about a pod that was hit. */
function wordsOf({ fault, target }: Injection): string | undefined {
  if (fault === 'pod-kill') return 'delete pod';
  const { container } = target.identity as { readonly container?: unknown };
  return fault === 'container-kill' && typeof container === 'string' ? `delete container ${container}` : undefined;
}

/** The conditions of Chaos Mesh, and `RecoveryUnverified` where it is true. `AllInjected` only when all was seen. */
export function conditionsOf(
  injections: readonly Injection[],
  { because }: Desired,
  isPaused: boolean,
  message?: string,
): readonly Condition[] {
  const live = injections.filter(({ gone }) => !gone);
  const isFelt = (each: Injection) =>
    isSeen(each) && (each.phase === 'on' || (!each.reversible && each.phase !== 'selected'));
  const selected = injections.length > 0;
  const oneShot = selected && injections.every(({ reversible }) => !reversible);
  const reached = oneShot ? injections : live;
  const allInjected = reached.length > 0 && reached.every(isFelt);
  const allRecovered = injections.every(({ phase }) => phase === 'off' || phase === 'selected');
  const unverified = injections.filter(({ phase }) => phase === 'unverified');
  const condition = (type: string, yes: boolean, reason?: string): Condition => ({
    type,
    status: yes ? 'True' : 'False',
    ...(reason ? { reason } : {}),
  });
  return [
    condition('Selected', selected, selected ? undefined : message),
    condition(
      'AllInjected',
      allInjected,
      allInjected
        ? undefined
        : (blindness(live) ??
            (selected ? message : undefined) ??
            (because === 'run' ? pending(reached, isFelt) : undefined)),
    ),
    condition('AllRecovered', allRecovered),
    condition('Paused', isPaused || because === 'stopped', because === 'stopped' ? message : undefined),
    ...(unverified.length > 0
      ? [
          condition(
            'RecoveryUnverified',
            true,
            unverified
              .map(({ target, error }) => `${recordId(target)}: ${error}`)
              .join('; ')
              .slice(0, 900),
          ),
        ]
      : []),
  ];
}

/** The first one that is still on its way. */
function pending(injections: readonly Injection[], isFelt: (each: Injection) => boolean): string | undefined {
  const late = injections.find((each) => each.phase !== 'off' && !isFelt(each));
  return late && `${recordId(late.target)}: ${late.phase === 'on' ? 'applied, and not seen yet' : 'not applied yet'}`;
}

/** Why not all is injected, in the words of the first one that is not. */
function blindness(injections: readonly Injection[]): string | undefined {
  const blind = injections.find(({ phase, seen }) => phase === 'on' && seen?.yes === false);
  if (blind) return `${recordId(blind.target)}: applied, and no effect seen: ${blind.seen?.detail}`.slice(0, 300);
  const failing = injections.find(({ error }) => error !== undefined);
  return failing && `${recordId(failing.target)}: ${failing.error}`.slice(0, 300);
}
