/** A kind of resource that the operator acts on. */
export interface KindInfo {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

const chaosMesh = (kind: string, plural: string): KindInfo => ({
  group: 'chaos-mesh.org',
  version: 'v1alpha1',
  kind,
  plural,
});
const ours = (kind: string, plural: string): KindInfo => ({ group: 'zashiki.dev', version: 'v1', kind, plural });

/** Kinds whose resources are faults on pods. */
export const faultKinds: readonly KindInfo[] = [
  chaosMesh('PodChaos', 'podchaos'),
  chaosMesh('NetworkChaos', 'networkchaos'),
  chaosMesh('StressChaos', 'stresschaos'),
];

/** Kinds that are read and checked, and then refused. */
export const laterKinds: readonly KindInfo[] = [
  chaosMesh('IOChaos', 'iochaos'),
  chaosMesh('IoChaos', 'oldiochaos'),
  chaosMesh('TimeChaos', 'timechaos'),
  chaosMesh('DNSChaos', 'dnschaos'),
  chaosMesh('HTTPChaos', 'httpchaos'),
];

export const scheduleKind = chaosMesh('Schedule', 'schedules');
export const workflowKind = chaosMesh('Workflow', 'workflows');
export const statusCheckKind = chaosMesh('StatusCheck', 'statuschecks');
export const experimentKind = ours('Experiment', 'experiments');
export const ownScheduleKind = ours('Schedule', 'schedules');

/** All kinds, in the order in which they are served. */
export const allKinds: readonly KindInfo[] = [
  ...faultKinds,
  ...laterKinds,
  scheduleKind,
  workflowKind,
  statusCheckKind,
  experimentKind,
  ownScheduleKind,
];

/** `podchaos.chaos-mesh.org`. */
export const resourceName = ({ plural, group }: KindInfo): string => `${plural}.${group}`;

/** The kind of a resource, or undefined when it is none of ours. */
export const kindOf = ({
  apiVersion,
  kind,
}: {
  readonly apiVersion: string;
  readonly kind: string;
}): KindInfo | undefined =>
  allKinds.find((each) => each.kind === kind && `${each.group}/${each.version}` === apiVersion);

/** Path of a collection or an object. */
export function pathOf({ group, version, plural }: KindInfo, namespace?: string, name?: string, sub?: string): string {
  const parts = ['/apis', group, version];
  if (namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace));
  parts.push(plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (sub !== undefined) parts.push(sub);
  return parts.join('/');
}
