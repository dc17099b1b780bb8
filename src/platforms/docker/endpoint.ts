import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ZashikiError } from '../../core/errors.ts';
import { contextEndpoint, currentContext } from './contexts.ts';
import type { Endpoint, RuntimeId } from './runtime.ts';
import type { Surroundings } from './surroundings.ts';

const here = (): Surroundings => ({ env: process.env, home: homedir(), exists: existsSync });

/**
 * The engine that Docker's command line would use: DOCKER_HOST, DOCKER_CONTEXT, the current context, the usual socket;
 * where there is none, rootless Docker's, Docker Desktop's and Podman's. `given`: a URL, or the name of a context.
 */
export function findEndpoint(given?: string, runtime: RuntimeId = 'docker', look = here()): Endpoint {
  if (runtime === 'containerd') return containerd(given, look);
  if (runtime === 'podman' && given === undefined) return podman(look);
  if (given !== undefined && !given.includes('://')) return contextEndpoint(given, look);
  const url = given ?? look.env.DOCKER_HOST;
  if (url) return withTls(checked(url), look);
  const context = look.env.DOCKER_CONTEXT || currentContext(look);
  if (context && context !== 'default') return contextEndpoint(context, look);
  const runtimeDir = look.env.XDG_RUNTIME_DIR;
  const sockets = [
    '/var/run/docker.sock',
    ...(runtimeDir ? [join(runtimeDir, 'docker.sock')] : []),
    join(look.home, '.docker/run/docker.sock'),
    ...podmanSockets(look),
  ];
  return { url: `unix://${sockets.find(look.exists) ?? sockets[0]}` };
}

/** Kubernetes' namespace unless the environment names another, as ctr and nerdctl read it. */
function containerd(given: string | undefined, { env }: Surroundings): Endpoint {
  const url = checked(given ?? `unix://${env.CONTAINERD_ADDRESS || '/run/containerd/containerd.sock'}`);
  if (!url.startsWith('unix:')) {
    throw new ZashikiError('usage', `containerd is reached by a socket of this machine, not at ${url}`, {
      hint: 'write unix:///run/containerd/containerd.sock, and run on that machine',
    });
  }
  return { url, namespace: env.CONTAINERD_NAMESPACE || 'k8s.io' };
}

function podman(look: Surroundings): Endpoint {
  const url = look.env.CONTAINER_HOST || look.env.PODMAN_SOCK;
  if (url) return { url: checked(url.startsWith('/') ? `unix://${url}` : url) };
  const sockets = podmanSockets(look);
  return { url: `unix://${sockets.find(look.exists) ?? sockets[0]}` };
}

const podmanSockets = ({ env }: Surroundings): readonly string[] => [
  '/run/podman/podman.sock',
  ...(env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'podman/podman.sock')] : []),
];

/** TLS as Docker's command line has it: only for TCP, and only when DOCKER_TLS_VERIFY or DOCKER_TLS asks for it. */
function withTls(url: string, { env, home, exists }: Surroundings): Endpoint {
  const verify = Boolean(env.DOCKER_TLS_VERIFY);
  if (!/^(tcp|https):/.test(url) || !(verify || env.DOCKER_TLS || url.startsWith('https:'))) return { url };
  const folder = env.DOCKER_CERT_PATH || join(env.DOCKER_CONFIG || join(home, '.docker'));
  const file = (name: string) => {
    const path = join(folder, name);
    return exists(path) ? path : undefined;
  };
  const tls = {
    verify: verify || url.startsWith('https:'),
    ca: file('ca.pem'),
    cert: file('cert.pem'),
    key: file('key.pem'),
  };
  return { url, tls: JSON.parse(JSON.stringify(tls)) };
}

const schemes = ['unix', 'tcp', 'http', 'https', 'ssh'];

/** What is wrong with the URL of an engine, or undefined. */
export function endpointProblem(url: string): string | undefined {
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1];
  if (scheme === undefined || !schemes.includes(scheme)) {
    return `"${url}" is no address of an engine: write ${schemes.map((each) => `${each}://`).join(', ')}`;
  }
  if (scheme === 'unix')
    return /^unix:\/\/\/./.test(url) ? undefined : 'write the whole path: unix:///var/run/docker.sock';
  return URL.canParse(url.replace(/^(tcp|ssh):/, 'http:')) ? undefined : `"${url}" is no URL`;
}

function checked(url: string): string {
  const full = url.includes('://') ? url : `tcp://${url}`;
  const problem = endpointProblem(full);
  if (!problem) return full.replace(/\/$/, '');
  throw new ZashikiError('usage', problem, { hint: 'correct DOCKER_HOST, or the key `engine` of the selector' });
}
