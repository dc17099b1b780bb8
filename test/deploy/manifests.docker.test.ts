import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { has } from '../../benchmarks/pumba-binary.ts';
import { delayOf, kernelHasNetem } from '../../benchmarks/pumba-seen.ts';
import { hold } from '../../lab/docker/index.ts';
import { buildOurImage } from '../../lab/docker/our-image.ts';
import { placeOf } from '../../lab/docker/place.ts';
import { type Container, container, docker, unable, unique } from '../fixtures/docker.ts';
import { documentsOf, type Wanted, wantedOf } from './manifests.ts';
import { exitOf, logsOf, socketPath } from './our-image.ts';

const socket = '/var/run/docker.sock';

/** The container of a manifest, as its orchestrator starts it, with the lab's engine where the node's would be. */
async function started(wish: Wanted, state = unique('state'), labels = {}): Promise<Container> {
  const { args, command, user, hostPid, capabilities, mounts, memory } = wish;
  const source = (from: string, to: string) =>
    from === socket ? socketPath() : to === '/var/lib/zashiki' ? state : from;
  if (state) onTestFinished(() => docker('DELETE', `/volumes/${state}?force=1`).catch(() => undefined));
  const { Id: id } = await docker('POST', `/containers/create?name=${unique('chaos')}`, {
    Image: 'zashiki/pumba',
    Cmd: args,
    ...(command ? { Entrypoint: command } : {}),
    ...(user ? { User: user } : {}),
    Labels: { 'zashiki.dev/test': 'true', ...labels },
    HostConfig: {
      Binds: mounts.map(({ from, to, readOnly }) => `${source(from, to)}:${to}${readOnly ? ':ro' : ''}`),
      CapAdd: capabilities,
      ...(hostPid ? { PidMode: 'host' } : {}),
      ...(memory ? { Memory: Number.parseInt(memory, 10) << 20 } : {}),
    },
  });
  // Before the volume, which it uses.
  const remove = () => docker('DELETE', `/containers/${id}?force=1&v=1`).catch(() => undefined);
  onTestFinished(remove);
  await docker('POST', `/containers/${id}/start`);
  return { id, name: id, remove, inspect: () => docker('GET', `/containers/${id}/json`) };
}

const statusOf = async (each: Container): Promise<string> => (await each.inspect()).State.Status;

/** Ended by its orchestrator: SIGTERM, and it exits with 0 after undoing what is on. */
async function endsWell(chaos: Container): Promise<void> {
  await docker('POST', `/containers/${chaos.id}/kill?signal=SIGTERM`);
  expect(await exitOf(chaos.id), await logsOf(chaos.id)).toBe(0);
}

const wanted = (manifest: string, name: string): Wanted => {
  const found = wantedOf(manifest).find((each) => each.name === name);
  if (!found) throw new Error(`${manifest} has no container ${name}`);
  return found;
};

/** The manifest's arguments, but with a target that only this test has. */
const aimedAt = (found: Wanted, from: string, to: string): Wanted => ({
  ...found,
  args: found.args.map((arg) => arg.replace(from, to)),
});

const soon = { timeout: 60_000, interval: 100 };

