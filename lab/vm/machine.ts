import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, agentOver } from './agent.ts';
import { searchPath } from './programs.ts';
import { type Monitor, monitor } from './qmp.ts';
import { descriptors, qemuArguments } from './recipe.ts';
import { LabError } from './say.ts';

/** A running guest. It dies with this process, whatever ends it. */
export interface Machine {
  readonly agent: Agent;
  readonly monitor: Monitor;
  readonly pid: number;
  /** The last lines of the guest's console and of QEMU, for errors. */
  lastLines(): string;
  /** Resolves when it has ended, by itself or not. */
  readonly gone: Promise<void>;
  /** End it at once and wait until it is gone. */
  close(): Promise<void>;
}

/**
 * How to start a guest. `payload` is an open descriptor of a file of `payloadBytes`; `state` one of the snapshot, or
 * `disk` one of a file system that keeps what the guest writes.
 */
export interface Start {
  readonly folder: string;
  readonly payload: number;
  readonly state?: number;
  readonly disk?: number;
  readonly signal: AbortSignal;
  /** Gets the console while it runs. */
  readonly onConsole?: (text: string) => void;
}

/** Start QEMU on an image. Resolves once its monitor answers. Throws a `LabError` with its last lines. */
export async function startMachine({ folder, payload, state, disk, signal, onConsole }: Start): Promise<Machine> {
  signal.throwIfAborted();
  const from = state === undefined ? (disk === undefined ? 'power-on' : 'disk') : 'state';
  const qemu = ['qemu-system-x86_64', ...qemuArguments(from)];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...qemu], {
    cwd: folder,
    env: { PATH: searchPath },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', payload, state ?? disk ?? 'ignore'],
  });
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const lastLines = tail(child, onConsole);
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  const close = async () => {
    kill();
    await gone;
    signal.removeEventListener('abort', kill);
  };
  const stream = (descriptor: number) => child.stdio[descriptor] as Duplex;
  const ask = monitor(stream(descriptors.qmp));
  const agent = agentOver(stream(descriptors.agent));
  try {
    await ask('qmp_capabilities');
    return { agent, monitor: ask, pid: child.pid ?? 0, lastLines, gone, close };
  } catch (cause) {
    await close();
    signal.throwIfAborted();
    const message = `QEMU did not start: ${(cause as Error).message}\n${lastLines()}`;
    throw new LabError(message, 'see the lines above; npm run lab:vm -- --build makes the image anew', { cause });
  }
}

/** Restore a clone from the snapshot: booted, with Docker running, its clock set. About a second. */
export async function restore(start: Omit<Start, 'state' | 'disk'>): Promise<Machine> {
  const state = openSync(`${start.folder}/state`, 'r');
  const machine = await startMachine({ ...start, state }).finally(() => closeSync(state));
  return await guarded(machine, start.signal, 'restoring the guest from its snapshot', 60_000, async () => {
    for (;;) {
      const { status, running } = (await machine.monitor('query-status')) as { status: string; running: boolean };
      if (status !== 'inmigrate') {
        if (!running) await machine.monitor('cont');
        break;
      }
      await sleep(5);
    }
    const order = { argv: ['/lab/wake', (Date.now() / 1000).toFixed(3)], cwd: '/', env: guestEnv };
    let said = '';
    const code = await machine.agent.run(order, { onErr: (bytes) => (said += bytes) });
    if (code !== 0) throw new Error(`the guest does not wake up: ${said}`);
    return machine;
  });
}

/** Environment of what runs in the guest. */
export const guestEnv: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  USER: 'root',
  LANG: 'C.UTF-8',
  DOCKER_HOST: 'unix:///run/docker.sock',
  ZASHIKI_LAB: 'vm',
};

/** Do work on a machine within a time; when it fails the machine is ended and the error tells its last lines. */
export async function guarded<T>(
  machine: Machine,
  signal: AbortSignal,
  what: string,
  timeoutMs: number,
  work: () => Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (cause) {
    await machine.close();
    signal.throwIfAborted();
    const message = `${what} failed: ${(cause as Error).message}\n${machine.lastLines()}`;
    throw new LabError(message, 'the lines above are the last of its console', { cause });
  } finally {
    clearTimeout(timer);
  }
}

function tail(child: ChildProcess, onConsole: Start['onConsole']): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr] as Readable[]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      text = (text + chunk).slice(-16_384);
      onConsole?.(chunk);
    });
  }
  return () => text.replaceAll('\r', '').trim().split('\n').slice(-25).join('\n');
}
