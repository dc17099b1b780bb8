import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { makeCertificates } from '../src/agent/certs.ts';
import { reapersOf } from '../src/agent/testing.ts';
import type { EventOf, JournalEvent } from '../src/core/events.ts';
import { runIds } from '../src/journal/runs.ts';
import { scanJournal } from '../src/journal/scan.ts';
import { journalPath } from '../src/journal/state.ts';
import {
  experiment,
  install,
  installCommands,
  letter,
  main,
  run,
  show,
  systemctl,
  until,
  victim,
} from './fixtures/systemd.ts';

const unit = 'zashiki-agent';
/** The agent as a machine elsewhere sees it. */
const address = '10.9.1.1';
const url = `https://${address}:7475`;
const certificates = '/etc/zashiki/agent';
const state = '/var/lib/zashiki-agent';
/** What a controller has of the certificates. */
let tls: string;

beforeAll(async () => {
  await installCommands();
  // As docs/guide/agent.md says: a controller gets three files, and ca.key is neither here nor there.
  await run(main, 'agent', 'certs', certificates, '--server', address);
  await rename(join(certificates, 'ca.key'), join(await folder(), 'ca.key'));
  tls = await folder();
  for (const name of ['ca.crt', 'client.crt', 'client.key']) await copyFile(join(certificates, name), join(tls, name));
});

const folder = () => mkdtemp(join(tmpdir(), 'zashiki-agent-'));