describe.skipIf(unable)('PU-29 the manifests of deploy/pumba, each container run as it is written', () => {
  beforeAll(async () => {
    await buildOurImage(socketPath(), 'pumba', placeOf().cache, 'zashiki/pumba');
  });

  test('daemonset.yaml pumba-pause: containers of one pod, by label, and nothing else', async () => {
    const pod = unique('pod');
    const victim = await container({ labels: { 'io.kubernetes.pod.name': pod } });
    const bystander = await container({ labels: { 'io.kubernetes.pod.name': `${pod}-other` } });
    const chaos = await started(aimedAt(wanted('daemonset.yaml', 'pumba-pause'), 'test-1', pod));
    await expect.poll(() => statusOf(victim), soon).toBe('paused');
    expect(await statusOf(bystander)).toBe('running');
    await endsWell(chaos);
    expect(await statusOf(victim)).toBe('running');
    expect(await logsOf(chaos.id)).toMatch(/level=info msg="pausing container" .* name=\//);
  });

  test('daemonset-openshift.yaml: by its own command, as root, with the old flag --debug', async () => {
    const tag = unique('hello');
    const victim = await container({ name: `x-${tag}` });
    const bystander = await container();
    const chaos = await started(aimedAt(wanted('daemonset-openshift.yaml', 'pumba'), 'hello', tag));
    await expect.poll(() => statusOf(victim), soon).toBe('exited');
    expect((await victim.inspect()).State.ExitCode).toBe(137);
    expect(await statusOf(bystander)).toBe('running');
    await endsWell(chaos);
  });

  test('docker-compose.yaml: one worker of two is killed, and pong is paused', async () => {
    const tag = unique();
    const workers = [await container({ name: `${tag}-worker_1` }), await container({ name: `${tag}-worker_2` })];
    const pong = await container({ name: `${tag}-pong` });
    const pause = await started(aimedAt(wanted('docker-compose.yaml', 'chaos-pause'), 're2:pong', `re2:${tag}-pong`));
    const kill = await started(aimedAt(wanted('docker-compose.yaml', 'chaos-kill'), 're2:worker', `re2:${tag}-worker`));
    const dead = async () => (await Promise.all(workers.map(statusOf))).filter((status) => status === 'exited').length;
    await expect.poll(() => statusOf(pong), soon).toBe('paused');
    await expect.poll(dead, soon).toBe(1);
    await endsWell(kill);
    await endsWell(pause);
    expect(await statusOf(pong)).toBe('running');
  });

  test('daemonset-stress.yaml: load in the cgroup of the pod, by named capabilities', async () => {
    const pod = unique('pod');
    const victim = await container({ labels: { 'io.kubernetes.pod.name': pod } });
    const inside = async () => {
      const { Processes } = await docker('GET', `/containers/${victim.id}/top`);
      return Processes.filter((line: readonly string[]) => line.some((field) => field.includes('stress-ng'))).length;
    };
    const chaos = await started(aimedAt(wanted('daemonset-stress.yaml', 'pumba-stress'), 'test-stress', pod));
    await expect.poll(inside, soon).toBeGreaterThan(1);
    await endsWell(chaos);
    expect(await inside()).toBe(0);
  });

  test('daemonset.yaml pumba-delay: packets of one pod, by a helper of its own image', async (context) => {
    if (!kernelHasNetem()) context.skip('needs a kernel with sch_netem');
    const pod = unique('pod');
    const victim = await container({ image: 'nettools', labels: { 'io.kubernetes.pod.name': pod } });
    const chaos = await started(aimedAt(wanted('daemonset.yaml', 'pumba-delay'), 'test-2', pod));
    await delayOf(socketPath(), victim.id);
    await endsWell(chaos);
    const { Pid } = (await victim.inspect()).State;
    const { stdout } = spawnSync('nsenter', ['--target', String(Pid), '--net', 'tc', 'qdisc'], { encoding: 'utf8' });
    expect(stdout).not.toContain('netem');
  });

  test('pumba.service: what its docker run does', async () => {
    const tag = unique('test');
    const victim = await container({ name: tag });
    const chaos = await started(aimedAt(wanted('pumba.service', 'pumba'), '^test', `^${tag}`));
    await expect.poll(() => statusOf(victim), soon).toBe('exited');
    expect((await victim.inspect()).State.ExitCode).toBe(0);
    await endsWell(chaos);
  });

  test('swarm.yaml: deployed as a stack, on every node, while the swarm replaces what is killed', async (context) => {
    if (!has('docker')) context.skip('needs the docker command line');
    // An engine of its own: a swarm changes all of it.
    const engine = await hold(unique('swarm').slice(0, 12));
    onTestFinished(() => engine.release());
    await buildOurImage(engine.place.socket, 'pumba', placeOf().cache, 'zashiki/pumba');
    const cli = (...args: readonly string[]) => {
      const { status, stdout, stderr } = spawnSync('docker', args, {
        encoding: 'utf8',
        env: { ...process.env, DOCKER_HOST: engine.host },
      });
      expect(status, stderr).toBe(0);
      return stdout;
    };
    cli('swarm', 'init', '--advertise-addr', '127.0.0.1', '--listen-addr', '127.0.0.1:0');
    const folder = mkdtempSync(join(tmpdir(), 'zashiki-stack-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'stack.yaml');
    const hello = { image: 'zashiki-lab/busybox', command: 'sleep 3600', deploy: { replicas: 2 } };
    const [stack] = documentsOf('swarm.yaml');
    const aim = stack.services.pumba;
    aim.volumes = aim.volumes.map((text: string) => text.replace(/^\/var\/run\/docker.sock/, engine.place.socket));
    writeFileSync(file, stringify({ ...stack, services: { ...stack.services, hello } }));
    cli('stack', 'deploy', '--resolve-image', 'never', '--compose-file', file, 'chaos');
    const killed = () =>
      cli('ps', '--all', '--filter', 'name=chaos_hello', '--format', '{{.Status}}').match(/Exited \(137\)/g)?.length ??
      0;
    const living = () => cli('ps', '--filter', 'name=chaos_hello', '--format', '{{.ID}}').split('\n').length - 1;
    await expect.poll(killed, { timeout: 90_000, interval: 500 }).toBeGreaterThan(1);
    await expect.poll(living, soon).toBeGreaterThan(0);
    expect(cli('ps', '--filter', 'name=chaos_pumba', '--format', '{{.ID}}').trim()).not.toBe('');
  }, 300_000);

  test('it spares itself and its like, whatever is asked for', async () => {
    const tag = unique();
    const args = ['--log-level', 'info', 'kill', `re2:${tag}|chaos`];
    const other = await started({ ...wanted('swarm.yaml', 'pumba'), args: ['--interval', '1h', 'kill', unique()] });
    const victim = await container({ name: tag });
    const chaos = await started({ ...wanted('swarm.yaml', 'pumba'), args });
    expect(await exitOf(chaos.id), await logsOf(chaos.id)).toBe(0);
    expect(await statusOf(victim)).toBe('exited');
    expect(await statusOf(other)).toBe('running');
  });

  test.each(['SIGKILL', 'SIGTERM'])(
    'what is on when it is ended by %s is undone, at once or by its next start',
    async (signal) => {
      const victim = await container();
      const pausing = { ...wanted('pumba.service', 'pumba'), args: ['pause', '--duration', '1h', victim.name] };
      const state = unique('state');
      const chaos = await started(pausing, state);
      await expect.poll(() => statusOf(victim), soon).toBe('paused');
      await docker('POST', `/containers/${chaos.id}/kill?signal=${signal}`);
      await exitOf(chaos.id);
      expect(await statusOf(victim)).toBe(signal === 'SIGKILL' ? 'paused' : 'running');
      if (signal === 'SIGTERM') return;
      // Another container with the same volume, in whose pid namespace nothing of the first one is left.
      const next = await started({ ...pausing, args: ['kill', unique()] }, state);
      expect(await exitOf(next.id), await logsOf(next.id)).toBe(0);
      expect(await statusOf(victim)).toBe('running');
    },
  );

  test('without a volume it says so, and the next container still undoes what one of its owner left behind', async () => {
    const victim = await container();
    const wish = { ...wanted('pumba.service', 'pumba'), mounts: [{ from: socket, to: socket, readOnly: false }] };
    const owner = { 'com.docker.compose.project': unique('project') };
    const chaos = await started({ ...wish, args: ['pause', '--duration', '1h', victim.name] }, '', owner);
    await expect.poll(() => statusOf(victim), soon).toBe('paused');
    expect(await logsOf(chaos.id)).toMatch(/level=warning msg="undo records end with this container: .* volume/);
    const harmless = { ...wish, args: ['kill', unique()] };
    const living = await started(harmless, '', owner);
    expect(await exitOf(living.id), await logsOf(living.id)).toBe(0);
    expect(await statusOf(victim)).toBe('paused');
    await docker('POST', `/containers/${chaos.id}/kill?signal=SIGKILL`);
    await exitOf(chaos.id);
    const stranger = await started(harmless);
    expect(await exitOf(stranger.id), await logsOf(stranger.id)).toBe(0);
    expect(await statusOf(victim)).toBe('paused');
    const next = await started(harmless, '', owner);
    expect(await exitOf(next.id), await logsOf(next.id)).toBe(0);
    expect(await logsOf(next.id)).toMatch(
      /level=warning msg="recovering what another container left behind" did=recovered/,
    );
    expect(await statusOf(victim)).toBe('running');
    const later = await started(harmless, '', owner);
    await exitOf(later.id);
    expect(await logsOf(later.id)).not.toContain('left behind');
  });

  test('started again after SIGKILL, the same container undoes what it left behind, without any volume', async () => {
    const victim = await container();
    const wish = { ...wanted('pumba.service', 'pumba'), mounts: [{ from: socket, to: socket, readOnly: false }] };
    const chaos = await started({ ...wish, args: ['--interval', '3h', 'pause', '--duration', '1h', victim.name] });
    await expect.poll(() => statusOf(victim), soon).toBe('paused');
    await docker('POST', `/containers/${chaos.id}/kill?signal=SIGKILL`);
    await exitOf(chaos.id);
    await docker('POST', `/containers/${chaos.id}/start`);
    // Undone, and by the same command paused anew.
    await expect.poll(async () => (await logsOf(chaos.id)).match(/undo records end/g)?.length, soon).toBe(2);
    await endsWell(chaos);
    expect(await statusOf(victim)).toBe('running');
  });
});
