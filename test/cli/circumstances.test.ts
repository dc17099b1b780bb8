import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { counting, experiment, hit, pausing } from './documents.ts';
import { find, frozen } from './frozen.ts';
import { cli, lives, signal, sleep, stateOf, test, until } from './place.ts';

describe.concurrent('guards among several runs', () => {
  test('blast radius: a second run beside a living one is refused', async ({ place }) => {
    const { running } = await frozen(place, { guards: { blastRadius: 1 } });
    const other = await place.target();
    const beside = experiment('beside', {
      method: [{ fault: 'process-kill', target: { host: { pid: other } } }],
      guards: { blastRadius: 1 },
    });
    const { code, stdout } = await place.run(['run', place.write('beside.json', beside), '--yes']);
    expect(stdout).toMatch(/would hit 2 targets .*\(1 of them by other live runs\), at most 1 allowed/);
    expect(code).toBe(5);
    expect(lives(other)).toBe(true);
    running.child.kill('SIGINT');
    await running.ended;
    expect((await place.run(['run', 'beside.json', '--yes'])).code).toBe(0);
    await until(() => !lives(other));
  });

  test('two that start together: one of them is refused', async ({ place }) => {
    const pids = [await place.target(), await place.target()];
    const running = pids.map((pid) => {
      const method = [{ fault: 'process-pause', target: { host: { pid } }, duration: '5s' }];
      const file = place.write(`${pid}.json`, experiment(`on-${pid}`, { method, guards: { blastRadius: 1 } }));
      return place.zashiki(['run', file, '--yes']);
    });
    const codes = (await Promise.all(running.map(({ ended }) => ended))).map(({ code }) => code);
    expect(codes.sort()).toEqual([0, 5]);
    expect(pids.map(stateOf)).toEqual(['S', 'S']);
  });

  test('min interval and budget look back over runs', async ({ place }) => {
    await place.target();
    const guards = { minInterval: '1h' };
    const file = place.write('x.json', pausing(place, '20ms', { guards }));
    const budget = place.write('y.json', pausing(place, '20ms', { guards: { budget: { injections: 1, per: '1h' } } }));
    expect((await place.run(['run', file, '--yes'])).code).toBe(0);
    const [soon, spent] = await Promise.all([place.run(['run', file, '--yes']), place.run(['run', budget, '--yes'])]);
    expect(soon.stdout).toMatch(/last injected .* ago, at least 1 h/);
    expect(spent.stdout).toMatch(/1 injections in the last 1 h.* the budget is 1/);
    expect([soon.code, spent.code]).toEqual([5, 5]);
  });

  test('a closed window refuses', async ({ place }) => {
    await place.target();
    const today = new Date().toISOString().slice(0, 10);
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    const window = { holidays: [yesterday, today, tomorrow], timezone: 'UTC' };
    const { code, stdout } = await place.run([
      'run',
      place.write('x.json', pausing(place, '1s', { guards: { window } })),
      '--yes',
    ]);
    expect(stdout).toContain('refused by the guard window');
    expect(code).toBe(5);
  });
});

describe.concurrent('things that happen meanwhile', () => {
  test('stopWhen ends the method at its first bad reading', async ({ place }) => {
    const pid = await place.target();
    const alarm = join(place.dir, 'alarm');
    const stopWhen = [
      { name: 'no alarm', probe: { file: { path: alarm } }, tolerance: { exists: false }, every: '200ms' },
    ];
    const running = place.zashiki(['run', place.write('x.json', pausing(place, '10m', { stopWhen })), '--yes']);
    await until(() => find(place.events(), 'observed'));
    place.write('alarm', '');
    const { code, stdout } = await running.ended;
    expect(stdout).toContain('no alarm');
    expect(code).toBe(1);
    expect(stateOf(pid)).toBe('S');
    const events = place.events();
    const upToAbort = events.slice(
      0,
      events.findIndex(({ type }) => type === 'aborted'),
    );
    const bad = upToAbort.filter((event) => event.type === 'probe' && event.of === 'stopWhen' && !event.ok);
    expect(bad).toHaveLength(1);
  });

  test('a victim that is gone when its step begins: skipped, 4, and no other is hit instead', async ({ place }) => {
    const pid = await place.target();
    const method = [{ pause: '3s' }, hit(place, 'process-kill')];
    const running = place.zashiki(['run', place.write('x.json', experiment('late', { method })), '--yes']);
    await until(() => find(place.events(), 'step-started'));
    const other = await place.target();
    signal(pid, 'SIGKILL');
    const { code, stdout } = await running.ended;
    expect(stdout).toContain(`sleep (pid:${pid}) is gone`);
    expect(code).toBe(4);
    expect(lives(other)).toBe(true);
  });

  test('a victim that ends while it is frozen: nothing is left to undo', async ({ place }) => {
    const pid = await place.target();
    const method = [hit(place, 'process-pause', { duration: '2s' })];
    const running = place.zashiki(['run', place.write('x.json', experiment('gone', { method })), '--yes']);
    await until(() => find(place.events(), 'observed'));
    signal(pid, 'SIGKILL');
    const { code } = await running.ended;
    expect(code).toBe(0);
    expect(find(place.events(), 'recovered')?.how).toBe('gone');
    expect(find(place.events(), 'verified')?.clean).toBe(true);
  });

  test('a victim that is let go by somebody else meanwhile ends as it should', async ({ place }) => {
    const { pid, running } = await frozen(place);
    signal(pid, 'SIGCONT');
    await sleep(200);
    running.child.kill('SIGINT');
    await running.ended;
    expect(stateOf(pid)).toBe('S');
    expect(find(place.events(), 'run-finished')?.outcome).toBe('deviated');
  });

  test('the journal is deleted under a run: the fault is undone all the same', async ({ place }) => {
    const { pid, running } = await frozen(place);
    await rm(place.state, { recursive: true });
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(stateOf(pid)).toBe('S');
    expect(stderr).toContain('cannot write the journal');
    expect(stderr).toContain('it was deleted; 1 injection may still be in place');
    // Not 5, which says that nothing was done.
    expect(code).toBe(3);
    await until(() => find(place.events(), 'run-finished'));
    expect(find(place.events(), 'run-finished')?.author.role).toBe('reaper');
    expect(stateOf(pid)).toBe('S');
  });
});

