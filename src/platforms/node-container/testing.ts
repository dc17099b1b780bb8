import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { accessSync, constants, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupMounts } from '../host/cgroups.ts';
import { openProc } from '../host/proc.ts';

/** Processes in cgroups that are named as a runtime names them: a container as far as cgroups and processes show it. */
export interface PlainContainer {
  readonly id: string;
  readonly pod: string;
  readonly pid: number;
  end(): Promise<void>;
}

/** Why this machine cannot make them; undefined when it can. */
export function unableToMake(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  return hierarchies().length > 0 ? undefined : 'needs to write below /sys/fs/cgroup (root)';
}

/** Where resources are bounded and we may make cgroups: all of v1, or the unified one. */
function hierarchies(): readonly string[] {
  const mounts = cgroupMounts(openProc().text('self/mountinfo')).filter(({ root }) => root === '/');
  const useful = mounts.filter(({ controllers }) =>
    controllers.length === 0 ? true : controllers.some((name) => ['pids', 'memory', 'cpu'].includes(name)),
  );
  return useful.map(({ folder }) => folder).filter(writable);
}

function writable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Start a program as the main process of a container. `style`: folders as of cgroupfs, or systemd's slices. */
export async function plainContainer(
  options: {
    readonly style?: 'cgroupfs' | 'systemd';
    readonly pod?: string;
    readonly argv?: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
  } = {},
): Promise<PlainContainer> {
  const { style = 'cgroupfs', pod = randomUUID(), argv = ['sleep', '1000'] } = options;
  const id = randomBytes(32).toString('hex');
  const parts =
    style === 'cgroupfs'
      ? ['zashiki-test', `pod${pod}`, id]
      : ['zashiki-test', `kubepods-pod${pod.replaceAll('-', '_')}.slice`, `cri-containerd-${id}.scope`];
  const folders = hierarchies().map((folder) => join(folder, ...parts));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: 'ignore', ...(options.env ? { env: options.env } : {}) });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (const folder of folders) writeFileSync(join(folder, 'cgroup.procs'), String(child.pid));
  return {
    id,
    pod,
    pid: child.pid ?? 0,
    async end() {
      child.kill('SIGKILL');
      await gone;
      for (const folder of folders) await remove(folder);
    },
  };
}

/** A cgroup is busy for a moment after its last process has ended; those above may hold others. */
async function remove(folder: string): Promise<void> {
  for (let at = folder; at.includes('zashiki-test'); at = join(at, '..')) {
    for (let tries = 0; tries < 50; tries++) {
      try {
        rmdirSync(at);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || at !== folder) break;
        await sleep(20);
      }
    }
  }
}
