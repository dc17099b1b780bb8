/** How a process was started, read while it lives: enough to start it again. Plain JSON. */
export type ProcessImage = {
  readonly argv: readonly string[];
  readonly exe: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** The systemd unit that owns it, when systemd runs here: then the unit is restarted instead. */
  readonly unit: string | null;
  /** Paths of stdin, stdout, stderr when they are files or devices that can be opened again, else null. */
  readonly stdio: readonly [string | null, string | null, string | null];
  readonly umask?: number;
  /** Soft limit on open files; -1 is unlimited. */
  readonly nofile?: number;
  /** Its cgroup in each hierarchy, as in /proc/PID/cgroup. */
  readonly cgroup?: readonly { readonly controllers: string; readonly path: string }[];
};

export interface RespawnCapability {
  /** Throws `target-gone`, or `permission-missing` when /proc/PID/environ may not be read. */
  image(): Promise<ProcessImage>;
  /**
   * Works although the target is gone. Start it detached; returns the new pid (for a unit: its main pid). `tag` marks it in its environment as
   * `ZASHIKI_RESPAWN=tag`, so that a second call with the same tag finds the first one's process and returns it.
   */
  start(image: ProcessImage, tag: string): Promise<number>;
  /** The living process that `start` made for this tag, or null. Works although the target is gone. */
  find(tag: string): Promise<number | null>;
}
