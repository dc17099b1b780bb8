import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { withLock } from '../../src/journal/lock.ts';
import { experiment, hit, pausing } from './documents.ts';
import { find, frozen, powerCut } from './frozen.ts';
import { type Place, signal, stateOf, test, until } from './place.ts';

describe.concurrent('signals', () => {
  test.for(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s in the middle of a fault: recovered, then it exits',
    async (name, { place }) => {
      const { pid, running } = await frozen(place);
      running.child.kill(name);
      const { code, stdout, stderr } = await running.ended;
      expect(stateOf(pid)).toBe('S');
      expect(stderr).toContain(`${name}: recovering, then exiting`);
      expect(stdout).toContain(`stopped by ${name}`);
      expect(code).toBe(1);
      expect(find(place.events(), 'aborted')?.reason).toContain(name);
      expect(find(place.events(), 'run-finished')).toMatchObject({ outcome: 'deviated', author: { role: 'run' } });
      await until(() => place.helpers().length === 0);
    },
  );

  test('a second Ctrl-C says what is still outstanding, and goes on recovering', async ({ place }) => {
    const { pid, running } = await frozen(place, { rollbacks: [{ name: 'tidy', exec: { command: ['true'] } }] });
    const folder = join(place.state, 'runs', place.runs()[0] ?? '');
    // Somebody else has the run in hand for a moment, so that recovering takes that long.
    await withLock(folder, 'run', async () => {
      running.child.kill('SIGINT');
      await until(() => running.stderr().includes('recovering, then exiting'));
      running.child.kill('SIGINT');
      await until(() => running.stderr().includes('still outstanding:'));
      expect(running.stderr()).toContain(`process-pause on sleep (pid:${pid})`);
      expect(running.stderr()).toContain('the rollback "tidy"');
      expect(stateOf(pid)).toBe('T');
    });
    expect((await running.ended).code).toBe(1);
    expect(stateOf(pid)).toBe('S');
  });

  test('of several experiments none is begun after a Ctrl-C', async ({ place }) => {
    const pid = await place.target();
    place.write('drills/1.json', pausing(place, '10m'));
    place.write('drills/2.json', experiment('deadly', { method: [hit(place, 'process-kill')] }));
    const running = place.zashiki(['run', 'drills', '--yes', '--repeat', '3']);
    await until(() => stateOf(pid) === 'T');
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(1);
    expect(place.runs()).toHaveLength(1);
    expect(stateOf(pid)).toBe('S');
  });
});

describe.concurrent('stop', () => {
  test('recovers a run of another process and refuses new ones until released', async ({ place }) => {
    const { pid, running } = await frozen(place);
    const stop = await place.run(['stop', 'pager', 'went', 'off']);
    expect(stateOf(pid)).toBe('S');
    expect(stop.stdout).toContain(`Recovered: ${place.runs()[0]}`);
    expect(stop.stdout).toContain('Nothing is in flight');
    expect(stop.code).toBe(0);
    const ended = await running.ended;
    expect(ended.stdout).toContain('pager went off');
    expect(ended.code).toBe(1);

    const file = place.write('short.json', pausing(place, '50ms'));
    const refused = await place.run(['run', file, '--yes']);
    expect(refused.stdout).toMatch(/stop lever is pulled by .*: pager went off; `zashiki stop --release`/);
    expect(refused.code).toBe(5);
    const plan = await place.run(['plan', file]);
    expect(plan.stdout).toContain('Would be refused by stop-lever');
    expect(plan.code).toBe(5);
    expect((await place.run(['stop', '--release'])).code).toBe(0);
    expect((await place.run(['run', file, '--yes'])).code).toBe(0);
  });

  test('--json says the same', async ({ place }) => {
    const { pid, running } = await frozen(place);
    const { stdout, code } = await place.run(['stop', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      lever: { reason: 'no reason given' },
      stopped: place.runs(),
      outstanding: [],
    });
    expect(code).toBe(0);
    expect(stateOf(pid)).toBe('S');
    await running.ended;
    const release = await place.run(['stop', '--release', '--json']);
    expect(JSON.parse(release.stdout)).toEqual({ lever: null });
  });

  test('recovers what a power cut has left, too', async ({ place }) => {
    const { pid, running } = await frozen(place);
    await powerCut(place, running);
    expect(stateOf(pid)).toBe('T');
    expect((await place.run(['stop'])).code).toBe(0);
    expect(stateOf(pid)).toBe('S');
  });
});

