import type { LifecycleState } from '../../../../capabilities/lifecycle.ts';
import type { Summary } from '../../runtime.ts';

/** `ctr containers info`, as far as it is used. */
export interface Info {
  readonly ID: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Image: string;
  readonly SnapshotKey: string;
  readonly Snapshotter: string;
}

/** One line of `ctr tasks ls`. */
export interface Task {
  readonly pid: number;
  readonly status: Exclude<LifecycleState['status'], 'gone'>;
}

const statuses: Readonly<Record<string, Task['status']>> = {
  RUNNING: 'running',
  PAUSED: 'paused',
  PAUSING: 'paused',
  CREATED: 'created',
  STOPPED: 'exited',
};

/** The tasks by their container's id. */
export function readTasks(table: string): ReadonlyMap<string, Task> {
  const rows = table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  return new Map(
    rows.flatMap(([id, pid, status]) =>
      id && pid && status ? [[id, { pid: Number(pid), status: statuses[status] ?? 'dead' }] as const] : [],
    ),
  );
}

/** Kubernetes makes it again when it ends. */
export const isOfKubernetes = ({ Labels }: Info): boolean => Labels?.['io.cri-containerd.kind'] === 'container';

/** Holds the namespaces of a pod and nothing else: no target. */
export const isSandbox = ({ Labels }: Info): boolean => Labels?.['io.cri-containerd.kind'] === 'sandbox';

export function summaryOf(info: Info, task: Task | undefined): Summary {
  return {
    id: info.ID,
    name: nameOf(info),
    image: info.Image,
    labels: info.Labels ?? {},
    status: task?.status ?? 'exited',
    health: 'none',
    networks: [],
  };
}

/** As Pumba 1.1.7 names them: namespace/pod/container, nerdctl's name, the service of Compose, else the id. */
function nameOf({ ID, Labels }: Info): string {
  const label = (key: string) => Labels?.[key];
  const pod = [
    label('io.kubernetes.pod.namespace'),
    label('io.kubernetes.pod.name'),
    label('io.kubernetes.container.name'),
  ];
  if (pod.every(Boolean)) return pod.join('/');
  return label('nerdctl/name') ?? label('com.docker.compose.service') ?? ID;
}

/** `--filter` of containerd: all of these labels, `key` or `key=value`. */
export function labelFilter(labels: readonly string[]): readonly string[] {
  if (labels.length === 0) return [];
  const one = (label: string) => {
    const at = label.indexOf('=');
    const key = `labels.${JSON.stringify(at < 0 ? label : label.slice(0, at))}`;
    return at < 0 ? key : `${key}==${JSON.stringify(label.slice(at + 1))}`;
  };
  return [labels.map(one).join(',')];
}

/** The layers in `ctr snapshots mounts`; undefined when it is no overlay. */
export function overlayOf(mount: string): { readonly upper: string; readonly lower: readonly string[] } | undefined {
  const upper = /[,\s]upperdir=([^,\s]+)/.exec(mount)?.[1];
  const lower = /[,\s]lowerdir=([^,\s]+)/.exec(mount)?.[1];
  return upper ? { upper, lower: lower?.split(':') ?? [] } : undefined;
}

/** Addresses of a network namespace, from its `fib_trie` and `if_inet6`, without loopback and link-local ones. */
export function addressesOf(fibTrie: string, ifInet6: string): readonly string[] {
  const v4 = [...fibTrie.matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)].map((match) => match[1] ?? '');
  const v6 = ifInet6.split('\n').flatMap((line) => {
    const hex = /^[0-9a-f]{32}/.exec(line)?.[0];
    return hex && !/^(fe[89ab]|0{31}1$)/.test(hex) ? [hex.replace(/(.{4})(?=.)/g, '$1:')] : [];
  });
  return [...new Set([...v4.filter((address) => !address.startsWith('127.')), ...v6])];
}
