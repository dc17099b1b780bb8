import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import platform from './platform.ts';

const pageSize = 500;

/** An API server that has so many pods in the namespace `shop`, a page at a time, and nothing else. */
async function serve(count: number) {
  const pods = Array.from({ length: count }, (_, index) => ({
    metadata: { name: `web-${index}`, namespace: 'shop', uid: `u${index}`, labels: { app: 'web' } },
    spec: { nodeName: `n${index % 3}`, containers: [{ name: 'web', image: 'web:1' }] },
    status: { phase: index % 10 === 9 ? 'Pending' : 'Running' },
  }));
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://x');
    seen.push(`${request.method} ${url.pathname}`);
    const from = Number(url.searchParams.get('continue') ?? 0);
    const more = from + pageSize < count ? { continue: String(from + pageSize) } : {};
    const answer = url.pathname.endsWith('/pods')
      ? { metadata: more, items: pods.slice(from, from + pageSize) }
      : { metadata: { name: 'shop', uid: 'ns' } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = await mkdtemp(join(tmpdir(), 'zashiki-discover-'));
  onTestFinished(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  const kubeconfig = join(folder, 'config');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(
    kubeconfig,
    JSON.stringify({
      'current-context': 'x',
      clusters: [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token: 't' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
    }),
  );
  return { kubeconfig, seen };
}

test('many pods are found by a call for each page, none for each pod', async () => {
  const { kubeconfig, seen } = await serve(2000);
  const found = await platform.discover(platform.selector.parse({ kubeconfig, labels: { app: 'web' } }));
  expect(found).toHaveLength(1800);
  expect(new Set(found.map(({ id }) => id)).size).toBe(1800);
  expect(seen.sort()).toEqual([
    'GET /api/v1/namespaces/shop',
    ...Array.from({ length: 4 }, () => 'GET /api/v1/namespaces/shop/pods'),
  ]);
});

test('check, spare and attach of one pod at a time share one look at it', async () => {
  const { kubeconfig, seen } = await serve(1);
  const [target] = await platform.discover(platform.selector.parse({ kubeconfig, labels: { app: 'web' } }));
  if (!target) throw new Error('one pod was wanted');
  seen.length = 0;
  // The answer of this server to a single pod is the namespace: another uid, so the pod is gone.
  expect(await platform.check(target)).toBe('gone');
  expect(await platform.spare(target)).toBeNull();
  expect(Object.keys(await platform.attach(target)).sort()).toEqual(['agent', 'exec', 'pod']);
  expect(seen).toEqual(['GET /api/v1/namespaces/shop/pods/web-0']);
});
