import { ZashikiError } from '../../core/errors.ts';
import type { Milliseconds } from '../../core/model.ts';
import type { FlagSet } from './flag-set.ts';
import { type Level, levelOf } from './log-entry.ts';

export interface LogSettings {
  readonly level: Level;
  readonly json: boolean;
  readonly slack?: { readonly url: string; readonly channel: string };
}

/** What stands before the command, and counts for all of it. */
export interface Settings {
  /** 0: once. */
  readonly interval: Milliseconds;
  readonly labels: readonly string[];
  readonly random: boolean;
  readonly dryRun: boolean;
  readonly skipErrors: boolean;
  readonly failIfNone: boolean;
  readonly allowBadPattern: boolean;
  readonly seed?: number;
  readonly engine: EngineSettings;
}

/** Which engine, and how it is reached. */
export interface EngineSettings {
  readonly runtime: 'docker' | 'containerd' | 'podman';
  /** A URL; absent: found by the platform (Podman). */
  readonly endpoint?: string;
  /** Of containerd. */
  readonly namespace?: string;
  readonly tls?: { readonly verify: boolean; readonly ca: string; readonly cert: string; readonly key: string };
}

/** How to log; needed before anything else can be said. A dry run without a level is told, else nobody would see it. */
export function logSettings(global: FlagSet | undefined, env: Env): LogSettings {
  if (!global) return { level: 'warning', json: false };
  const { values, set } = global;
  const url = String(values.get('slackhook') ?? '');
  const leveled = set.has('log-level') || env.LOG_LEVEL !== undefined;
  const level = isOn(global, 'debug') ? 'debug' : levelOf(String(values.get('log-level')));
  return {
    level: !leveled && level === 'warning' && isDry(global) ? 'info' : level,
    json: isOn(global, 'json'),
    ...(url === '' ? {} : { slack: { url, channel: String(values.get('slackchannel')) } }),
  };
}

type Env = Readonly<Record<string, string | undefined>>;

const isOn = ({ values }: FlagSet, name: string) => values.get(name) === true;
const isDry = (global: FlagSet) => isOn(global, 'dry-run') || isOn(global, 'dry');

/** Throws `usage` with Pumba's words. */
export function readSettings(global: FlagSet, env: Env): Settings {
  const { values, set } = global;
  const interval = Number(values.get('interval'));
  if (interval < 0) throw new ZashikiError('usage', 'the interval must not be negative');
  const seed = Number(values.get('seed'));
  if (seed < 0 || seed > 0x7fffffff) throw new ZashikiError('usage', `--seed: use 0 to ${0x7fffffff}`);
  return {
    interval,
    labels: splitLabels(values.get('label') as readonly string[]),
    random: isOn(global, 'random'),
    dryRun: isDry(global),
    skipErrors: isOn(global, 'skip-error'),
    failIfNone: isOn(global, 'fail-if-none'),
    allowBadPattern: isOn(global, 'allow-bad-pattern'),
    ...(set.has('seed') ? { seed } : {}),
    engine: engineOf(global, env),
  };
}

const splitLabels = (given: readonly string[]) =>
  given
    .flatMap((each) => each.split(','))
    .map((each) => each.trim())
    .filter(Boolean);

function engineOf(global: FlagSet, env: Env): EngineSettings {
  const text = (name: string) => String(global.values.get(name) ?? '');
  const runtime = text('runtime');
  if (runtime === 'docker') {
    const tls = isOn(global, 'tls') || isOn(global, 'tlsverify');
    return {
      runtime,
      endpoint: text('host') || 'unix:///var/run/docker.sock',
      ...(tls
        ? {
            tls: {
              verify: isOn(global, 'tlsverify'),
              ca: text('tlscacert'),
              cert: text('tlscert'),
              key: text('tlskey'),
            },
          }
        : {}),
    };
  }
  if (runtime === 'podman') {
    const endpoint = text('podman-socket') || env.CONTAINER_HOST || env.PODMAN_SOCK || '';
    return { runtime, ...(endpoint === '' ? {} : { endpoint: asUrl(endpoint) }) };
  }
  if (runtime === 'containerd') {
    return { runtime, endpoint: asUrl(text('containerd-socket')), namespace: text('containerd-namespace') };
  }
  throw new ZashikiError('usage', `unsupported runtime: ${runtime}`);
}

const asUrl = (socket: string) => (socket.startsWith('/') ? `unix://${socket}` : socket);
