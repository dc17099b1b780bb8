import type { StatusCheck } from '../compat/chaos-mesh/document.ts';
import { durationOf } from '../compat/chaos-mesh/fields.ts';
import type { EpochMs } from '../core/model.ts';
import type { Condition } from './resource.ts';

/** One look at the service. */
export interface CheckRecord {
  readonly startTime: string;
  readonly outcome: 'Success' | 'Failure';
}

/** How a StatusCheck stands, as its status has it. */
export interface CheckStatus {
  readonly startTime?: string | undefined;
  readonly completionTime?: string | undefined;
  readonly count?: number | undefined;
  readonly records?: readonly CheckRecord[] | undefined;
  readonly conditions?: readonly Condition[] | undefined;
}

/** What comes next: a look now, a look later, or nothing any more. */
export type CheckMove =
  | { readonly do: 'look' }
  | { readonly do: 'wait'; readonly until: EpochMs }
  | { readonly do: 'end' };

/** Pure: from the document and what was seen. */
export function nextCheck(spec: StatusCheck['spec'], status: CheckStatus, now: EpochMs): CheckMove {
  if (status.completionTime !== undefined) return { do: 'end' };
  const last = status.records?.at(-1);
  const due = last ? Date.parse(last.startTime) + spec.intervalSeconds * 1000 : now;
  const end = endOf(spec, status);
  if (end !== undefined && now >= end) return { do: 'look' };
  return now >= due ? { do: 'look' } : { do: 'wait', until: Math.min(due, end ?? due) };
}

const endOf = ({ duration }: StatusCheck['spec'], { startTime }: CheckStatus): EpochMs | undefined =>
  duration === undefined || startTime === undefined ? undefined : Date.parse(startTime) + durationOf(duration);

/** The status after a look (none: time is up), with the conditions that Chaos Mesh would show. */
export function afterCheck(
  spec: StatusCheck['spec'],
  status: CheckStatus,
  look: CheckRecord | undefined,
  now: EpochMs,
): CheckStatus {
  const records = [...(status.records ?? []), ...(look ? [look] : [])].slice(-spec.recordsHistoryLimit);
  const startTime = status.startTime ?? new Date(now).toISOString();
  const row = (outcome: CheckRecord['outcome']) => {
    const other = records.findLastIndex((record) => record.outcome !== outcome);
    return records.length - 1 - other;
  };
  const failed = row('Failure') >= spec.failureThreshold;
  const succeeded = row('Success') >= spec.successThreshold;
  const end = endOf(spec, { startTime });
  const late = end !== undefined && now >= end;
  const completed = failed || late || (spec.mode === 'Synchronous' && succeeded);
  const condition = (type: string, yes: boolean): Condition => ({ type, status: yes ? 'True' : 'False' });
  return {
    startTime,
    count: (status.count ?? 0) + (look ? 1 : 0),
    records,
    conditions: [
      condition('Completed', completed),
      condition('DurationExceed', late),
      condition('FailureThresholdExceed', failed),
      condition('SuccessThresholdExceed', succeeded),
    ],
    ...(completed ? { completionTime: new Date(now).toISOString() } : {}),
  };
}

/** Was it well when it ended? One that goes on all the while was, unless it failed too often. */
export function checkVerdict(spec: StatusCheck['spec'], { conditions = [] }: CheckStatus): boolean {
  const is = (type: string) => conditions.some((each) => each.type === type && each.status === 'True');
  return spec.mode === 'Continuous' ? !is('FailureThresholdExceed') : is('SuccessThresholdExceed');
}

/** `"200"`, `"200-299"`. */
export function isWanted(criteria: string, code: number): boolean {
  const [from, to = from] = criteria.split('-').map(Number);
  return code >= (from ?? 0) && code <= (to ?? 0);
}

/** Ask the service once. */
export async function look(
  { http, timeoutSeconds }: StatusCheck['spec'],
  now: EpochMs,
  signal: AbortSignal,
): Promise<CheckRecord> {
  const startTime = new Date(now).toISOString();
  if (!http) return { startTime, outcome: 'Failure' };
  try {
    const headers = Object.entries(http.headers ?? {}).flatMap(([name, values]) =>
      values.map((value): [string, string] => [name, value]),
    );
    const answer = await fetch(http.url, {
      method: http.method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]),
      ...(http.body === undefined || http.method === 'GET' ? {} : { body: http.body }),
    });
    await answer.body?.cancel();
    return { startTime, outcome: isWanted(http.criteria.statusCode, answer.status) ? 'Success' : 'Failure' };
  } catch {
    return { startTime, outcome: 'Failure' };
  }
}
