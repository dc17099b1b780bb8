import { describe, expect, test } from 'vitest';
import { compileAge, compileSelector, queryOf, requireUnique } from './match.ts';
import type { Summary } from './runtime.ts';
import type { DockerSelector } from './selector.ts';

const summary = (more: Partial<Summary> = {}): Summary => ({
  id: '3f2a'.padEnd(64, '0'),
  name: 'web-1',
  image: 'nginx:1.25',
  labels: { app: 'shop', 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' },
  status: 'running',
  health: 'none',
  networks: ['front'],
  ...more,
});

describe('which containers are meant', () => {
  test.each<[DockerSelector, Partial<Summary>, boolean]>([
    [{ name: 'web-1' }, {}, true],
    [{ name: '/web-1' }, {}, true],
    [{ name: 'web' }, {}, false],
    [{ name: ['db', 'web-1'] }, {}, true],
    [{ name: 're2:^web' }, {}, true],
    [{ name: 're2:^/web' }, {}, true],
    [{ name: 're2:eb' }, {}, true],
    [{ name: 're2:^eb' }, {}, false],
    [{ name: 'web.1' }, {}, false],
    [{ id: '3f' }, {}, true],
    [{ id: '2a' }, {}, false],
    [{ id: 4711 }, { id: '4711'.padEnd(64, '0') }, true],
    [{ nameOrId: ['db', '/web-1'] }, {}, true],
    [{ nameOrId: ['db', '3f2a00000000'] }, {}, true],
    [{ nameOrId: ['db', '3f2a'] }, {}, false],
    [{ nameOrId: '/3f2a00000000' }, {}, false],
    [{ nameOrId: '3f2a00000000' }, { id: 'ab'.padEnd(64, '0'), name: '3f2a00000000' }, true],
    [{ nameOrId: 're2:web' }, {}, false],
    [{ image: 'nginx:1.25' }, {}, true],
    [{ image: 'nginx' }, {}, false],
    [{ image: 'nginx' }, { image: 'nginx:latest' }, true],
    [{ image: 'nginx:latest' }, { image: 'nginx' }, true],
    [{ image: 'nginx' }, { image: 'docker.io/library/nginx:latest' }, true],
    [{ image: 'registry:5000/nginx' }, { image: 'registry:5000/nginx:latest' }, true],
    [{ image: 're2:^nginx:1' }, {}, true],
    [{ labels: { app: 'shop' } }, {}, true],
    [{ labels: { app: 'shop', tier: '' } }, {}, false],
    [{ labels: { app: '' } }, {}, true],
    [{ labels: { app: '' } }, { labels: { app: '' } }, true],
    [{ labels: { app: 're2:^sh' } }, {}, true],
    [{ labels: { toString: '' } }, {}, false],
    [{ compose: { service: 'web' } }, {}, true],
    [{ compose: { project: 'other', service: 'web' } }, {}, false],
    [{ compose: { project: 're2:sho' } }, {}, true],
    [{ network: 'front' }, {}, true],
    [{ network: 'back' }, {}, false],
    [{ network: 're2:^f' }, {}, true],
    [{ health: 'none' }, {}, true],
    [{ health: 'healthy' }, { health: 'unhealthy' }, false],
    [{ name: 'web-1' }, { status: 'exited' }, false],
    [{ name: 'web-1' }, { status: 'paused' }, true],
    [{ name: 'web-1' }, { status: 'restarting' }, false],
    [{ name: 'web-1', state: 'all' }, { status: 'exited' }, true],
    [{ state: 'exited' }, { status: 'exited' }, true],
    [{ state: 'exited' }, {}, false],
    [{ state: 'stopped' }, {}, false],
    [{ state: 'stopped' }, { status: 'exited' }, true],
    [{ state: 'stopped' }, { status: 'created' }, true],
    [{ state: 'stopped' }, { status: 'paused' }, false],
  ])('%j on %j: %s', (selector, more, expected) => {
    expect(compileSelector(selector)(summary(more))).toBe(expected);
  });
});

test('what the engine can filter is asked of the engine', () => {
  const nothing = { all: false, ids: [], names: [], labels: [], health: [], networks: [] };
  expect(queryOf({ name: ['/web', 'db'] })).toEqual({ ...nothing, names: ['web', 'db'] });
  expect(queryOf({ name: ['web', 're2:^db'] })).toEqual(nothing);
  expect(queryOf({ labels: { app: 'shop', tier: '', version: 're2:^2' } })).toEqual({
    ...nothing,
    labels: ['app=shop', 'tier', 'version'],
  });
  expect(queryOf({ compose: { service: 'web' }, state: 'all' })).toEqual({
    ...nothing,
    all: true,
    labels: ['com.docker.compose.service=web'],
  });
  expect(queryOf({ id: '3f', name: 'web', health: 'healthy' })).toEqual({ ...nothing, all: true });
  expect(queryOf({ nameOrId: ['web', '3f2a00000000'], network: 'front' })).toEqual({ ...nothing, all: true });
  const id = 'ab'.padEnd(64, '0');
  expect(queryOf({ id })).toEqual({ ...nothing, all: true, ids: [id] });
  expect(queryOf({ network: 'front', health: 'healthy' })).toEqual({
    ...nothing,
    networks: ['front'],
    health: ['healthy'],
  });
  expect(queryOf({ state: 'exited' }).all).toBe(true);
  expect(queryOf({ state: 'stopped' }).all).toBe(true);
});

test('a beginning of several ids is refused, a whole id never', () => {
  const [a, b] = [summary({ id: 'ab01', name: 'a' }), summary({ id: 'ab02', name: 'b' })];
  expect(() => requireUnique({ id: 'ab' }, [a, b])).toThrow(
    /the id "ab" is the beginning of 2 containers: ab01 \(a\), ab02 \(b\)/,
  );
  expect(() => requireUnique({ id: ['ab01', 'ab02'] }, [a, b])).not.toThrow();
  expect(() => requireUnique({ id: 'ab01' }, [a, summary({ id: 'ab0133' })])).not.toThrow();
  expect(() => requireUnique({ name: 'a' }, [a, b])).not.toThrow();
  const long = summary({ id: '3f2a0000000001', name: 'c' });
  const named = summary({ id: 'ab', name: '3f2a00000000' });
  expect(() => requireUnique({ nameOrId: ['a', '3f2a00000000'] }, [a, long])).not.toThrow();
  expect(() => requireUnique({ nameOrId: '3f2a00000000' }, [long, named])).toThrow(/beginning of 2 containers/);
  expect(() => requireUnique({ nameOrId: '/3f2a00000000' }, [long, named])).not.toThrow();
});

test('age counts from the last start; what was never started has none', () => {
  const now = 10_000_000;
  const fits = compileAge({ minAge: '1m', maxAge: '1h' }, now);
  expect([now - 59_000, now - 60_000, now - 3_600_000, now - 3_601_000, null].map(fits)).toEqual([
    false,
    true,
    true,
    false,
    false,
  ]);
  expect(compileAge({}, now)(null)).toBe(true);
});
