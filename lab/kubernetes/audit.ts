import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from '../docker/proc.ts';
import { type Place, placeOf } from './place.ts';

/** One call that the API server has answered. */
export interface AuditedCall {
  readonly verb: string;
  readonly requestURI: string;
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly namespace?: string };
  readonly responseStatus?: { readonly code?: number };
  readonly user: { readonly username: string };
  readonly stageTimestamp: string;
}

const logOf = ({ logs }: Pick<Place, 'logs'>): string => join(logs, 'audit.log');

/** Flags that make an API server write down which calls the service accounts of the namespace `zashiki` make. */
export function auditFlags(place: Place): readonly string[] {
  const folder = join(place.folder, 'settings');
  mkdirSync(folder, { recursive: true });
  mkdirSync(place.logs, { recursive: true });
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived', 'ResponseStarted'],
    rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts:zashiki'] }, { level: 'None' }],
  };
  const file = join(folder, 'audit.json');
  writeFileSync(file, JSON.stringify(policy));
  return [`--audit-policy-file=${file}`, `--audit-log-path=${logOf(place)}`];
}

/** All calls so far of the service accounts of the namespace `zashiki` in a cluster, in order of their ends. */
export function auditedCalls(cluster?: string): readonly AuditedCall[] {
  const lines = textOf(logOf(placeOf(cluster))).split('\n');
  return lines.flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as AuditedCall] : []));
}
