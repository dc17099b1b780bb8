import type { LifecycleState } from '../../capabilities/lifecycle.ts';
import type { Finished } from '../../capabilities/netns.ts';
import type { Json, JsonObject, Milliseconds } from '../../core/model.ts';

/** Which kind of engine holds the containers. */
export type RuntimeId = 'docker' | 'podman' | 'containerd';

/**
 * How an engine is reached: enough for another process with another environment, days later. Paths of key files, never
 * what is in them. Plain JSON.
 */
export type Endpoint = {
  /** `unix:///…`, `tcp://host:port`, `http(s)://…`, `ssh://[user@]host[:port]`. */
  readonly url: string;
  readonly tls?: {
    readonly verify: boolean;
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
  /** For runtimes that have namespaces (containerd). */
  readonly namespace?: string;
};

/** One container as a list shows it. */
export interface Summary {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  /** As it was written when the container was made. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: Exclude<LifecycleState['status'], 'gone'>;
  readonly health: 'healthy' | 'unhealthy' | 'starting' | 'none';
  readonly networks: readonly string[];
}

/** One container looked at closely. */
export interface Details {
  readonly state: LifecycleState;
  /** Milliseconds since 1970 at which it was last started; null when it never was. */
  readonly startedMs: number | null;
  /** Addresses in all its networks, v4 and v6. */
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** It works in the network namespace of its machine, perhaps through other containers. */
  readonly machineNetwork: boolean;
  /** The id of the container whose network namespace it works in, when it is that of another one. */
  readonly networkOf?: string;
  /** The runtime removes it as soon as it ends. */
  readonly vanishes: boolean;
  /** Its root folder's layers where the runtime tells them: what is written goes to `upper`. */
  readonly overlay?: { readonly upper: string; readonly lower: readonly string[] } | undefined;
}

/** What a list may be narrowed by where the containers are; what comes is filtered again here. */
export interface Query {
  /** Also those that do not run. */
  readonly all: boolean;
  readonly ids: readonly string[];
  readonly names: readonly string[];
  /** `key` or `key=value`; all must match. */
  readonly labels: readonly string[];
  readonly health: readonly string[];
  readonly networks: readonly string[];
}

export interface StopOptions {
  readonly signal?: string | undefined;
  readonly grace: Milliseconds;
}

export interface RemoveOptions {
  readonly force: boolean;
  readonly volumes: boolean;
  readonly links: boolean;
}

export interface ExecOptions {
  readonly user?: string | undefined;
  readonly timeoutMs?: Milliseconds | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly input?: string | undefined;
}

/**
 * One engine. All that changes a container is idempotent, and throws `target-gone` when it does not exist; an engine
 * that does not answer is `peer-unavailable`, never `target-gone`. A second kind of engine is one folder in runtimes/.
 */
export interface Runtime {
  readonly endpoint: Endpoint;
  /** Those that vanish meanwhile are left out. */
  list(query: Query, signal?: AbortSignal): Promise<readonly Summary[]>;
  /** Undefined when it does not exist. */
  inspect(id: string, signal?: AbortSignal): Promise<Details | undefined>;
  kill(id: string, signal: string): Promise<void>;
  stop(id: string, options: StopOptions): Promise<void>;
  start(id: string): Promise<void>;
  restart(id: string, grace: Milliseconds): Promise<void>;
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
  remove(id: string, options: RemoveOptions): Promise<void>;
  blueprint(id: string): Promise<JsonObject>;
  recreate(blueprint: Json): Promise<string>;
  exec(id: string, argv: readonly string[], options?: ExecOptions): Promise<Finished>;
  /** The state letters of its main process as `ps` has them, e.g. `Ss` or `T`; undefined when that cannot be told. */
  processState(id: string): Promise<string | undefined>;
  /** Containers that work in the network namespace of another one; absent where that is not possible. */
  readonly helpers?: Helpers;
}

/** Containers of ours beside another one. */
export interface Helpers {
  /** Make sure that the image is there; pulls it when it is not. Throws `not-supported`. */
  prepare(image: string): Promise<void>;
  /**
   * Start one in the network namespace of `id`, with NET_ADMIN and NET_RAW, never privileged; it ends and is removed by
   * itself after a minute at the latest. Never pulls. `apart`: in a network namespace of its own, for trials.
   */
  start(id: string, image: string, options?: { readonly apart?: boolean }): Promise<Helper>;
  /** Running containers that were started in the network namespace of one of these; and these, where they run. */
  sharers(ids: readonly string[]): Promise<readonly Sharer[]>;
}

/** A container in the network namespace of others, or that has one which others share. */
export interface Sharer extends Pick<Summary, 'id' | 'name' | 'labels'> {
  /** One of ours, which is gone soon. */
  readonly helper: boolean;
}

export interface Helper {
  run(argv: readonly string[], options?: ExecOptions): Promise<Finished>;
  remove(): Promise<void>;
}