describe.concurrent('recover', () => {
  const rollbacks = (place: Place) => [{ name: 'tidy', exec: { command: ['touch', join(place.dir, 'tidied')] } }];

  test('after a power cut: undone, rollbacks run, and nothing the second time', async ({ place }) => {
    const { pid, running } = await frozen(place, { rollbacks: rollbacks(place) });
    await powerCut(place, running);
    expect(stateOf(pid)).toBe('T');
    expect(existsSync(join(place.dir, 'tidied'))).toBe(false);
    expect(JSON.parse((await place.run(['runs', '--json'])).stdout)).toMatchObject([{ outcome: 'crashed' }]);

    const first = await place.run(['recover']);
    expect(first.stdout).toContain('1 recovered');
    expect(first.code).toBe(0);
    expect(stateOf(pid)).toBe('S');
    expect(existsSync(join(place.dir, 'tidied'))).toBe(true);
    expect(find(place.events(), 'recovered')?.author.role).toBe('recover');
    expect(find(place.events(), 'run-finished')).toMatchObject({ outcome: 'deviated' });
    const again = await place.run(['recover']);
    expect(again.stdout).toBe('Nothing was left behind.\n');
    expect(again.code).toBe(0);
  });

  test('the next run recovers at its start, and says so', async ({ place }) => {
    const { pid, running } = await frozen(place);
    await powerCut(place, running);
    const { code, stderr } = await place.run(['run', place.write('short.json', pausing(place, '50ms')), '--yes']);
    expect(stderr).toContain('had left faults behind: 1 recovered.');
    expect(code).toBe(0);
    expect(stateOf(pid)).toBe('S');
    expect(find(place.events(place.runs()[0]), 'recovered')?.author.role).toBe('startup');
  });

  test('kill -9 of the runner: the reaper recovers, and runs the rollbacks', async ({ place }) => {
    const { pid, running } = await frozen(place, { rollbacks: rollbacks(place) });
    signal(running.pid, 'SIGKILL');
    await until(() => find(place.events(), 'run-finished'));
    expect(stateOf(pid)).toBe('S');
    expect(existsSync(join(place.dir, 'tidied'))).toBe(true);
    expect(find(place.events(), 'recovered')?.author.role).toBe('reaper');
    expect(find(place.events(), 'rollback')).toMatchObject({ ok: true, author: { role: 'reaper' } });
    await until(() => place.helpers().length === 0);
  });

  test('a reaper that dies is replaced, and the new one does the same', async ({ place }) => {
    const { pid, running } = await frozen(place);
    signal(find(place.events(), 'reaper-started')?.reaper.pid ?? 0, 'SIGKILL');
    await until(() => place.events().filter(({ type }) => type === 'reaper-started').length === 2);
    signal(running.pid, 'SIGKILL');
    await until(() => find(place.events(), 'run-finished'));
    expect(stateOf(pid)).toBe('S');
  });

  test('leaves living runs alone; one that is named is taken over, and its runner ends', async ({ place }) => {
    const { pid, running } = await frozen(place);
    const left = await place.run(['recover']);
    expect(left.stdout).toContain('left alone');
    expect(left.code).toBe(0);
    expect(stateOf(pid)).toBe('T');
    const taken = await place.run(['recover', 'last', '--json']);
    expect(JSON.parse(taken.stdout)).toMatchObject([{ did: 'recovered', recovery: { recovered: ['i1'], failed: [] } }]);
    expect(stateOf(pid)).toBe('S');
    const { code, stdout } = await running.ended;
    expect(stdout).toMatch(/recover/);
    expect(code).toBe(1);
    expect(stateOf(pid)).toBe('S');
    const unknown = await place.run(['recover', 'nope']);
    expect(unknown.stderr).toContain('there is no run "nope"');
    expect(unknown.code).toBe(2);
  });
});

describe.concurrent('what cannot be undone', () => {
  test('exit 3 and the way out; when the obstacle is gone, recover brings it back', async ({ place }) => {
    const file = place.write('data/precious.txt', 'precious');
    const method = [
      { fault: 'file-delete', target: { host: { machine: true } }, params: { path: file }, duration: '2s' },
    ];
    const running = place.zashiki(['run', place.write('x.json', experiment('delete', { method })), '--yes']);
    await until(() => find(place.events(), 'observed')?.real);
    // Within its parent a moved folder is found again; this is further away.
    mkdirSync(join(place.dir, 'far'));
    await rename(join(place.dir, 'data'), join(place.dir, 'far/away'));
    const { code, stdout } = await running.ended;
    expect(stdout).toContain('Clean-up incomplete');
    expect(stdout).toContain('run: zashiki recover');
    expect(code).toBe(3);
    const vain = await place.run(['recover']);
    expect(vain.stdout).toContain('i1 (file-delete) is still on');
    expect(vain.code).toBe(3);
    await rename(join(place.dir, 'far/away'), join(place.dir, 'data'));
    // The reaper has not given up either; one of the two brings it back.
    expect((await place.run(['recover'])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect((await place.run(['recover'])).stdout).toBe('Nothing was left behind.\n');
  });
});

describe.concurrent('rollbacks of the user', () => {
  test('one that failed is tried again by name, until it works', async ({ place }) => {
    await place.target();
    const gate = join(place.dir, 'gate');
    const rollbacks = [
      { name: 'through the gate', exec: { command: ['test', '-e', gate] } },
      { name: 'tidy', exec: { command: ['touch', join(place.dir, 'tidied')] } },
    ];
    const run = await place.run(['run', place.write('x.json', pausing(place, '50ms', { rollbacks })), '--yes']);
    expect(run.stdout).toContain('the rollback "through the gate" failed');
    expect(run.code).toBe(3);
    // The second was done all the same.
    expect(existsSync(join(place.dir, 'tidied'))).toBe(true);
    const nameless = await place.run(['recover']);
    expect(nameless.stdout).toContain('No fault was left behind, but rollbacks of yours failed');
    const again = await place.run(['recover', 'last']);
    expect(again.stdout).toContain('rollbacks[0] failed');
    expect(again.code).toBe(3);
    place.write('gate', '');
    expect((await place.run(['recover', 'last'])).code).toBe(0);
    const results = place
      .events()
      .flatMap((event) => (event.type === 'rollback' ? [`${event.index} ${event.ok}`] : []));
    expect(results).toEqual(['0 false', '1 true', '0 false', '0 true']);
    expect((await place.run(['recover', 'last'])).stdout).toContain('nothing is outstanding');
  });
});

test('a reaper that was started ahead, and is not needed after all, is gone when the program is', async ({ place }) => {
  const { code, stderr } = await place.run([
    'pumba',
    '--host',
    `unix://${join(place.dir, 'none.sock')}`,
    'kill',
    'web',
  ]);
  expect(stderr).toContain('none.sock');
  expect(code).toBe(1);
  expect(place.helpers()).toEqual([]);
});
