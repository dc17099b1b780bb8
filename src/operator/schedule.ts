import { type ChaosSchedule, pauseAnnotation } from '../compat/chaos-mesh/document.ts';
import { childOf, firesAtOnce, toSchedule } from '../compat/chaos-mesh/index.ts';
import { canonicalJson } from '../core/canonical.ts';
import { errorRecord } from '../core/errors.ts';
import type { EpochMs } from '../core/model.ts';
import type { Rng } from '../core/ports.ts';
import { seededRng } from '../core/rng.ts';
import type { Schedule } from '../core/schedule/model.ts';
import type { Api, NewResource } from './api.ts';
import { documentsOf } from './chaos-mesh.ts';
import { isFinished } from './finished.ts';
import { experimentKind, type KindInfo, kindOf } from './kinds.ts';
import { type OldRounds, type OldStatus, oldStatus } from './old-status.ts';
import { readOwn } from './own.ts';
import { type OwnStatus, plain, type Resource, type ResourceStatus } from './resource.ts';
import { type Kept, roundName, roundsOf } from './rounds.ts';

/** Labels what a Schedule has made with its name. */
export const managedBy = 'managed-by';

export interface SchedulePorts {
  readonly api: Api;
  readonly now: () => EpochMs;
  readonly stopped: () => string | undefined;
}

/** When rounds are due, and what a round is. */
interface Plan {
  readonly spec: Schedule['spec'];
  readonly atOnce: boolean;
  readonly childKind: KindInfo;
  readonly child: () => Pick<NewResource, 'apiVersion' | 'kind' | 'spec'>;
}

/** Is it to be followed as a schedule: by its kind, or because it is an old one with `scheduler`? */
export const isSchedule = ({ kind, spec }: Resource): boolean =>
  kind === 'Schedule' || (spec?.scheduler !== undefined && spec.scheduler !== null);

/** Begin what is due, end what is replaced, drop what is too old. Returns when to look again. */
export async function reconcileSchedule(resource: Resource, ports: SchedulePorts): Promise<EpochMs | undefined> {
  const { api } = ports;
  const { metadata } = resource;
  const { name, namespace, uid } = metadata;
  // What it has made belongs to it, and goes with it by itself.
  if (metadata.deletionTimestamp) return undefined;
  const plan = await planOf(resource);
  const own = resource.status?.zashiki ?? {};
  if ('problem' in plan) {
    if (own.message !== plan.problem) {
      api.event(resource, 'Warning', 'NotSupported', plan.problem);
      const old = oldOf({ resource, children: [], active: [], isPaused: false, nextStart: undefined, ...plan });
      await save(resource, { ...own, message: plan.problem }, { active: resource.status?.active, ...old }, api);
    }
    return undefined;
  }
  const { childKind } = plan;
  const listed = await api.list(childKind, namespace, `${managedBy}=${name}`);
  const children = listed.filter(({ metadata: child }) => child.ownerReferences?.some((owner) => owner.uid === uid));
  const active = children.filter((child) => !isFinished(child));
  const isPaused = metadata.annotations?.[pauseAnnotation] === 'true';
  await passOn(active, isPaused, api);
  const now = ports.now();
  const rounds = roundsOf({
    spec: plan.spec,
    kept: own.schedule as Kept | undefined,
    createdAt: Date.parse(metadata.creationTimestamp),
    atOnce: plan.atOnce,
    isPaused: isPaused || ports.stopped() !== undefined,
    running: active.length,
    rng: (draw): Rng => seededRng(0, `${uid} ${draw}`),
    now,
  });
  if (rounds.replace) for (const child of active) await api.remove(child);
  const begun: Resource[] = [];
  for (const due of rounds.begin) {
    const child = await begin(resource, plan, due, api);
    if (child) begun.push(child);
  }
  for (const { due, count, reason, forbidden } of rounds.missed) {
    const when = new Date(due).toISOString();
    if (forbidden) api.event(resource, 'Normal', 'Forbid', `Forbid spawning new job because: ${reason}`);
    else
      api.event(
        resource,
        'Warning',
        'MissSchedule',
        `Missed ${count} scheduled start time(s), the last at ${when}: ${reason}`,
      );
  }
  const finished = children
    .filter(isFinished)
    .sort((a, b) => Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp));
  const past = finished.slice(0, Math.max(0, finished.length - plan.spec.historyLimit));
  for (const child of past) await api.remove(child);
  const refs = [...(rounds.replace ? [] : active), ...begun].map(({ apiVersion, kind, metadata: child }) => ({
    apiVersion,
    kind,
    namespace: child.namespace,
    name: child.name,
    uid: child.uid,
  }));
  const { message: _message, ...rest } = own;
  const known = { children: [...children, ...begun], active: [...(rounds.replace ? [] : active), ...begun] };
  const old = oldOf({ resource, ...known, isPaused, nextStart: rounds.again });
  await save(resource, { ...rest, schedule: rounds.kept }, { active: refs, ...old }, api, rounds.begin.at(-1));
  return rounds.again;
}

