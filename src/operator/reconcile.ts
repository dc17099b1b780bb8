import { canonicalJson, digest } from '../core/canonical.ts';
import { errorRecord } from '../core/errors.ts';
import type { EpochMs, Milliseconds } from '../core/model.ts';
import type { Api } from './api.ts';
import { type Desired, desired, isHeld } from './desired.ts';
import { doneOf, injectionsOf, isDone } from './done.ts';
import type { Read } from './meaning.ts';
import { advance, type Injection, inVain, type Move, mayBeOn, next, type Result, type Wanted } from './record.ts';
import {
  countAnnotation,
  finalizer,
  forceAnnotation,
  type OwnStatus,
  plain,
  type Resource,
  type ResourceStatus,
} from './resource.ts';
import { isFull, roomIn } from './room.ts';
import { isWaiting, type Selection, select, stepOf, stored, withoutPast, withWaiting } from './round.ts';
import { conditionsOf, containerRecords, type Happening } from './status.ts';
import { tell } from './tell.ts';
import { type Job, perform, type VerbPorts } from './verbs.ts';

/** What a reconciliation may use. */
export interface ReconcilePorts extends VerbPorts {
  readonly api: Api;
  readonly read: (resource: Resource) => Read;
  /** Why nothing may be on in the whole cluster. */
  readonly stopped: () => string | undefined;
  /** Why this resource is not ours to act on. */
  readonly foreign: (resource: Resource) => string | undefined;
  /** Injections that this process itself has put on or taken over, and when it looked at them last. */
  readonly adopted: Map<string, EpochMs>;
  /** How long recovery of a deleted resource may fail before it is let go, unverified. */
  readonly patience: Milliseconds;
}

/** So many targets at a time: more when there are many, because each round writes the whole status. */
const batchOf = (all: number): number => Math.min(100, Math.max(16, Math.ceil(all / 20)));
const reselectEvery: Milliseconds = 10_000;
const unselectedEvery: Milliseconds = 3000;
const turn: Milliseconds = 5000;
const foreignEvery: Milliseconds = 30_000;

/**
 * Bring one resource a step nearer to what it says: whatever happened before, whoever did it. Each round saves first
 * what the next round does: no fault is put on before its undo record is in the cluster. Returns when to look again.
 */
export async function reconcile(
  found: Resource,
  ports: ReconcilePorts,
  interrupted: AbortSignal,
): Promise<EpochMs | undefined> {
  let resource = found;
  const { api, clock } = ports;
  const foreign = ports.foreign(resource);
  const isOn = Object.values(ports.board.of(resource.metadata.uid)).some(mayBeOn);
  if (foreign !== undefined && resource.status?.zashiki === undefined && !isOn) {
    api.event(resource, 'Warning', 'NotActing', foreign);
    return clock.now() + foreignEvery;
  }
  // While the lever is pulled nothing comes on, so nothing has to be held: an uninstall takes the finalizers off.
  const isHeldUp = ports.stopped() !== undefined;
  if (!isHeldUp && !resource.metadata.deletionTimestamp && !resource.metadata.finalizers?.includes(finalizer)) {
    resource = await api.finalizers(resource, [...(resource.metadata.finalizers ?? []), finalizer]);
    api.event(resource, 'Normal', 'FinalizerInited', 'Finalizer has been inited');
  }
  const until = clock.mono() + turn;
  let selection: Selection | undefined;
  for (;;) {
    const round = await play(resource, selection, ports, interrupted);
    resource = round.resource;
    selection = round.selection;
    if (round.over) return release(resource, ports);
    if (!round.more) return round.again;
    // The caller reads it anew: something was said meanwhile.
    if (interrupted.aborted) return clock.now();
    if (clock.mono() > until) return clock.now();
  }
}

interface Round {
  readonly resource: Resource;
  readonly selection: Selection | undefined;
  /** There is more to do right now. */
  readonly more: boolean;
  /** Deleted, and nothing is on any more. */
  readonly over: boolean;
  readonly again?: EpochMs | undefined;
}

