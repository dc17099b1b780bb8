import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { ZashikiError } from '../../core/errors.ts';

/**
 * How a cluster is reached, enough for another process with another environment, days later. Paths of files, never what
 * is in them; `files` empty: by the service account of the pod that we run in. Plain JSON.
 */
export type Cluster = {
  readonly files: readonly string[];
  readonly context: string;
  /** The address that the context led to: another one is another cluster until a person says otherwise. */
  readonly server: string;
};

/** What a selector says about it. */
export interface Wanted {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** What is looked at to find it. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly exists: (path: string) => boolean;
}

const here = (): Surroundings => ({ env: process.env, home: homedir(), exists: existsSync });
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Files of the configuration, as kubectl finds them: the given one, KUBECONFIG, ~/.kube/config; none: in a cluster. */
export function configFiles(
  given: string | undefined,
  { env, home, exists }: Surroundings = here(),
): readonly string[] {
  const named = given ?? env.KUBECONFIG;
  if (named) {
    const files = named.split(delimiter).filter((path) => path !== '');
    const there = files.map((path) => resolve(path)).filter(exists);
    if (there.length > 0) return there;
    throw new ZashikiError('file-unreadable', `the kubeconfig ${named} does not exist`, {
      hint:
        given === undefined ? 'correct KUBECONFIG' : 'correct --kubeconfig, or the key `kubeconfig` of the selector',
    });
  }
  const usual = join(home, '.kube', 'config');
  if (exists(usual)) return [usual];
  if (env.KUBERNETES_SERVICE_HOST && exists(join(serviceAccount, 'token'))) return [];
  throw new ZashikiError('file-unreadable', 'no kubeconfig was found', {
    hint: `set KUBECONFIG, make ${usual}, or name a file: --kubeconfig, or \`kubeconfig\` in a selector`,
  });
}

/** A cluster and the library's view of it. `namespace`: the context's own, `default` when it names none. */
export interface Configured {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly config: KubeConfig;
}

/** Read the configuration that a selector asks for. Throws `file-unreadable`, and `usage` for an unknown context. */
export async function configured(wanted: Wanted, look: Surroundings = here()): Promise<Configured> {
  return read(configFiles(wanted.kubeconfig, look), wanted.context);
}

/** Read it again for a pinned target. Throws `peer-unavailable` when its context leads to another cluster by now. */
export async function configuredAgain({ files, context, server }: Cluster): Promise<Configured> {
  const found = await read(files, context);
  if (found.cluster.server === server) return found;
  throw new ZashikiError(
    'peer-unavailable',
    `the context ${context} leads to ${found.cluster.server} now; the target is in the cluster at ${server}`,
    { hint: `correct the context in ${files.join(', ') || 'the pod'}, then run \`zashiki recover\`` },
  );
}

async function read(files: readonly string[], context: string | undefined): Promise<Configured> {
  const { KubeConfig } = await import('./library.ts');
  const config = new KubeConfig();
  if (files.length === 0) config.loadFromCluster();
  for (const file of files) merge(config, readFile(new KubeConfig(), file));
  const name = context ?? config.currentContext;
  const names = config.contexts.map((each) => each.name).sort();
  if (!name || !names.includes(name)) {
    const said = name ? `there is no context "${name}"` : 'no context is current';
    throw new ZashikiError('usage', `${said} in ${files.join(', ')}`, {
      hint: names.length > 0 ? `name one of these by \`context\`: ${names.join(', ')}` : 'it names no contexts at all',
    });
  }
  config.setCurrentContext(name);
  const server = config.getCurrentCluster()?.server;
  if (!server) {
    throw new ZashikiError('usage', `the context "${name}" names a cluster that is not described`, {
      hint: `correct it in ${files.join(', ')}`,
    });
  }
  const namespace = config.getContextObject(name)?.namespace?.trim() || 'default';
  return { cluster: { files, context: name, server }, namespace, config };
}

function readFile(config: KubeConfig, file: string): KubeConfig {
  try {
    config.loadFromFile(file);
    return config;
  } catch (cause) {
    throw new ZashikiError('file-unreadable', `the kubeconfig ${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** As kubectl does: of two entries of a name the first counts, and so does the first current context. */
function merge(into: KubeConfig, more: KubeConfig): void {
  const unknown = <T extends { readonly name: string }>(known: readonly T[] | undefined, given: readonly T[]) =>
    given.filter(({ name }) => !known?.some((each) => each.name === name));
  into.clusters = [...(into.clusters ?? []), ...unknown(into.clusters, more.clusters ?? [])];
  into.users = [...(into.users ?? []), ...unknown(into.users, more.users ?? [])];
  into.contexts = [...(into.contexts ?? []), ...unknown(into.contexts, more.contexts ?? [])];
  if (!into.currentContext && more.currentContext) into.currentContext = more.currentContext;
}
