import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { container, docker, dockerHost, unable, unique } from '../../../test/fixtures/docker.ts';
import { isBuilt, run, start, stateFolder } from '../../../test/fixtures/pumba-program.ts';
import { openEngine } from '../../sdk/engine.ts';
import { requests } from './fixtures/requests.ts';

const statusOf = async (found: { inspect(): Promise<{ State: { Status: string; ExitCode: number } }> }) =>
  (await found.inspect()).State;
const stubborn = ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'];

describe.skipIf(unable !== undefined || !isBuilt())('Pumba on a real engine', () => {
  test('PU-11, PU-12 kill: SIGKILL, and what it logs', async () => {
    const web = await container();
    const { code, log, stdout } = await run(['-l', 'info', 'kill', web.name]);
    expect([code, stdout, log]).toEqual([
      0,
      '',
      [`level=info msg="killing container" dryrun=false id=${web.id} name=/${web.name} signal=SIGKILL`],
    ]);
    expect(await statusOf(web)).toMatchObject({ Status: 'exited', ExitCode: 137 });
  });

  test('PU-12 other signals, by name and by number', async () => {
    const [one, two] = await Promise.all([container(), container()]);
    expect((await run(['kill', '--signal', 'SIGTERM', one.name])).code).toBe(0);
    expect((await run(['kill', '-s', '15', two.name])).code).toBe(0);
    expect((await statusOf(one)).ExitCode).toBe(0);
    expect((await statusOf(two)).ExitCode).toBe(0);
  });

  test('PU-03, PU-04 names with and without a slash, several names, a pattern by its exact prefix', async () => {
    const tag = unique('pu');
    const names = [`${tag}-redis`, `${tag}-dis`, `${tag}-web`, `${tag}-db`];
    const [redis, dis, web, db] = await Promise.all(names.map((name) => container({ name })));
    expect((await run(['kill', `re2:^${tag}-redis`])).code).toBe(0);
    expect((await run(['kill', `/${tag}-web`, `${tag}-db`, `re2:${tag}-dis`])).code).toBe(0);
    const states = await Promise.all([redis, dis, web, db].map(async (each) => each && (await statusOf(each)).Status));
    expect(states).toEqual(['exited', 'running', 'exited', 'exited']);
  });

  test('PU-03, PU-06 by label alone: labelled containers that opted out live', async () => {
    const label = unique('app');
    const labels = { [label]: 'yes' };
    const [plain, skip, ours, other] = await Promise.all([
      container({ labels }),
      container({ labels: { ...labels, 'com.gaiaadm.pumba.skip': 'true' } }),
      container({ labels: { ...labels, 'com.gaiaadm.pumba': 'true' } }),
      container({ labels: { [label]: 'no' } }),
    ]);
    expect((await run(['--label', `${label}=yes`, 'kill'])).code).toBe(0);
    expect((await run(['kill', skip.name, ours.name])).log).toEqual(['level=warning msg="no containers found"']);
    const states = await Promise.all([plain, skip, ours, other].map(async (each) => (await statusOf(each)).Status));
    expect(states).toEqual(['exited', 'running', 'running', 'running']);
  });

  test('PU-08 --random hits one, --limit so many', async () => {
    const tag = unique('pu');
    const all = await Promise.all([1, 2, 3, 4].map((n) => container({ name: `${tag}-${n}` })));
    const down = async () => (await Promise.all(all.map(statusOf))).filter(({ Status }) => Status === 'exited').length;
    expect((await run(['--random', 'kill', `re2:${tag}`])).code).toBe(0);
    expect(await down()).toBe(1);
    expect((await run(['kill', '--limit', '2', `re2:${tag}`])).code).toBe(0);
    expect(await down()).toBe(3);
  });

  test('PU-08 over many seeds every container is picked about as often', async () => {
    const tag = unique('pu');
    await Promise.all([1, 2, 3].map((n) => container({ name: `${tag}-${n}` })));
    const [{ experiment } = { experiment: null }] = requests(`--random kill re2:${tag}`, { DOCKER_HOST: dockerHost() });
    if (!experiment) throw new Error('no experiment');
    const engine = openEngine({ state: stateFolder() });
    const picked = new Map<string, number>();
    for (let seed = 0; seed < 120; seed++) {
      const name = (await engine.plan(experiment, { seed })).steps[0]?.victims[0]?.name ?? '';
      picked.set(name, (picked.get(name) ?? 0) + 1);
    }
    expect(picked.size).toBe(3);
    // 40 each; five standard deviations.
    for (const count of picked.values()) expect(Math.abs(count - 40)).toBeLessThan(26);
  });

  test('PU-13, PU-14 nobody of this name: 0 and a warning; no engine: 1', async () => {
    const none = await run(['kill', unique('nobody')]);
    expect([none.code, none.log]).toEqual([0, ['level=warning msg="no containers found"']]);
    expect((await run(['--strict', 'kill', unique('nobody')])).code).toBe(1);
    const down = await run(['-H', 'unix:///nowhere/docker.sock', 'kill', 'web']);
    expect(down.code).toBe(1);
    expect(down.log.join()).toMatch(/^level=fatal msg="running kill: error running chaos command: .*\/nowhere/);
  });

  test('PU-15 stop: graceful, stubborn, and no error of either; another first signal by label', async () => {
    const [graceful, deaf, labelled] = await Promise.all([
      container(),
      container({ cmd: stubborn }),
      container({
        cmd: ['sh', '-c', 'trap "exit 7" USR1; sleep 3600 & wait'],
        labels: { 'com.gaiaadm.pumba.stop-signal': 'SIGUSR1' },
      }),
    ]);
    const { code, log } = await run(['stop', '--time', '1', graceful.name, deaf.name, labelled.name]);
    expect([code, log]).toEqual([0, []]);
    expect(await statusOf(graceful)).toMatchObject({ Status: 'exited', ExitCode: 0 });
    expect(await statusOf(deaf)).toMatchObject({ Status: 'exited', ExitCode: 137 });
    expect(await statusOf(labelled)).toMatchObject({ Status: 'exited', ExitCode: 7 });
  });

  test('PU-03 names and ids in one list', async () => {
    const all = await Promise.all([container(), container(), container()]);
    const [one, two, three] = all;
    expect((await run(['kill', one.name, two.id.slice(0, 12)])).code).toBe(0);
    expect(await Promise.all(all.map(async (each) => (await statusOf(each)).Status))).toEqual([
      'exited',
      'exited',
      'running',
    ]);
    expect((await run(['kill', `${one.name},${three.id}`])).code).toBe(0);
    expect((await statusOf(three)).Status).toBe('exited');
  });

  test('start: what has ended or was never started runs; what runs is left alone', async () => {
    const [ended, fresh, running] = await Promise.all([
      container({ cmd: stubborn }),
      container({ start: false }),
      container(),
    ]);
    expect((await run(['kill', ended.name])).code).toBe(0);
    const before = (await running.inspect()).State.StartedAt;
    const { code, log } = await run(['-l', 'info', 'start', ended.name, fresh.name, running.name]);
    expect(code).toBe(0);
    expect(log.map((line) => /msg="([^"]*)"/.exec(line)?.[1])).toEqual(['starting container', 'starting container']);
    expect(await Promise.all([ended, fresh].map(async (each) => (await statusOf(each)).Status))).toEqual([
      'running',
      'running',
    ]);
    expect((await running.inspect()).State.StartedAt).toBe(before);
  });

  test('stop --restart starts the same container again after its duration; restart does at once', async () => {
    const web = await container();
    const before = (await web.inspect()).State.StartedAt;
    const { code, log } = await run(['-l', 'info', 'stop', '--restart', '--duration', '500ms', web.name]);
    expect(code).toBe(0);
    expect(log.map((line) => /msg="([^"]*)"/.exec(line)?.[1])).toEqual(['stopping container', 'starting container']);
    const between = (await web.inspect()).State;
    expect([between.Status, between.StartedAt === before]).toEqual(['running', false]);
    expect((await run(['restart', '--timeout', '2s', web.name])).code).toBe(0);
    const after = (await web.inspect()).State;
    expect([after.Status, after.StartedAt === between.StartedAt]).toEqual(['running', false]);
  });

  test('PU-16 rm: running, stopped, and its anonymous volumes', async () => {
    const [running, stopped, kept] = await Promise.all([
      container({ config: { Volumes: { '/data': {} } } }),
      container({ start: false }),
      container(),
    ]);
    const volume = (await running.inspect()).Mounts[0].Name;
    expect((await run(['rm', running.name, stopped.name])).code).toBe(0);
    await expect(running.inspect()).rejects.toThrow(/404/);
    await expect(stopped.inspect()).rejects.toThrow(/404/);
    await expect(docker('GET', `/volumes/${volume}`)).rejects.toThrow(/404/);
    const refused = await run(['rm', '--force=false', kept.name]);
    expect([refused.code, (await statusOf(kept)).Status]).toEqual([1, 'running']);
  });

  test('PU-17 pause: as long as it says; SIGTERM ends it at once, with 0', async () => {
    const web = await container();
    const short = await run(['pause', '-d', '300ms', web.name]);
    expect([short.code, (await statusOf(web)).Status]).toEqual([0, 'running']);
    const long = start(['-l', 'debug', 'pause', '--duration', '10m', web.name]);
    await long.says('paused');
    expect((await statusOf(web)).Status).toBe('paused');
    long.child.kill('SIGTERM');
    expect((await long.ended).code).toBe(0);
    expect((await statusOf(web)).Status).toBe('running');
  });

  test.each(['kill -9', 'two Ctrl-C'])('PU-17 %s of our process: the container goes on all the same', async (how) => {
    const web = await container();
    const going = start(['-l', 'debug', 'pause', '-d', '10m', web.name]);
    await going.says('paused');
    if (how === 'kill -9') going.child.kill('SIGKILL');
    else {
      going.child.kill('SIGINT');
      going.child.kill('SIGINT');
    }
    await going.ended;
    await expect.poll(async () => (await statusOf(web)).Status, { timeout: 60_000, interval: 200 }).toBe('running');
  });

  test('exec: no shell, its output without frames, its exit code', async () => {
    const web = await container();
    const good = await run(['-l', 'info', 'exec', '--command', 'echo', '--args', '$HOME;', '-a', 'b c', web.name]);
    expect(good.code).toBe(1);
    const said = await run(['-l', 'info', 'exec', '--command', 'echo', '--args', '$HOME;', '--args', 'b c', web.name]);
    expect([said.code, said.log.at(-1)]).toEqual([
      0,
      `level=info msg="$HOME; b c" args="[$HOME; b c]" command=echo dryrun=false id=${web.id} name=/${web.name}`,
    ]);
    const bad = await run(['exec', '-s', 'ls /nowhere', web.name]);
    expect([bad.code, bad.log.at(-1)]).toEqual([
      1,
      'level=fatal msg="running exec: error running chaos command: exec failed ls /nowhere: exit code 1"',
    ]);
  });

  test('exec without a command is `kill 1`, and does what it says', async () => {
    const web = await container();
    expect((await run(['exec', web.name])).code).toBe(0);
    await expect.poll(async () => (await statusOf(web)).Status).toBe('exited');
    expect((await statusOf(web)).ExitCode).toBe(0);
  });

  test('PU-31 --runtime containerd: by id, in its namespace', async (context) => {
    const socket = dockerHost().replace(/^unix:\/\/(.*)\/docker\.sock$/, '$1/exec/containerd/containerd.sock');
    if (!existsSync(socket)) return context.skip('needs a containerd of the engine');
    const web = await container();
    const there = ['-l', 'info', '--runtime', 'containerd', '--containerd-socket', socket];
    const moby = [...there, '--containerd-namespace', 'moby'];
    expect((await run([...there, 'kill', web.id])).log).toEqual(['level=warning msg="no containers found"']);
    const paused = await run([...moby, 'pause', '-d', '300ms', web.id]);
    expect([paused.code, paused.log.length, (await statusOf(web)).Status]).toEqual([0, 2, 'running']);
    const { code, log } = await run([...moby, 'kill', web.id]);
    expect(code).toBe(0);
    expect(log[0]).toContain(`msg="killing container" dryrun=false id=${web.id} name=${web.id} signal=SIGKILL`);
    await expect.poll(async () => (await statusOf(web)).Status).toBe('exited');
  });

  test('stress runs in the cgroup of the container, and is gone afterwards', async () => {
    const web = await container({ image: 'scratch-sleeper' });
    const going = start(['-l', 'debug', 'stress', '-d', '10m', '--stressors', '--cpu 1 --cpu-load 20', web.name]);
    await going.says('of CPU time used');
    const top = await docker('GET', `/containers/${web.id}/top`);
    expect(top.Processes.length).toBeGreaterThan(1);
    going.child.kill('SIGTERM');
    expect((await going.ended).code).toBe(0);
    expect((await docker('GET', `/containers/${web.id}/top`)).Processes).toHaveLength(1);
  });

  test('PU-09 again and again until it is told to end; a container that dies does not end it', async () => {
    const tag = unique('pu');
    const [web] = await Promise.all([container({ name: `${tag}-a` }), container({ name: `${tag}-b` })]);
    const going = start(['-l', 'debug', '--random', '--interval', '300ms', 'kill', `re2:^${tag}`]);
    await going.says('no containers found');
    going.child.kill('SIGTERM');
    const { code, log } = await going.ended;
    expect(code).toBe(0);
    expect(log.filter((line) => line.includes('killing container'))).toHaveLength(2);
    expect((await statusOf(web)).Status).toBe('exited');
  });

  test('PU-27 what cannot be done to one is an error, and the others are undone', async () => {
    const tag = unique('pu');
    const [fine, vanishing] = await Promise.all([
      container({ name: `${tag}-a` }),
      container({ name: `${tag}-b`, hostConfig: { AutoRemove: true } }),
    ]);
    const { code, log } = await run(['-l', 'info', 'stop', '--restart', '-d', '100ms', `re2:^${tag}`]);
    expect(code).toBe(1);
    const told = log.map((line) => /level=info msg="([^"]*)".* name=\/(\S+)/.exec(line)?.slice(1, 3)).filter(Boolean);
    expect(told).toEqual([
      ['stopping container', fine.name],
      ['starting container', fine.name],
    ]);
    expect(log.join()).toContain('--rm');
    expect([(await statusOf(fine)).Status, (await statusOf(vanishing)).Status]).toEqual(['running', 'running']);
  });
});
