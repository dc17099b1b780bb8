import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import host from './platform.ts';
import { eventually, folder, isRoot, needsRoot, pidsOf, start, startNode, targetOf } from './testing.ts';

const me = userInfo();

test('a target says what it is', async () => {
  const { pid } = await startNode('', ['a b']);
  const target = await targetOf(pid);
  expect(target).toMatchObject({ platform: 'host', id: `pid:${pid}`, name: 'node', identity: { pid } });
  expect(target.labels).toMatchObject({ user: me.username, ppid: String(process.pid), exe: process.execPath });
  expect(target.labels.command).toMatch(/^\/.* -- a b$/s);
  expect(target.protected).toBeUndefined();
  expect(JSON.parse(JSON.stringify(target))).toEqual(target);
});

test('targets come in the order of their pids', async () => {
  const found = await pidsOf({ name: 're2:.' });
  expect(found.length).toBeGreaterThan(1);
  expect(found).toEqual([...found].sort((a, b) => a - b));
});

test('odd names and control characters', async () => {
  const title = 'a) (S 1 b (';
  const odd = await startNode(`process.title = ${JSON.stringify(title)}`);
  expect(await pidsOf({ name: title })).toEqual([odd.pid]);
  expect(await pidsOf({ command: title })).toEqual([odd.pid]);
  const loud = await startNode(`process.title = 'x\\n\\u001b[31m'`);
  expect(await targetOf(loud.pid)).toMatchObject({ name: 'x??[31m' });
});

test('a name longer than the kernel keeps is held against the program file', async () => {
  const name = 'zashiki-a-quite-long-name.sh';
  const script = join(folder(), name);
  writeFileSync(script, '#!/bin/sh\necho up; sleep 100\n', { mode: 0o755 });
  const { pid, line } = await start(script, []);
  await line;
  onTestFinished(async () => {
    for (const child of await pidsOf({ parent: pid })) process.kill(child);
  });
  expect(await targetOf(pid)).toMatchObject({ name: name.slice(0, 15) });
  expect(await pidsOf({ name })).toEqual([pid]);
  expect(await pidsOf({ name: `${name.slice(0, 15)}-of-another` })).toEqual([]);
});

test('name, command, exe, pid: exact, re2 and lists', async () => {
  const mark = `mark-${process.pid}-${Date.now()}`;
  const [a, b] = [await start('sleep', ['1000.5']), await startNode('', [mark])];
  expect(await pidsOf({ name: 'sleep', command: 'sleep 1000.5', parent: process.pid })).toEqual([a.pid]);
  expect(await pidsOf({ name: 'slee', parent: process.pid })).toEqual([]);
  expect(await pidsOf({ command: `re2:${mark}$` })).toEqual([b.pid]);
  expect(await pidsOf({ command: `re2:^${mark}$` })).toEqual([]);
  expect(await pidsOf({ exe: process.execPath, pid: [a.pid, b.pid] })).toEqual([b.pid]);
  expect(await pidsOf({ pid: [b.pid, a.pid, 4_000_000] })).toEqual([a.pid, b.pid].sort((x, y) => x - y));
});

test('user: name or uid; an unknown one is an error with a suggestion', async () => {
  const { pid } = await start('sleep', ['100']);
  expect(await pidsOf({ pid, user: me.username })).toEqual([pid]);
  expect(await pidsOf({ pid, user: [me.uid, 1] })).toEqual([pid]);
  expect(await pidsOf({ pid, user: me.uid + 1 })).toEqual([]);
  await expect(pidsOf({ user: 'rooot' })).rejects.toMatchObject({
    code: 'usage',
    hint: expect.stringContaining('root'),
  });
});

test('parent: a pid or a selector', async () => {
  const family = await start('sh', ['-c', 'sleep 101 & sleep 102 & wait']);
  await eventually(async () => (await pidsOf({ parent: family.pid, name: 'sleep' })).length === 2);
  const children = await pidsOf({ parent: { pid: family.pid }, name: 'sleep' });
  expect(children).toHaveLength(2);
  expect(await pidsOf({ parent: { parent: process.pid }, command: 'sleep 102' })).toEqual([children[1]]);
  for (const pid of children) process.kill(pid);
});

test('env: all given variables must match', async () => {
  const env = { PATH: process.env.PATH, ROLE: 'worker', EMPTY: '', ['__proto__']: 'odd' };
  const { pid } = await start('sleep', ['100'], { env });
  expect(await pidsOf({ pid, env: { ROLE: 'worker', EMPTY: '' } })).toEqual([pid]);
  expect(await pidsOf({ pid, env: { ROLE: 're2:^work' } })).toEqual([pid]);
  expect(await pidsOf({ pid, env: { ROLE: 'worker', TIER: 'a' } })).toEqual([]);
  expect(await pidsOf({ pid, env: { toString: 're2:' } })).toEqual([]);
});

