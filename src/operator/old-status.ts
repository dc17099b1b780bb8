import type { EpochMs } from '../core/model.ts';
import { parseGoDuration } from '../core/schedule/go-duration.ts';
import type { Resource } from './resource.ts';

/** Where a document with `spec.scheduler` is, as Chaos Mesh of v0.9 to v1.x said it, for scripts of that time. */
export interface OldStatus {
  readonly scheduler: { readonly nextStart?: string; readonly nextRecover?: string };
  readonly experiment: {
    readonly phase: 'Running' | 'Waiting' | 'Paused' | 'Failed';
    readonly reason?: string;
    readonly startTime?: string;
    readonly endTime?: string;
    readonly duration?: string;
    readonly podRecords: readonly PodRecord[];
  };
}

interface PodRecord {
  readonly namespace: string;
  readonly name: string;
  readonly action: string;
  readonly message: string;
}

/** What is known about the rounds of such a document. */
export interface OldRounds {
  readonly resource: Resource;
  /** Rounds that are there, in any order. */
  readonly children: readonly Resource[];
  readonly active: readonly Resource[];
  readonly isPaused: boolean;
  readonly nextStart: EpochMs | undefined;
  readonly problem?: string | undefined;
}

/** Pure: from the rounds of a document, and when the next one is due. */
export function oldStatus({ resource, children, active, isPaused, nextStart, problem }: OldRounds): OldStatus {
  const byAge = (a: Resource, b: Resource) =>
    Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
  const last = [...children].sort(byAge).at(-1);
  const duration = textOf(resource.spec?.duration);
  const begun = last?.status?.zashiki?.begun;
  const isOn = last !== undefined && active.includes(last);
  const ended = isOn ? undefined : last?.status?.zashiki?.offSince;
  const startTime = begun ?? (last && Date.parse(last.metadata.creationTimestamp));
  return {
    scheduler: {
      ...(nextStart === undefined ? {} : { nextStart: instant(nextStart) }),
      ...(isOn && begun !== undefined && duration ? { nextRecover: instant(begun + parseGoDuration(duration)) } : {}),
    },
    experiment: {
      phase: problem !== undefined ? 'Failed' : isPaused ? 'Paused' : active.length > 0 ? 'Running' : 'Waiting',
      ...(problem === undefined ? {} : { reason: problem }),
      ...(startTime === undefined ? {} : { startTime: instant(startTime) }),
      ...(ended === undefined ? {} : { endTime: instant(ended) }),
      ...(duration ? { duration } : {}),
      podRecords: last ? recordsOf(last) : [],
    },
  };
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : undefined);

/** To the second, as Kubernetes writes it. */
const instant = (at: EpochMs): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

function recordsOf({ spec, status }: Resource): readonly PodRecord[] {
  const action = textOf(spec?.action) ?? '';
  const records = status?.experiment?.containerRecords ?? [];
  return records.slice(0, mostRecords).map(({ id, events }) => {
    const [namespace = '', name = ''] = id.split('/');
    const done = events?.findLast(({ operation, type }) => operation === 'Apply' && type === 'Succeeded');
    return { namespace, name, action, message: done?.message ?? '' };
  });
}

/** The status of a round with many pods is large enough already. */
const mostRecords = 100;