/** Who wrote `spec.scheduler` reads the status of that time, too. */
const oldOf = (rounds: OldRounds): Partial<OldStatus> => (rounds.resource.kind === 'Schedule' ? {} : oldStatus(rounds));

async function planOf(resource: Resource): Promise<Plan | { readonly problem: string }> {
  try {
    if (resource.apiVersion.startsWith('zashiki.dev/')) return await ownPlan(resource);
    const read = documentsOf(resource);
    if ('problems' in read) return { problem: read.problems.join('; ') };
    const document = read.documents.find(({ kind }) => kind === 'Schedule') as ChaosSchedule;
    const { apiVersion, kind, spec } = childOf(document);
    const childKind = kindOf({ apiVersion, kind });
    if (!childKind) return { problem: `spec.type: no kind ${kind}` };
    const timing = toSchedule({
      ...document,
      spec: { ...document.spec, type: 'PodChaos', podChaos: stand },
    } as ChaosSchedule).spec;
    const child = () => ({ apiVersion, kind, spec: spec as Readonly<Record<string, unknown>> });
    return { spec: timing, atOnce: firesAtOnce(document), childKind, child };
  } catch (error) {
    return { problem: errorRecord(error).message };
  }
}

/** When something is due does not depend on what it is: any experiment stands in for it. */
const stand = { action: 'pod-kill', mode: 'one', selector: { namespaces: ['default'] } };

async function ownPlan(resource: Resource): Promise<Plan | { readonly problem: string }> {
  const read = await readOwn(resource);
  if ('problems' in read) return { problem: read.problems.join('; ') };
  if (read.document.kind !== 'Schedule') return { problem: 'kind: not a Schedule' };
  // The child gets what was written, not what was made of it: it is read once more.
  const spec = (resource.spec?.experiment ?? {}) as Readonly<Record<string, unknown>>;
  const child = () => ({ apiVersion: 'zashiki.dev/v1', kind: 'Experiment', spec });
  return { spec: read.document.spec, atOnce: false, childKind: experimentKind, child };
}

async function begin(resource: Resource, plan: Plan, due: EpochMs, api: Api): Promise<Resource | undefined> {
  const { apiVersion, kind, metadata } = resource;
  const { name, namespace, uid, labels } = metadata;
  const childName = `${name}-${roundName(uid, due)}`;
  const ownerReferences = [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }];
  const body: NewResource = {
    ...plan.child(),
    metadata: { name: childName, namespace, labels: { ...labels, [managedBy]: name }, ownerReferences },
  };
  try {
    const child = await api.create(plan.childKind, body);
    api.event(resource, 'Normal', 'Spawned', `Create new object: ${childName}`);
    return child;
  } catch (error) {
    // Begun already: what was decided then could not be kept.
    if ((error as { status?: number }).status === 409) return api.get(plan.childKind, namespace, childName);
    api.event(resource, 'Warning', 'Failed', `Failed to create new object: ${errorRecord(error).message}`);
    throw error;
  }
}

/** A pause of the schedule is one of what it has made. */
async function passOn(children: readonly Resource[], isPaused: boolean, api: Api): Promise<void> {
  for (const child of children) {
    const before = child.metadata.annotations?.[pauseAnnotation];
    const byUs = child.metadata.annotations?.[pausedByUs];
    if (isPaused && before !== 'true') await api.annotate(child, { [pauseAnnotation]: 'true', [pausedByUs]: 'true' });
    if (!isPaused && byUs === 'true') await api.annotate(child, { [pauseAnnotation]: null, [pausedByUs]: null });
  }
}

const pausedByUs = 'zashiki.dev/paused-by-schedule';

async function save(
  resource: Resource,
  own: OwnStatus,
  more: Partial<OldStatus> & { readonly active: unknown },
  api: Api,
  last?: EpochMs,
): Promise<void> {
  const time = last === undefined ? resource.status?.time : `${new Date(last).toISOString().slice(0, 19)}Z`;
  const status = plain({ ...resource.status, ...more, ...(time ? { time } : {}), zashiki: own }) as ResourceStatus;
  if (canonicalJson(resource.status) !== canonicalJson(status)) await api.saveStatus(resource, status);
}
