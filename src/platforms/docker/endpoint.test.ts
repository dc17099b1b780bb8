import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findEndpoint } from './endpoint.ts';
import type { Surroundings } from './surroundings.ts';

function home(): string {
  const path = mkdtempSync(join(tmpdir(), 'zashiki-docker-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

const look = (env: Record<string, string> = {}, exists: readonly string[] = [], at = '/home/u'): Surroundings => ({
  env,
  home: at,
  exists: (path) => exists.includes(path),
});

test.each<[Record<string, string>, readonly string[], string]>([
  [{}, [], 'unix:///var/run/docker.sock'],
  [{}, ['/var/run/docker.sock', '/run/podman/podman.sock'], 'unix:///var/run/docker.sock'],
  [{ DOCKER_HOST: 'unix:///tmp/d.sock' }, ['/var/run/docker.sock'], 'unix:///tmp/d.sock'],
  [{ DOCKER_HOST: '10.0.0.1:2375' }, [], 'tcp://10.0.0.1:2375'],
  [{ DOCKER_HOST: 'ssh://me@lab' }, [], 'ssh://me@lab'],
  [{ XDG_RUNTIME_DIR: '/run/user/7' }, ['/run/user/7/docker.sock'], 'unix:///run/user/7/docker.sock'],
  [{ XDG_RUNTIME_DIR: '/run/user/7' }, ['/run/user/7/podman/podman.sock'], 'unix:///run/user/7/podman/podman.sock'],
  [{}, ['/home/u/.docker/run/docker.sock'], 'unix:///home/u/.docker/run/docker.sock'],
  [{}, ['/run/podman/podman.sock'], 'unix:///run/podman/podman.sock'],
])('%j with %j: %s', (env, exists, url) => {
  expect(findEndpoint(undefined, 'docker', look(env, exists))).toEqual({ url });
});

test('Podman has variables of its own', () => {
  expect(findEndpoint(undefined, 'podman', look({ DOCKER_HOST: 'tcp://no:1' }))).toEqual({
    url: 'unix:///run/podman/podman.sock',
  });
  expect(findEndpoint(undefined, 'podman', look({ CONTAINER_HOST: 'unix:///a', PODMAN_SOCK: '/b' })).url).toBe(
    'unix:///a',
  );
  expect(findEndpoint(undefined, 'podman', look({ PODMAN_SOCK: '/b' })).url).toBe('unix:///b');
});

test('TLS is used when asked for, with the files that are there', () => {
  const files = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => `/keys/${name}`);
  const env = { DOCKER_HOST: 'tcp://h:2376', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/keys' };
  expect(findEndpoint(undefined, 'docker', look(env, files))).toEqual({
    url: 'tcp://h:2376',
    tls: { verify: true, ca: '/keys/ca.pem', cert: '/keys/cert.pem', key: '/keys/key.pem' },
  });
  expect(findEndpoint(undefined, 'docker', look({ ...env, DOCKER_TLS_VERIFY: '' }, files))).toEqual({
    url: 'tcp://h:2376',
  });
  expect(
    findEndpoint(undefined, 'docker', look({ DOCKER_HOST: 'tcp://h:1', DOCKER_TLS: '1' }, ['/home/u/.docker/ca.pem'])),
  ).toEqual({ url: 'tcp://h:1', tls: { verify: false, ca: '/home/u/.docker/ca.pem' } });
  expect(findEndpoint('unix:///x', 'docker', look(env, files))).toEqual({ url: 'unix:///x' });
});

test('contexts of the docker command: the current one, DOCKER_CONTEXT, or by name', () => {
  const at = home();
  const folder = join(at, '.docker');
  const write = (name: string, host: string) => {
    const hash = createHash('sha256').update(name).digest('hex');
    mkdirSync(join(folder, 'contexts/meta', hash), { recursive: true });
    const meta = { Name: name, Endpoints: { docker: { Host: host, SkipTLSVerify: name === 'lax' } } };
    writeFileSync(join(folder, 'contexts/meta', hash, 'meta.json'), JSON.stringify(meta));
    return join(folder, 'contexts/tls', hash, 'docker/ca.pem');
  };
  const ca = write('remote', 'tcp://remote:2376');
  const lax = write('lax', 'tcp://lax:2376');
  write('far', 'ssh://far');
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ currentContext: 'remote' }));
  const find = (env: Record<string, string> = {}, given?: string) =>
    findEndpoint(given, 'docker', look(env, [ca, lax], at));
  expect(find()).toEqual({ url: 'tcp://remote:2376', tls: { verify: true, ca } });
  expect(find({ DOCKER_CONTEXT: 'far' })).toEqual({ url: 'ssh://far' });
  expect(find({ DOCKER_CONTEXT: 'default' })).toEqual({ url: 'unix:///var/run/docker.sock' });
  expect(find({ DOCKER_HOST: 'unix:///d' })).toEqual({ url: 'unix:///d' });
  expect(find({ DOCKER_HOST: 'unix:///d' }, 'lax')).toEqual({ url: 'tcp://lax:2376', tls: { verify: false, ca: lax } });
  expect(() => find({}, 'nowhere')).toThrow(/there is no Docker context "nowhere"/);
});

test.each(['npipe:////./pipe/docker_engine', 'unix://relative', 'tcp://'])('DOCKER_HOST=%s is refused', (url) => {
  expect(() => findEndpoint(undefined, 'docker', look({ DOCKER_HOST: url }))).toThrow(
    expect.objectContaining({ code: 'usage', hint: expect.stringContaining('DOCKER_HOST') }),
  );
});
