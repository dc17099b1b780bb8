import type { Json, Milliseconds } from '../core/model.ts';

/** `gone`: this very container no longer exists. */
export type LifecycleStatus = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead' | 'gone';

/** What a container is doing. Plain JSON. */
export type LifecycleState = {
  readonly status: LifecycleStatus;
  /** When it was last started, as the runtime writes it; changes with every restart. */
  readonly startedAt: string;
  readonly exitCode: number | null;
  readonly pid: number | null;
};

/**
 * Start and end of exactly one container. All calls are idempotent: what is already so is no error. Each throws
 * `target-gone` when the container no longer exists; `state` says `gone` instead.
 */
export interface LifecycleCapability {
  state(): Promise<LifecycleState>;
  /** A signal to its main process: `SIGTERM`, `TERM`, `15`. Throws `not-supported` for a name that is no signal. */
  kill(signal: string): Promise<void>;
  /** `signal` (default: its own stop signal), then SIGKILL when it has not ended after `grace`. */
  stop(options: { readonly signal?: string | undefined; readonly grace: Milliseconds }): Promise<void>;
  start(): Promise<void>;
  /** The runtime's own restart: stop with `grace`, then start. */
  restart(options: { readonly grace: Milliseconds }): Promise<void>;
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Remove it. `force`: also when it runs; `volumes`: its anonymous volumes too; `links`: the link of this name. */
  remove(options: { readonly force: boolean; readonly volumes: boolean; readonly links: boolean }): Promise<void>;
  /** True when the runtime removes it by itself as soon as it ends (`--rm`): a stop cannot be undone then. */
  vanishes(): Promise<boolean>;
  /** Everything needed to make it again under the same name, networks and volumes. */
  blueprint(): Promise<Json>;
  /** Make and start it again from a blueprint, unless one of this name exists. Returns the id. Works when it is gone. */
  recreate(blueprint: Json): Promise<string>;
}
