import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { call } from '../../../lab/docker/api.ts';
import { imageFiles } from '../../../lab/docker/images.ts';
import { hold } from '../../../lab/docker/index.ts';
import { placeOf } from '../../../lab/docker/place.ts';
import { kill, textOf } from '../../../lab/docker/proc.ts';
import { docker as ask, container, dockerHost, unable, unique } from '../../../test/fixtures/docker.ts';
import docker from './platform.ts';
import type { DockerSelector } from './selector.ts';
import { elsewhere, find, targetOf } from './testing.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'zashiki-engine-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function setEnv(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  onTestFinished(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

const installed = (program: string) =>
  `${process.env.PATH}:/usr/sbin`.split(':').some((at) => existsSync(join(at, program)));

/** A certificate authority, and certificates of it for an engine at 127.0.0.1 and for us. */
function certificates(at: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: at, stdio: 'ignore' });
  const name = (text: string) => ['-subj', `/CN=${text}`, '-days', '2', '-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...name('lab'), '-keyout', 'ca-key.pem', '-out', 'ca.pem');
  for (const [file, extension] of [
    ['server', 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n'],
    ['', 'extendedKeyUsage=clientAuth\n'],
  ] as const) {
    const prefix = file ? `${file}-` : '';
    writeFileSync(join(at, 'ext'), extension);
    openssl('req', '-subj', '/CN=x', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${prefix}key.pem`, '-out', 'request');
    openssl(
      ...['x509', '-req', '-in', 'request', '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2'],
      ...['-extfile', 'ext', '-out', `${prefix}cert.pem`],
    );
  }
}

/** Processes whose command line has this text. */
const pidsNaming = (text: string): readonly number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && textOf(`/proc/${pid}/cmdline`).includes(text));

describe.skipIf(unable)('engines', () => {
  test('over TLS, checked both ways: by the environment, by the selector, and by another process later', async () => {
    const at = folder();
    certificates(at);
    const port = await freePort();
    const file = (name: string) => join(at, name);
    const tls = [
      '--tlsverify',
      '--tlscacert',
      file('ca.pem'),
      '--tlscert',
      file('server-cert.pem'),
      '--tlskey',
      file('server-key.pem'),
    ];
    const engine = await hold(unique('tls').slice(0, 14), { args: [...tls, '--host', `tcp://127.0.0.1:${port}`] });
    onTestFinished(() => engine.release());
    const { name } = await container({ host: engine.host });
    const url = `tcp://127.0.0.1:${port}`;
    const keys = { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
    const target = await targetOf({ name, engine: { url, ...keys } });
    expect(target.identity.engine).toEqual({ url, tls: { verify: true, ...keys } });
    const { exec, lifecycle } = await docker.attach(JSON.parse(JSON.stringify(target)));
    expect(await exec?.run(['echo', 'hi'])).toEqual({ code: 0, stdout: 'hi\n', stderr: '' });
    await lifecycle?.pause();
    await lifecycle?.unpause();
    const far = await docker.attach(elsewhere(target));
    const namespace = await far.netns?.identify();
    const there = await far.netns?.open(namespace?.id ?? '');
    expect(await there?.run(['cat'], { input: 'through a raw connection\n' })).toMatchObject({
      stdout: 'through a raw connection\n',
    });

    setEnv('DOCKER_HOST', url);
    setEnv('DOCKER_TLS_VERIFY', '1');
    setEnv('DOCKER_CERT_PATH', at);
    expect((await targetOf({ name })).identity).toEqual(target.identity);

    const refusals: readonly (readonly [DockerSelector['engine'], RegExp])[] = [
      [{ url, ca: keys.ca }, /certificate required|alert|socket hang up|ECONNRESET/],
      [{ url, cert: keys.cert, key: keys.key }, /self.signed|certificate/],
      [{ url, ...keys, ca: file('none.pem') }, /cannot read .*none\.pem/],
    ];
    for (const [wrong, says] of refusals) await expect(find({ name, engine: wrong })).rejects.toThrow(says);
    const lax = await find({ name, engine: { url, cert: keys.cert, key: keys.key, verify: false } });
    expect(lax).toHaveLength(1);
  });

  test('over ssh, with the user’s own ssh', async (context) => {
    if (!installed('sshd') || !installed('ssh'))
      return context.skip('needs ssh and sshd (apt-get install openssh-server)');
    const at = folder();
    const port = await freePort();
    for (const key of ['host', 'mine'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(at, key)]);
    execFileSync('cp', [join(at, 'mine.pub'), join(at, 'authorized')]);
    writeFileSync(
      join(at, 'sshd_config'),
      `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${at}/host\nAuthorizedKeysFile ${at}/authorized\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\nSetEnv DOCKER_HOST=${dockerHost()} PATH=${process.env.PATH}\n`,
    );
    // A folder of ssh's own that sshd asks for when it is not started by the system.
    execFileSync('mkdir', ['-p', '/run/sshd']);
    const daemon = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(at, 'sshd_config')], { stdio: 'ignore' });
    onTestFinished(() => void daemon.kill('SIGKILL'));
    const ssh = execFileSync('which', ['ssh'], { encoding: 'utf8' }).trim();
    writeFileSync(
      join(at, 'ssh'),
      `#!/bin/sh\nexec ${ssh} -F none -i ${at}/mine -o UserKnownHostsFile=${at}/known -o StrictHostKeyChecking=accept-new "$@"\n`,
    );
    chmodSync(join(at, 'ssh'), 0o755);
    setEnv('PATH', `${at}:${process.env.PATH}`);
    const engine = `ssh://root@127.0.0.1:${port}`;
    const { name } = await container();
    await expect.poll(async () => (await find({ name, engine }).catch(() => [])).length, { timeout: 30_000 }).toBe(1);
    const target = await targetOf({ name, engine });
    expect(target.identity).toMatchObject({ engine: { url: engine } });
    const { exec, lifecycle } = await docker.attach(target);
    expect(await exec?.run(['echo', 'hi'])).toEqual({ code: 0, stdout: 'hi\n', stderr: '' });
    await lifecycle?.pause();
    expect((await lifecycle?.state())?.status).toBe('paused');
    await lifecycle?.unpause();
    await expect(find({ name, engine: `ssh://nobody@127.0.0.1:${port}` })).rejects.toMatchObject({
      code: 'peer-unavailable',
      message: expect.stringContaining('Permission denied'),
    });
  });

  test('that do not run, are no engine, or are not ours to use: said with the address and what to do', async () => {
    const at = folder();
    const missing = `unix://${at}/none.sock`;
    await expect(find({ name: 'web', engine: missing })).rejects.toMatchObject({
      code: 'peer-unavailable',
      message: expect.stringContaining(`no container engine answers at ${missing}`),
      hint: expect.stringContaining('DOCKER_HOST'),
    });
    setEnv('DOCKER_HOST', `tcp://127.0.0.1:${await freePort()}`);
    await expect(find({ name: 'web' })).rejects.toThrow(
      /no container engine answers at tcp:\/\/127.0.0.1:\d+: .*ECONNREFUSED/,
    );
    const server = createHttp((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(find({ name: 'web', engine: `tcp://127.0.0.1:${port}` })).rejects.toMatchObject({
      code: 'peer-unavailable',
      message: expect.stringContaining('not as a container engine does'),
    });
    await expect(find({ name: 'web', engine: 'nowhere' })).rejects.toMatchObject({ code: 'usage' });
    await expect(find({ name: 'web', runtime: 'containerd', engine: missing })).rejects.toThrow();
  });

  test('whose socket we may not use', async () => {
    const at = folder();
    chmodSync(at, 0o755);
    const socket = join(at, 'd.sock');
    const server = createServer().listen(socket);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    chmodSync(socket, 0o600);
    const looking = async () => {
      process.seteuid?.(65_534);
      try {
        return await find({ name: 'web', engine: `unix://${socket}` });
      } finally {
        process.seteuid?.(0);
      }
    };
    await expect(looking()).rejects.toMatchObject({
      code: 'permission-missing',
      hint: expect.stringContaining('docker'),
    });
  });

  test('killed while a container is paused: not reached is not gone, and once it is back all goes on', async () => {
    const engine = await hold(unique('die').slice(0, 14), { args: ['--live-restore'] });
    onTestFinished(() => engine.release());
    const { name } = await container({ host: engine.host });
    const target = await targetOf({ name, engine: engine.host });
    const { lifecycle, signal } = await docker.attach(target);
    await lifecycle?.pause();
    await engine.killDaemon();
    await expect(lifecycle?.unpause()).rejects.toMatchObject({ code: 'peer-unavailable' });
    await expect(lifecycle?.state()).rejects.toMatchObject({ code: 'peer-unavailable' });
    await expect(docker.check(target)).rejects.toMatchObject({ code: 'peer-unavailable' });
    expect(await signal?.state()).not.toBe('gone');
    await engine.startDaemon();
    expect(await docker.check(target)).toBe('same');
    await lifecycle?.unpause();
    expect((await lifecycle?.state())?.status).toBe('running');
  });

  test('of Podman, through its service', async (context) => {
    if (!installed('podman')) return context.skip('needs podman');
    const at = folder();
    // Its usual limits are above what a machine without CAP_SYS_RESOURCE may set.
    writeFileSync(
      join(at, 'containers.conf'),
      '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n',
    );
    const flags = [
      '--root',
      join(at, 'root'),
      '--runroot',
      join(at, 'run'),
      '--storage-driver',
      'vfs',
      '--cgroup-manager',
      'cgroupfs',
      '--tmpdir',
      join(at, 'tmp'),
    ];
    const socket = join(at, 'podman.sock');
    const env = { ...process.env, CONTAINERS_CONF: join(at, 'containers.conf') };
    const service = spawn('podman', [...flags, 'system', 'service', '--time', '0', `unix://${socket}`], {
      stdio: 'ignore',
      env,
    });
    onTestFinished(async () => {
      service.kill('SIGKILL');
      execFileSync('podman', [...flags, 'rm', '--all', '--force', '--time', '0'], { stdio: 'ignore', env });
      // What watched an exec stays for five minutes by itself.
      for (const pid of pidsNaming(at)) kill(pid);
      const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
      for (const line of mounts.reverse()) {
        const [, point = ''] = line.split(' ');
        if (point.startsWith(at)) execFileSync('umount', ['-l', point]);
      }
    });
    await expect.poll(() => existsSync(socket), { timeout: 30_000 }).toBe(true);
    const image = imageFiles(placeOf()).images.find((each) => each.name === 'zashiki-lab/busybox');
    await call(socket, 'POST', '/v1.40/images/create?fromSrc=-&repo=zashiki-lab/busybox&tag=latest', {
      file: image?.file ?? '',
    });
    const host = `unix://${socket}`;
    const { name } = await container({ host, hostConfig: { NetworkMode: 'none' } });
    setEnv('CONTAINER_HOST', host);
    const target = await targetOf({ name, runtime: 'podman' });
    expect(target.identity).toMatchObject({ runtime: 'podman', engine: { url: host } });
    const { exec, lifecycle, signal } = await docker.attach(target);
    expect(await exec?.run(['echo', 'hi'])).toEqual({ code: 0, stdout: 'hi\n', stderr: '' });
    await lifecycle?.pause();
    await lifecycle?.pause();
    expect((await lifecycle?.state())?.status).toBe('paused');
    await lifecycle?.unpause();
    await lifecycle?.unpause();
    await lifecycle?.restart({ grace: 1000 });
    expect(await docker.check(target)).toBe('gone');
    expect(await signal?.state()).toBe('gone');
    await lifecycle?.stop({ grace: 300 });
    expect((await lifecycle?.state())?.status).toBe('exited');
    const blueprint = await lifecycle?.blueprint();
    await lifecycle?.remove({ force: true, volumes: true, links: false });
    expect((await lifecycle?.state())?.status).toBe('gone');
    const again = await lifecycle?.recreate(blueprint ?? null);
    expect(again).not.toBe(target.identity.id);
    await ask('DELETE', `/containers/${again}?force=1`, undefined, host);
  });
});
