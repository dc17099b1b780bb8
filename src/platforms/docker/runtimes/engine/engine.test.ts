import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { blueprintOf } from './blueprint.ts';
import { credentials, registryOf } from './pull.ts';
import { filtersOf, summaryOf } from './read.ts';

function folder(config: object): string {
  const path = mkdtempSync(join(tmpdir(), 'zashiki-docker-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  writeFileSync(join(path, 'config.json'), JSON.stringify(config));
  return path;
}

test.each([
  ['nginx', 'https://index.docker.io/v1/'],
  ['library/nginx:1', 'https://index.docker.io/v1/'],
  ['docker.io/library/nginx', 'https://index.docker.io/v1/'],
  ['ghcr.io/a/b:latest', 'ghcr.io'],
  ['localhost/x', 'localhost'],
  ['registry:5000/x@sha256:00', 'registry:5000'],
])('the registry of %s is %s', (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});

test('credentials are those of docker login: in the file, as a token, or with a helper program', async () => {
  const at = folder({
    auths: { 'ghcr.io': { auth: Buffer.from('me:se:cret').toString('base64') }, 'a.io': { identitytoken: 'tok' } },
    credHelpers: { 'b.io': 'zashiki-test' },
  });
  expect(await credentials('ghcr.io', at)).toEqual({ username: 'me', password: 'se:cret' });
  expect(await credentials('a.io', at)).toEqual({ identitytoken: 'tok' });
  expect(await credentials('c.io', at)).toBeUndefined();
  const helper = join(at, 'docker-credential-zashiki-test');
  writeFileSync(
    helper,
    '#!/bin/sh\nread -r registry\necho "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"for $registry\\"}"\n',
  );
  chmodSync(helper, 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${at}:${path}`;
  onTestFinished(() => {
    process.env.PATH = path;
  });
  expect(await credentials('b.io', at)).toEqual({ identitytoken: 'for b.io' });
});

test('names are quoted for the engine, where they are patterns', () => {
  const query = { all: false, ids: [], names: ['a.b-1'], labels: [], health: [], networks: [] };
  expect(filtersOf(query)).toEqual({ name: ['^/?a\\.b-1$'] });
});

test.each([
  ['Up 2 hours (healthy)', 'healthy'],
  ['Up 2 hours (unhealthy)', 'unhealthy'],
  ['Up 1 second (health: starting)', 'starting'],
  ['Up 1 second', 'none'],
])('%s is %s', (Status, health) => {
  const listed = { Id: 'ab', Names: ['/other/alias', '/web'], Image: 'i', Labels: null, State: 'running', Status };
  expect(summaryOf(listed)).toMatchObject({ health, name: 'web', labels: {}, networks: [] });
});

test('a blueprint has no id of the old container, and names its anonymous volumes', () => {
  const id = 'ab12'.padEnd(64, '0');
  const state = { Status: 'running', Running: true, Paused: false, Pid: 1, ExitCode: 0, StartedAt: '' };
  const blueprint = blueprintOf({
    Id: id,
    Name: '/web',
    Image: 'sha256:1',
    State: state,
    Config: { Image: 'web:1', Hostname: id.slice(0, 12), Env: ['A=1'] },
    HostConfig: {
      NetworkMode: 'front',
      Binds: ['/srv:/srv:ro'],
      Mounts: [{ Type: 'volume', Source: 'named', Target: '/named' }],
    },
    NetworkSettings: {
      Networks: {
        back: {
          Aliases: ['web', id.slice(0, 12)],
          IPAMConfig: { IPv4Address: '10.1.0.7' },
          NetworkID: 'x',
          IPAddress: '10.1.0.7',
        },
        front: { Aliases: [id.slice(0, 12)], IPAMConfig: null, NetworkID: 'y' },
      },
    },
    Mounts: [
      { Type: 'bind', Destination: '/srv', RW: false },
      { Type: 'volume', Name: 'named', Destination: '/named', RW: true },
      { Type: 'volume', Name: 'f00', Destination: '/data', RW: true },
      { Type: 'volume', Name: 'f01', Destination: '/ro', RW: false },
    ],
  });
  expect(blueprint).toMatchObject({
    name: 'web',
    config: { Image: 'web:1', Env: ['A=1'] },
    hostConfig: { Binds: ['/srv:/srv:ro', 'f00:/data', 'f01:/ro:ro'] },
    networks: [
      { name: 'front', settings: {} },
      { name: 'back', settings: { Aliases: ['web'], IPAMConfig: { IPv4Address: '10.1.0.7' } } },
    ],
    running: true,
  });
  expect(blueprint.config).not.toHaveProperty('Hostname');
});