test('age', async () => {
  const { pid } = await start('sleep', ['100']);
  expect(await pidsOf({ pid, maxAge: '1h' })).toEqual([pid]);
  expect(await pidsOf({ pid, minAge: '1h' })).toEqual([]);
  await eventually(async () => (await pidsOf({ pid, minAge: '300ms' })).length === 1);
  await eventually(async () => (await pidsOf({ pid, maxAge: '300ms' })).length === 0);
});

test('cgroup and unit', async () => {
  const { pid } = await start('sleep', ['100']);
  const path = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')[0]?.split(':').slice(2).join(':') ?? '';
  expect(await pidsOf({ pid, cgroup: path })).toEqual([pid]);
  expect(await pidsOf({ pid, cgroup: 're2:^/' })).toEqual([pid]);
  expect(await pidsOf({ pid, cgroup: '/no/such' })).toEqual([]);
  expect(await pidsOf({ pid, unit: 'no-such-unit' })).toEqual([]);
});

const server = (options: string) =>
  `require('net').createServer().listen(${options}, function () { console.log(this.address().port) })`;

test('port: TCP v4 and v6, UDP, and shared sockets', async (context) => {
  const v4 = await start(process.execPath, ['-e', server('0, "127.0.0.1"')]);
  const port = Number(await v4.line);
  expect(await pidsOf({ port })).toEqual([v4.pid]);
  expect(await pidsOf({ port: [port, 1] })).toEqual([v4.pid]);

  const udp = await start(process.execPath, [
    '-e',
    `const s = require('dgram').createSocket('udp4'); s.bind(0, '127.0.0.1', () => console.log(s.address().port))`,
  ]);
  expect(await pidsOf({ port: Number(await udp.line) })).toEqual([udp.pid]);

  // A client of the port does not listen on it.
  const client = await startNode(`require('net').connect(${port}, '127.0.0.1')`);
  expect(await pidsOf({ port })).not.toContain(client.pid);

  const v6 = await start(process.execPath, ['-e', `${server('0, "::1"')}.on('error', () => console.log('none'))`]);
  const line = await v6.line;
  if (line === 'none') context.skip('this machine has no IPv6 loopback: TCP over IPv6 was not tested');
  expect(await pidsOf({ port: Number(line) })).toEqual([v6.pid]);
});

test('port: the same number in another network namespace is found there', async (context) => {
  if (!isRoot) context.skip(`${needsRoot}: unshare --net`);
  const here = await start(process.execPath, ['-e', server('0, "127.0.0.1"')]);
  const port = Number(await here.line);
  const there = await start('unshare', ['--net', process.execPath, '-e', server(`${port}, "0.0.0.0"`)]);
  await there.line;
  expect(await pidsOf({ port })).toEqual([here.pid, there.pid].sort((a, b) => a - b));
});

test('what may not be read does not match, and nothing throws', async () => {
  const all = await pidsOf({ name: 're2:' });
  for (const selector of [{ env: { PATH: 're2:' } }, { exe: 're2:' }, { port: 1 }, { cgroup: 're2:' }]) {
    const found = await pidsOf(selector);
    expect(found.length).toBeLessThanOrEqual(all.length + 50);
  }
});

test('processes that end during the scan are left out', async () => {
  const storm = await start('sh', ['-c', 'i=0; while [ $i -lt 500 ]; do sleep 0.$((i%7)) & i=$((i+1)); done; wait']);
  let [scans, seen, over] = [0, 0, false];
  storm.ended.then(() => {
    over = true;
  });
  while (!over) {
    const targets = await host.discover({ name: 're2:' });
    expect(new Set(targets.map(({ id }) => id)).size).toBe(targets.length);
    seen += targets.filter(({ labels }) => labels.ppid === String(storm.pid)).length;
    scans++;
    await sleep(1);
  }
  expect(await storm.ended).toBe(0);
  expect(scans).toBeGreaterThan(0);
  expect(seen).toBeGreaterThan(0);
});

test('an aborted scan stops with the reason', async () => {
  await expect(host.discover({ name: 're2:' }, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});

test('the machine is one target, with files, workers and its network alone', async () => {
  const targets = await host.discover({ machine: true });
  expect(targets).toHaveLength(1);
  const [machine] = targets;
  expect(machine).toMatchObject({ id: 'machine', platform: 'host' });
  expect(host.offers(machine as never)).toEqual(['cgroup', 'files', 'netns']);
  expect(await host.check(machine as never)).toBe('same');
});

test("on another pid namespace's /proc nothing is done", (context) => {
  const trial = spawnSync('unshare', ['--pid', '--fork', 'true']);
  if (trial.status !== 0) context.skip(`${needsRoot}: unshare --pid`);
  const script = `import('${import.meta.dirname}/platform.ts').then((m) => m.default.discover({ name: 're2:' })).then(
    () => console.log('found'), (error) => console.log(error.code, error.message))`;
  const args = ['--pid', '--fork', process.execPath, '--import', 'tsx', '-e', script];
  const { stdout } = spawnSync('unshare', args, { encoding: 'utf8', cwd: import.meta.dirname });
  expect(stdout).toMatch(/^not-supported .*pid namespace/);
});