/** A network of its own with a cable to us, gone when the test ends. */
async function network(name: string, here: string, there: string): Promise<void> {
  await run('ip', 'netns', 'add', name);
  onTestFinished(() => void run('ip', 'netns', 'del', name));
  await run('ip', 'link', 'add', `to-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  await run('ip', 'address', 'add', `${here}/24`, 'dev', `to-${name}`);
  await run('ip', 'link', 'set', `to-${name}`, 'up');
  await run('ip', '-n', name, 'address', 'add', `${there}/24`, 'dev', 'eth0');
  await run('ip', '-n', name, 'link', 'set', 'eth0', 'up');
}

/** The service as it is in deploy/, until the test ends; resolves when it listens. */
async function service(): Promise<void> {
  await network('elsewhere', address, '10.9.1.2');
  onTestFinished(() => rm(state, { recursive: true, force: true }));
  await install(unit);
  await systemctl('start', unit);
  await listening();
}

const listening = () => until(async () => (await ask('/healthz').catch(() => 0)) === 200);

/** Ask the agent over TLS, with a client certificate or without; the status of its answer. */
async function ask(path: string, client: Pick<RequestOptions, 'cert' | 'key'> = {}): Promise<number | undefined> {
  const ca = await readFile(join(tls, 'ca.crt'));
  return new Promise((done, failed) => {
    const asked = request(`${url}${path}`, { ca, ...client, agent: false }, (answer) => {
      answer.resume();
      done(answer.statusCode);
    });
    asked.once('error', failed);
    asked.end();
  });
}

const clientOf = async (of: string) => ({
  cert: await readFile(join(of, 'client.crt')),
  key: await readFile(join(of, 'client.key')),
});

/** `zashiki run` elsewhere, on a state folder of its own. */
async function controller(...method: object[]) {
  const own = await folder();
  const file = await experiment(...method);
  const inside = ['netns', 'exec', 'elsewhere', main, 'run', file, '--yes', '--state', own];
  const child = spawn('ip', inside, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const kill = async () => {
    const reapers = reapersOf(own);
    child.kill('SIGKILL');
    for (const pid of reapers) end(pid);
    await ended;
    return reapers.length;
  };
  onTestFinished(async () => void (await kill()));
  return {
    state: own,
    said: () => said,
    ended,
    /** As if its machine had lost its power: nobody there undoes anything. */
    kill,
    recover: () => run('ip', 'netns', 'exec', 'elsewhere', main, 'recover', '--state', own),
  };
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

const agent = { url, lease: '10m' };
const pause = (of: string, more: object = {}) => ({
  fault: 'process-pause',
  target: { host: { agent: { ...agent, tls, ...more }, unit: of } },
  mode: 'one',
  duration: '1h',
});

/** All events of one type in the journals of a state folder. */
const events = <T extends JournalEvent['type']>(of: string, type: T): readonly EventOf<T>[] =>
  runIds(of)
    .flatMap((id) => scanJournal(journalPath(of, id)).events)
    .filter((event): event is EventOf<T> => event.type === type);

test('a controller elsewhere pauses a process over mutual TLS, and all is as before; others are not let in', async () => {
  const target = await victim('paused-from-elsewhere');
  await service();
  expect(await ask('/v1/status')).toBe(401);
  const stranger = await folder();
  await makeCertificates(stranger);
  expect(await ask('/v1/status', await clientOf(stranger))).toBe(401);
  expect(await ask('/v1/status', await clientOf(tls))).toBe(200);
  const modes = await run('stat', '--format=%a', state, `/run/${unit}`, `/run/${unit}/agent.sock`);
  expect(modes.trim().split('\n')).toEqual(['700', '700', '600']);

  const running = await controller({ ...pause('paused-from-elsewhere'), duration: '10s' });
  await until(async () => (await letter(target)) === 'T');
  expect(await running.ended, running.said()).toBe(0);
  expect(await letter(target)).toBe('S');
  expect(events(running.state, 'observed')).toMatchObject([{ real: true }]);
  expect(events(running.state, 'verified')).toMatchObject([{ clean: true }]);
  expect(events(state, 'recovered')).toMatchObject([{ author: { user: 'zashiki-controller' } }]);

  await systemctl('stop', unit);
  expect(await show(unit, 'Result')).toBe('success');
});

test('the controller is gone for longer than its lease: the service recovers by itself', async () => {
  const target = await victim('paused-and-forgotten');
  await service();
  const gone = await controller(pause('paused-and-forgotten', { lease: '5s' }));
  await until(async () => (await letter(target)) === 'T');
  expect(await gone.kill()).toBe(1);
  await until(async () => (await letter(target)) === 'S');
  expect(events(state, 'recovered')).toMatchObject([{ author: { role: 'daemon', user: 'agent: lease' } }]);
});

test('kill -9 of the service, with a fault on whose controller is gone: systemd starts it again, the fault is off', async () => {
  const target = await victim('paused-by-the-dead');
  await service();
  const gone = await controller(pause('paused-by-the-dead'));
  await until(async () => (await letter(target)) === 'T');
  expect(await gone.kill()).toBe(1);
  expect(await letter(target)).toBe('T');

  const pid = await show(unit, 'MainPID');
  const [session = ''] = runIds(state);
  process.kill(Number(pid), 'SIGKILL');
  await until(async () => (await show(unit, 'NRestarts')) === '1');
  await until(async () => (await show(unit, 'ActiveState')) === 'active');
  expect(await letter(target)).toBe('S');
  expect(await show(unit, 'MainPID')).not.toBe(pid);
  expect(events(state, 'recovered')).toMatchObject([{ how: 'undone', author: { role: 'recover' } }]);
  expect(events(state, 'verified')).toMatchObject([{ clean: true }]);
  expect(await run('journalctl', `--unit=${unit}`)).toContain(`${session}: 1 recovered`);

  // The controller, back again, finds nothing to undo, and the service takes new faults.
  await listening();
  await gone.recover();
  expect(events(gone.state, 'verified')).toMatchObject([{ clean: true }]);
  const next = await controller({ ...pause('paused-by-the-dead'), duration: '10s' });
  expect(await next.ended, next.said()).toBe(0);
});

test('stopped for good right after kill -9, it leaves nothing on either', async () => {
  const target = await victim('paused-till-the-end');
  await service();
  const gone = await controller(pause('paused-till-the-end'));
  await until(async () => (await letter(target)) === 'T');
  expect(await gone.kill()).toBe(1);
  process.kill(Number(await show(unit, 'MainPID')), 'SIGKILL');
  await systemctl('stop', unit);
  expect(await letter(target)).toBe('S');
  expect(await show(unit, 'MainPID')).toBe('0');
});

test('however often it ends, it is started again', async () => {
  await install(unit, '[Service]\nExecStart=\nExecStart=/bin/false\nExecStopPost=\n');
  await systemctl('start', unit).catch(() => {});
  const often = async () => Number(await show(unit, 'NRestarts')) > 6;
  await until(async () => (await often()) || (await show(unit, 'SubState')) === 'failed');
  expect(await often()).toBe(true);
});

test('what the unit may do is enough for faults on a process, files and packets of somebody else', async () => {
  await network('shop', '10.9.2.1', '10.9.2.2');
  const shop = await mkdtemp('/srv/shop-');
  onTestFinished(() => rm(shop, { recursive: true }));
  const [nobody, mail, longAgo] = [65_534, 8, new Date('2001-02-03T04:05:06Z')];
  await chown(shop, nobody, nobody);
  const [corrupted = '', deleted = '', forbidden = ''] = ['ledger', 'till', 'book'].map((name) => join(shop, name));
  const files = [corrupted, deleted, forbidden];
  for (const path of files) {
    await writeFile(path, 'one page\n');
    await chown(path, nobody, mail);
    await chmod(path, 0o2750);
    await utimes(path, longAgo, longAgo);
  }
  await victim('shop', 'User=nobody', 'NetworkNamespacePath=/run/netns/shop');
  await service();

  const here = { host: { agent: { ...agent, tls }, unit: 'shop' } };
  const machine = { host: { agent: { ...agent, tls }, machine: true } };
  const steps: readonly (readonly [string, object, object?])[] = [
    ['file-corrupt', machine, { path: corrupted }],
    ['file-delete', machine, { path: deleted }],
    ['file-permission', machine, { path: forbidden }],
    ['disk-fill', machine, { path: shop, size: '1MiB' }],
    ['process-priority', here, { nice: 5 }],
    ['fd-exhaust', here],
    ['network-delay', here, { latency: '20ms' }],
    ['network-partition', here],
    ['memory-stress', here, { size: '16MiB' }],
    ['cpu-stress', here, { workers: 1 }],
  ];
  // On until the run ends: nothing that is slow here is late.
  const running = await controller(...steps.map(([fault, target, params]) => ({ fault, target, params, mode: 'one' })));
  expect(await running.ended, running.said()).toBe(0);
  expect(events(running.state, 'observed').map(({ real }) => real)).toEqual(steps.map(() => true));
  expect(events(running.state, 'verified').map(({ clean }) => clean)).toEqual(steps.map(() => true));
  for (const path of files) {
    expect(await readFile(path, 'utf8')).toBe('one page\n');
    const { mode, uid, gid, mtime } = await stat(path);
    expect({ mode: mode & 0o7777, uid, gid, mtime }).toEqual({ mode: 0o2750, uid: nobody, gid: mail, mtime: longAgo });
  }
});
