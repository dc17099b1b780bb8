import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where everything of one lab cluster is. Clusters of different names live side by side. */
export interface Place {
  readonly name: string;
  /** Keys, settings, logs and the machines' disks; gone with the cluster. */
  readonly folder: string;
  /** Disks of the machines. */
  readonly machines: string;
  readonly logs: string;
  /** For whoever uses the cluster: may do anything in it. */
  readonly kubeconfig: string;
  /** The abstract socket that the keeper listens on: bound by one process at a time, freed by the kernel. */
  readonly keeper: string;
  /** The cable from here into the cluster's network. */
  readonly link: string;
  /** Parent cgroup of all pods, in every hierarchy. */
  readonly cgroup: string;
}

/** `zashiki/lab-kubernetes` in the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'zashiki', 'lab-kubernetes');
}

/** The cluster's name when none is given: ZASHIKI_LAB_KUBERNETES, or the one that all test runs of this machine share. */
export const usual = (env: NodeJS.ProcessEnv = process.env): string => env.ZASHIKI_LAB_KUBERNETES || 'shared';

/** Can a cluster have this name? */
export const isName = (name: string): boolean => /^[a-z0-9][a-z0-9-]{0,19}$/.test(name);

/** The place of the cluster of this name (letters, digits, `-`; at most 20). */
export function placeOf(name: string = usual()): Place {
  if (!isName(name)) throw new Error(`"${name}" is no name for a lab cluster`);
  const folder = join(clustersFolder(), name);
  return {
    name,
    folder,
    machines: join(folder, 'machines'),
    logs: join(folder, 'logs'),
    kubeconfig: join(folder, 'kubeconfig'),
    keeper: `\0zashiki-lab-kubernetes-${name}`,
    link: `zk${createHash('sha256').update(name).digest('hex').slice(0, 8)}`,
    cgroup: `/zashiki-lab-kubernetes/${name}`,
  };
}

/** Folders of all clusters of this user. */
export const clustersFolder = (): string => join(cacheFolder(), 'clusters');

/** Names of the nodes. */
export const nodeNames = ['n1', 'n2'] as const;

/** The addresses of a cluster: one /16, told apart by its second number. */
export interface Net {
  readonly prefix: number;
  /** The API server, and the router between nodes, pods, Services and this machine. */
  readonly controlPlane: string;
  /** This machine, as the cluster sees it. */
  readonly host: string;
  readonly nodes: readonly NodeNet[];
  readonly pods: string;
  readonly services: string;
  /** Addresses of simulated pods; nothing answers there. */
  readonly simulated: string;
}

/** The addresses of a node. */
export interface NodeNet {
  readonly name: string;
  readonly address: string;
  readonly mac: string;
  readonly pods: string;
}

/** The addresses of the cluster that has this number. */
export function netOf(prefix: number): Net {
  const at = (rest: string) => `10.${prefix}.${rest}`;
  return {
    prefix,
    controlPlane: at('0.1'),
    host: at('0.254'),
    nodes: nodeNames.map((name, index) => ({
      name,
      address: at(`0.${11 + index}`),
      mac: `02:7a:00:00:00:${11 + index}`,
      pods: at(`${65 + index}.0/24`),
    })),
    pods: at('64.0/18'),
    services: at('128.0/18'),
    simulated: at('192.0/18'),
  };
}

/** Numbers that a cluster may have; the first ones to try for this name come first. */
export function prefixes({ name }: Place): readonly number[] {
  const all = Array.from({ length: 80 }, (_, index) => 20 + index);
  const first = createHash('sha256').update(name).digest().readUInt16BE(0) % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}