async function play(
  resource: Resource,
  known: Selection | undefined,
  ports: ReconcilePorts,
  interrupted: AbortSignal,
): Promise<Round> {
  const { api, clock, board } = ports;
  const { uid, deletionTimestamp, annotations } = resource.metadata;
  const before = ownOf(resource, ports);
  const read = ports.read(resource);
  const problems = 'problems' in read ? read.problems.join('; ') : undefined;
  const meaning = 'meaning' in read ? read.meaning : undefined;
  const foreign = ports.foreign(resource);
  const stopped = ports.stopped();
  const now = clock.now();
  const changed = before.of !== undefined && before.of !== digest(resource.spec);
  const countsFrom =
    annotations?.[countAnnotation] === 'creation' ? Date.parse(resource.metadata.creationTimestamp) : before.begun;
  const want: Desired = desired(
    {
      isDeleted: deletionTimestamp !== undefined,
      isPaused: meaning?.isPaused === true,
      oneShot: meaning?.oneShot === true,
      duration: meaning?.duration,
      countsFrom,
      heldFor: before.heldFor ?? 0,
      stopped,
      refused: foreign ?? problems,
    },
    now,
  );
  const on = want.on && !changed;
  let message: string | undefined = foreign ?? problems ?? (want.because === 'stopped' ? stopped : undefined);

  let selection = on ? known : undefined;
  if (on && meaning && !selection) {
    try {
      selection = await select(uid, meaning, before, ports.catalogue, now, ports.signal);
    } catch (error) {
      const { message: said, hint } = errorRecord(error);
      message = hint ? `${said}; ${hint}` : said;
    }
  }
  // What cannot be looked for now stays as it is.
  const blind = on && !selection;
  const start = selection ? withWaiting(selection, before.injections) : (before.injections ?? {});
  const wanted = selection?.wanted ?? (blind ? new Set(Object.keys(start)) : new Set<string>());
  const steps = meaning && before.chosen && !changed ? meaning.steps(before.chosen) : [];
  const meant = meaning && selection ? meaning.steps(selection.chosen) : steps;
  const offSince = want.on ? undefined : (before.offSince ?? now);
  const wantedOf = (key: string): Wanted => ({
    on: on && wanted.has(key),
    ...(offSince === undefined ? {} : { offSince }),
    forced: annotations?.[forceAnnotation] === 'forced' && deletionTimestamp !== undefined,
    ...(deletionTimestamp === undefined ? {} : { patience: ports.patience }),
  });

  const injections: Record<string, Injection> = { ...start };
  const selectorKeyOf = (injection: Injection) => stepOf(meant, injection)?.selectorKey ?? '.';
  const happenings: Happening[] = [];
  const due: { key: string; move: Move }[] = [];
  let again = want.until;
  const sooner = (at: EpochMs | undefined) => {
    if (at !== undefined) again = Math.min(again ?? at, at);
  };
  for (const [key, injection] of Object.entries(injections)) {
    const move = adopt(injection, wantedOf(key), ports) ?? next(looked(injection, ports), wantedOf(key), now);
    if (move.do === 'wait') sooner(move.until);
    else if (move.do !== 'nothing') due.push({ key, move });
  }
  const begun = Object.values(stored(injections));
  let room = roomIn(resource.status, begun);
  // Only what is new needs room.
  const fitting = due.filter(
    ({ key, move }) => move.do !== 'plan' || !isWaiting(injections[key] as Injection) || room-- > 0,
  );
  const all = Object.keys(injections).length;
  // What is being done may make room: a kill that was seen needs little.
  const isStuck = fitting.every(({ key, move }) => move.do === 'observe' && injections[key]?.reversible);
  if (fitting.length < due.length && isStuck) message = isFull(all - due.length + fitting.length, all);
  await Promise.all(
    fitting.slice(0, batchOf(all)).map(async ({ key, move }) => {
      const injection = injections[key] as Injection;
      const meantStep = stepOf(meant, injection);
      const ttl = want.until === undefined ? (meaning?.duration ?? null) : Math.max(1000, want.until - now);
      const job: Job = { resource: uid, key, injection, params: meantStep?.step.params, ttl };
      const result =
        move.do === 'give-up'
          ? ({ did: 'gave-up', reason: move.reason } as const)
          : await perform(move.do as 'plan', job, ports, interrupted);
      const isOurs = result.did === 'injected' || result.did === 'observed';
      if (isOurs && injection.reversible) ports.adopted.set(injection.tag, clock.now());
      if (isNothingNew(injection, move, result)) return;
      injections[key] = advance(injection, result, clock.now());
      happenings.push({ injection, result, selectorKey: selectorKeyOf(injection) });
    }),
  );

  const kept = withoutPast(injections, on ? wanted : new Set(Object.keys(injections)));
  const isClear = !Object.values(kept).some(mayBeOn);
  if (on && meaning && selection && Object.keys(kept).length === 0 && message === undefined) {
    message = selection.spared.length > 0 ? `no target may be hit: ${selection.spared[0]}` : 'no pod is selected';
  }
  const began = happenings.some(({ result }) => result.did === 'injected');
  const own: OwnStatus =
    changed && isClear
      ? { ...(before.seed === undefined ? {} : { seed: before.seed }), injections: {} }
      : {
          ...before,
          of: before.of ?? digest(resource.spec),
          ...(selection ? { seed: selection.seed, chosen: selection.chosen } : {}),
          injections: stored(kept),
          done: doneOf(Object.values(kept)),
          waiting: Object.values(kept).filter(isWaiting).length || undefined,
          ...holding(before, want, now),
          begun: before.begun ?? (began ? now : undefined),
          offSince,
          because: want.because,
          oneShot: meaning?.oneShot ?? before.oneShot,
          message,
        };
  const status: ResourceStatus = {
    ...resource.status,
    conditions: conditionsOf(Object.values(kept), want, meaning?.isPaused === true && !meaning.oneShot, message),
    experiment: {
      ...resource.status?.experiment,
      desiredPhase: on ? 'Run' : 'Stop',
      containerRecords: containerRecords(
        Object.values(kept),
        selectorKeyOf,
        resource.status?.experiment?.containerRecords ?? [],
        happenings,
        clock.now(),
      ),
    },
    zashiki: plain(own) as OwnStatus,
  };
  board.put(uid, kept);
  const saved = isSame(resource.status, status)
    ? resource
    : await api.saveStatus(resource, plain(status) as ResourceStatus).catch((error: unknown) => {
        // What was not written down has not begun.
        board.put(uid, Object.fromEntries(Object.entries(kept).filter(([key]) => before.injections?.[key])));
        throw error;
      });
  tell(api, saved, before, own, want, happenings, { changed: changed && isClear && want.because !== 'deleted', on });
  const over = want.because === 'deleted' && isClear;
  const left = Object.values(kept);
  // A kill that was seen is done: whoever comes later is not meant.
  const isOver = meaning?.oneShot === true && left.length > 0 && left.every(isDone);
  if (on && !isOver) sooner(now + (left.length === 0 ? unselectedEvery : reselectEvery));
  const more = fitting.length > 0 || (changed && isClear);
  return { resource: saved, selection: changed ? undefined : selection, more, over, again };
}

