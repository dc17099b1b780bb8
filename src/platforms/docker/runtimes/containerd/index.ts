import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ZashikiError } from '../../../../core/errors.ts';
import { tickMs } from '../../../host/parse.ts';
import { attempt, openProc } from '../../../host/proc.ts';
import type { Details, Endpoint, Runtime } from '../../runtime.ts';
import { goneContainer, isMissing, openCtr } from './ctr.ts';
import {
  addressesOf,
  type Info,
  isOfKubernetes,
  isSandbox,
  labelFilter,
  overlayOf,
  readTasks,
  summaryOf,
} from './read.ts';

/** How long an act of the engine may take to show. */
const patience = 10_000;
/** `ctr` is one process a call: so many at a time. */
const atATime = 8;
const pumbaStopLabel = 'com.gaiaadm.pumba.stop-signal';
const imageStopLabel = 'io.containerd.image.config.stop-signal';

/** containerd through ctr, on this machine, as Kubernetes nodes have it. */
export async function openContainerd(endpoint: Endpoint): Promise<Runtime> {
  const ctr = openCtr(endpoint);
  const proc = openProc();

  const info = async (id: string, signal?: AbortSignal): Promise<Info | undefined> => {
    const { code, stdout, stderr } = await ctr.run(['containers', 'info', id], { signal });
    if (code === 0) return JSON.parse(stdout) as Info;
    if (isMissing(stderr)) return undefined;
    throw new ZashikiError('peer-unavailable', `containerd says nothing about ${id}: ${stderr.trim()}`);
  };
  const tasks = async (signal?: AbortSignal) => readTasks(await ctr.must('all', 'list', ['tasks', 'ls'], signal));
  /** The container and what it does now. Throws `target-gone`. */
  const look = async (id: string) => {
    const [found, task] = [await info(id), (await tasks()).get(id)];
    if (!found) throw goneContainer(id);
    return { info: found, task };
  };
  const status = async (id: string) => (await look(id)).task?.status ?? 'exited';
  /** Carry it out unless it is so already; a refusal is none when it came to be so meanwhile. */
  const ask = async (id: string, what: string, isSo: (now: string) => boolean, args: readonly string[]) => {
    if (isSo(await status(id))) return;
    try {
      await ctr.must(id, what, args);
    } catch (error) {
      if (!isSo(await status(id))) throw error;
    }
  };
  const isDown = (now: string) => now === 'exited' || now === 'dead' || now === 'created';
  const kill = (id: string, signal: string) =>
    ask(id, `send ${signal} to`, isDown, ['tasks', 'kill', '--signal', signal, id]);
  const unpause = (id: string) => ask(id, 'resume', (now) => now !== 'paused', ['tasks', 'resume', id]);
  const ends = async (id: string, ms: number): Promise<boolean> => {
    for (const until = performance.now() + ms; ; await sleep(50)) {
      if (isDown(await status(id))) return true;
      if (performance.now() > until) return false;
    }
  };

  const stop: Runtime['stop'] = async (id, { signal, grace }) => {
    const { info: found, task } = await look(id);
    if (!task || isDown(task.status)) return;
    await kill(id, signal ?? found.Labels?.[pumbaStopLabel] ?? found.Labels?.[imageStopLabel] ?? 'SIGTERM');
    // A frozen process hears the signal when it goes on.
    await unpause(id);
    if (await ends(id, grace)) return;
    await kill(id, 'SIGKILL');
    if (!(await ends(id, patience))) throw new ZashikiError('inject-failed', `the container ${id} outlives SIGKILL`);
  };
  const start: Runtime['start'] = async (id) => {
    const { info: found, task } = await look(id);
    if (task && !isDown(task.status)) return;
    if (isOfKubernetes(found)) {
      throw new ZashikiError('not-supported', `${id} belongs to Kubernetes, which makes a new one by itself`);
    }
    // What has ended keeps its place until it is taken away.
    if (task) await ctr.must(id, 'clear away what ended of', ['tasks', 'rm', id]);
    await ask(id, 'start', (now) => now === 'running' || now === 'paused', ['tasks', 'start', '--detach', id]);
  };
  const details = async (id: string, signal?: AbortSignal): Promise<Details | undefined> => {
    const [found, task] = [await info(id, signal), (await tasks(signal)).get(id)];
    if (!found) return undefined;
    const stat = task && attempt(() => proc.stat(task.pid));
    const uptime = Number(proc.text('uptime').split(' ')[0]) * 1000;
    const at = (path: string) => (task && attempt(() => proc.text(`${task.pid}/net/${path}`))) ?? '';
    return {
      state: {
        status: task?.status ?? 'exited',
        // containerd does not say when; the start of the main process is as good as a name.
        startedAt: task && stat ? `${task.pid}@${stat.startTime}` : '',
        exitCode: null,
        pid: stat ? task.pid : null,
      },
      startedMs: stat ? Date.now() - uptime + Number(stat.startTime) * tickMs : null,
      addresses: stat ? addressesOf(at('fib_trie'), at('if_inet6')) : [],
      labels: found.Labels ?? {},
      vanishes: isOfKubernetes(found),
      machineNetwork: stat ? sameNetwork(task.pid) : false,
      overlay: await overlay(found),
    };
  };
  const sameNetwork = (pid: number) => attempt(() => proc.link(pid, 'ns/net') === proc.link(1, 'ns/net')) ?? false;
  const overlay = async ({ SnapshotKey, Snapshotter }: Info) => {
    if (!SnapshotKey) return undefined;
    const { code, stdout } = await ctr.run(['snapshots', '--snapshotter', Snapshotter, 'mounts', '/root', SnapshotKey]);
    return code === 0 ? overlayOf(stdout) : undefined;
  };

  return {
    endpoint,
    async list({ all, labels }, signal) {
      const running = await tasks(signal);
      const filters = labelFilter(labels);
      const ids = (await ctr.must('all', 'list', ['containers', 'ls', '--quiet', ...filters], signal)).split('\n');
      const meant = ids.filter((id) => id && (all || !isDown(running.get(id)?.status ?? 'exited')));
      const found: (Info | undefined)[] = [];
      for (let from = 0; from < meant.length; from += atATime) {
        found.push(...(await Promise.all(meant.slice(from, from + atATime).map((id) => info(id, signal)))));
      }
      return found.flatMap((one) => (one && !isSandbox(one) ? [summaryOf(one, running.get(one.ID))] : []));
    },
    inspect: details,
    kill,
    stop,
    start,
    async restart(id, grace) {
      await stop(id, { grace });
      await start(id);
    },
    pause: (id) => ask(id, 'pause', (now) => now === 'paused', ['tasks', 'pause', id]),
    unpause,
    async remove(id, { force }) {
      const task = (await tasks()).get(id);
      if (task && !isDown(task.status) && !force) {
        throw new ZashikiError('inject-failed', `${id} is ${task.status}: it is removed by force only`);
      }
      if (task) await ctr.run(['tasks', 'rm', '--force', id]);
      const { code, stderr } = await ctr.run(['containers', 'rm', id]);
      if (code !== 0 && !isMissing(stderr)) {
        throw new ZashikiError('inject-failed', `containerd refused to remove ${id}: ${stderr.trim()}`);
      }
    },
    async blueprint() {
      throw new ZashikiError('not-supported', 'containerd cannot make a container again as it was', {
        hint: 'use container-restart, or container-remove where something else brings it back',
      });
    },
    async recreate() {
      throw new ZashikiError('not-supported', 'containerd cannot make a container again as it was');
    },
    async exec(id, argv, { user = '0', ...options } = {}) {
      const name = `zashiki-${randomBytes(6).toString('hex')}`;
      // Ending ctr would not end what it has started.
      const end = () => ctr.run(['tasks', 'kill', '--exec-id', name, '--signal', 'SIGKILL', id]).catch(() => {});
      const finished = await ctr
        .run(['tasks', 'exec', '--exec-id', name, '--user', user, id, ...argv], options)
        .catch(async (error: unknown) => {
          await end();
          throw error;
        });
      if (finished.code === -1) await end();
      if (finished.code === 1 && isMissing(finished.stderr)) throw goneContainer(id);
      const unknown = finished.code === 1 && /^ctr: OCI runtime exec failed/m.test(finished.stderr);
      return unknown ? { ...finished, code: 126 } : finished;
    },
    processState: async () => undefined,
  };
}
