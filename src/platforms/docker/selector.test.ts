import { expect, test } from 'vitest';
import { DockerSelector } from './selector.ts';

const problems = (selector: unknown): string =>
  (DockerSelector.safeParse(selector).error?.issues ?? [])
    .map(({ path, message }) => `${path.join('.')}: ${message}`)
    .join('\n');

test.each([
  { name: 'web' },
  { name: ['/web', 're2:^db'] },
  { id: '3f2a' },
  { id: 4711 },
  { labels: { app: 'shop', tier: '', version: 're2:^2' } },
  { compose: { project: 'shop', service: 'web' } },
  { health: 'healthy', state: 'all', minAge: '5m', maxAge: '1h' },
  { state: 'running', engine: 'ssh://root@lab:2222', runtime: 'podman', helperImage: 'tools' },
  { image: 'nginx', engine: { url: 'tcp://10.0.0.1:2376', ca: '/c/ca.pem', cert: '/c/cert.pem', key: '/c/key.pem' } },
  { network: ['front', 're2:^back'], engine: 'production' },
])('%j is right, and parsed again it is the same', (selector) => {
  const once = DockerSelector.parse(selector);
  expect(once).toEqual(selector);
  expect(DockerSelector.parse(once)).toEqual(once);
});

test.each([
  [{}, /says nothing, so it would match every container/],
  [{ engine: 'unix:///run/docker.sock' }, /says nothing/],
  [{ names: 'web' }, /Unrecognized key: "names"/],
  [{ name: '' }, /name: .*must not be empty|name: write a container name/],
  [{ name: [] }, /the list is empty/],
  [{ name: 're2:(' }, /not an RE2 expression: missing closing \)|missing/],
  [{ id: 'web' }, /2 to 64 digits|digits of 0-9 and a-f/],
  [{ id: 'a' }, /2 to 64 digits|digits of 0-9 and a-f/],
  [{ id: 4 }, /digits of 0-9 and a-f/],
  [{ labels: { app: 're2:[' } }, /labels\.app: not an RE2 expression/],
  [{ labels: ['app=shop'] }, /write names and values/],
  [{ compose: {} }, /compose: write `project`, `service`, or both/],
  [{ health: 'good' }, /health: /],
  [{ state: 'halted' }, /state: /],
  [{ minAge: '5' }, /minAge: not a duration/],
  [{ name: 'web', minAge: '2h', maxAge: '1h' }, /nothing can match/],
  [{ name: 'web', engine: 'npipe:////./pipe/docker' }, /is no address of an engine: write unix:\/\//],
  [{ name: 'web', engine: 'unix://docker.sock' }, /write the whole path/],
  [{ name: 'web', engine: { url: 'tcp://h:1', ca: 'ca.pem' } }, /write the whole path, from the root/],
  [{ name: 'web', runtime: 'rkt' }, /runtime: /],
])('%j is refused', (selector, says) => {
  expect(problems(selector)).toMatch(says);
});