describe.concurrent('places that are not as they should be', () => {
  test('a file where the state folder should be: exit 5, nothing injected', async ({ place }) => {
    const pid = await place.target();
    const file = place.write('x.json', pausing(place, '1s'));
    for (const state of [file, join(file, 'state'), '/proc/zashiki']) {
      const { code, stderr } = await place.run(['run', file, '--yes', '--state', state]);
      expect(stderr).toMatch(/cannot write the state folder .*ZASHIKI_STATE/s);
      expect(code).toBe(5);
    }
    expect(stateOf(pid)).toBe('S');
    const listed = await place.run(['runs', '--state', file]);
    expect(listed.code).toBe(0);
  });

  test('a read-only state folder: exit 5, nothing injected', async ({ place, skip }) => {
    const pid = await place.target();
    const file = place.write('x.json', experiment('kill', { method: [hit(place, 'process-kill')] }));
    const mount = 'mkdir -p "$0" && mount -t tmpfs -o ro,mode=700 none "$0" && exec "$@"';
    const chmod = 'mkdir -p "$0" && chmod 500 "$0" && exec "$@"';
    const command = [place.state, process.execPath, cli, 'run', file, '--yes'];
    const root = process.getuid?.() === 0;
    if (root && (await place.start('unshare', ['-m', 'true']).ended).code !== 0) {
      return skip('root can write anywhere, and may not make a mount namespace here');
    }
    const running = root
      ? place.start('unshare', ['-m', 'sh', '-c', mount, ...command])
      : place.start('sh', ['-c', chmod, ...command]);
    const { code, stderr } = await running.ended;
    expect(stderr).toContain('cannot write the state folder');
    expect(code).toBe(5);
    expect(lives(pid)).toBe(true);
  });

  test('a state folder that others may write to is not trusted', async ({ place }) => {
    await place.target();
    const file = place.write('x.json', pausing(place, '1s'));
    const script = 'mkdir "$0" && chmod 777 "$0" && exec "$@"';
    const command = [place.state, process.execPath, cli, 'run', file, '--yes'];
    const { code, stderr } = await place.start('sh', ['-c', script, ...command]).ended;
    expect(stderr).toContain('other users can write to the state folder');
    expect(code).toBe(5);
  });

  test('from a folder that was removed', async ({ place }) => {
    const pid = await place.target();
    const spec = {
      steadyStateHypothesis: [
        counting(place, { min: 1 }),
        { name: 'a program runs', probe: { exec: { command: ['true'] } } },
      ],
    };
    const file = place.write('x.json', pausing(place, '50ms', spec));
    const script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"';
    const command = [join(place.dir, 'gone'), process.execPath, cli];
    const run = await place.start('sh', ['-c', script, ...command, 'run', file, '--yes']).ended;
    expect(run.stderr).toBe('');
    expect(run.code).toBe(0);
    expect(stateOf(pid)).toBe('S');
    const relative = await place.start('sh', ['-c', script, ...command, 'run', 'x.json', '--yes']).ended;
    expect(relative.stderr).toMatch(/cannot read x\.json/);
    expect(relative.code).toBe(2);
  });
});