/** What the last leader left: it is taken over by doing it once more, which changes nothing where it is on. */
function adopt(injection: Injection, wanted: Wanted, { adopted }: ReconcilePorts): Move | undefined {
  const { phase, reversible, tag, notBefore } = injection;
  if (phase !== 'on' || !reversible || !wanted.on || notBefore !== undefined || adopted.has(tag)) return undefined;
  return { do: 'inject' };
}

/** When it was looked at last: the status does not say so each time that nothing had changed. */
function looked(injection: Injection, { adopted }: ReconcilePorts): Injection {
  const { seen, tag } = injection;
  const at = Math.max(seen?.at ?? 0, adopted.get(tag) ?? 0);
  return seen ? { ...injection, seen: { ...seen, at } } : injection;
}

/** Taken over, or seen again as it was seen before: the status need not be written. */
const isNothingNew = ({ phase, seen }: Injection, move: Move, result: Result): boolean =>
  (phase === 'on' && move.do === 'inject' && result.did === 'injected') ||
  (result.did === 'observed' && result.yes && seen?.yes === true) ||
  result.did === 'cut-short';

const isSame = (before: ResourceStatus | undefined, status: ResourceStatus): boolean =>
  canonicalJson(before) === canonicalJson(plain(status));

/** How long it was held back, and since when. */
function holding(before: OwnStatus, want: Desired, now: EpochMs): Pick<OwnStatus, 'heldSince' | 'heldFor'> {
  const { heldSince, heldFor = 0 } = before;
  if (before.begun === undefined) return {};
  if (isHeld(want)) return { heldSince: heldSince ?? now, heldFor };
  return heldSince === undefined ? { heldFor } : { heldFor: heldFor + now - heldSince, heldSince: undefined };
}

function ownOf(resource: Resource, ports: ReconcilePorts): OwnStatus {
  const { done, ...own } = resource.status?.zashiki ?? {};
  const lost = lostFrom(own.injections ?? {}, resource, ports);
  const injections = lost ? { ...lost, ...own.injections } : own.injections;
  ports.board.put(resource.metadata.uid, injections ?? {});
  if (!lost && !done) return own;
  return { ...own, ...(done ? { done } : {}), injections: { ...injectionsOf(done), ...injections } };
}

/** What we have on, and the status has no more, by somebody else's hand: it comes off before anything is begun anew. */
function lostFrom(
  known: Readonly<Record<string, Injection>>,
  resource: Resource,
  { api, board, adopted, clock }: ReconcilePorts,
): Readonly<Record<string, Injection>> | undefined {
  const lost = Object.entries(board.of(resource.metadata.uid)).filter(
    ([key, injection]) => known[key] === undefined && mayBeOn(injection) && injection.undo !== undefined,
  );
  if (lost.length === 0) return undefined;
  api.event(
    resource,
    'Warning',
    'StatusLost',
    'Its records were removed from its status: what is on is recovered first',
  );
  const at = clock.now();
  // Not to be adopted: whoever does that would put on what is not written down.
  for (const [, { tag }] of lost) adopted.set(tag, at);
  return Object.fromEntries(lost.map(([key, injection]) => [key, inVain(injection, at)]));
}

/** Let go of a resource on which nothing is left. */
async function release(resource: Resource, { api, board, adopted }: ReconcilePorts): Promise<undefined> {
  const { finalizers = [], uid } = resource.metadata;
  const left = Object.values(resource.status?.zashiki?.injections ?? {}).filter(({ phase }) => phase === 'unverified');
  for (const { tag } of Object.values(resource.status?.zashiki?.injections ?? {})) adopted.delete(tag);
  if (finalizers.includes(finalizer)) {
    await api.finalizers(
      resource,
      finalizers.filter((name) => name !== finalizer),
    );
    if (left.length > 0) await api.unverified(resource, left);
  }
  board.drop(uid);
  return undefined;
}
