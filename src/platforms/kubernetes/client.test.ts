import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { openClient } from './client.ts';
import { budgetOf, Refusal } from './refusal.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, round: number) => void;

/** A server that answers as it is told, and a client that talks to it. */
async function talk(answer: Answer) {
  const { KubeConfig } = await import('./library.ts');
  let round = 0;
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    answer(request, response, ++round);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: url, skipTLSVerify: true }],
    users: [{ name: 'u', token: 'secret' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  const client = openClient({ cluster: { files: ['/k'], context: 'x', server: url }, namespace: 'default', config });
  return { client, seen, server };
}

const json = (response: ServerResponse, status: number, body: unknown, headers = {}) =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const pods = { path: '/api/v1/namespaces/shop/pods', resource: 'pods', namespace: 'shop' };
const get = { ...pods, path: `${pods.path}/web`, name: 'web', method: 'GET', verb: 'get' } as const;

test('a list is read page by page, with the credentials of the context', async () => {
  const { client, seen } = await talk((request, response, round) => {
    expect(request.headers.authorization).toBe('Bearer secret');
    json(response, 200, { items: [round], metadata: round < 3 ? { continue: `t${round}` } : {} });
  });
  expect(await client.list({ ...pods, query: { labelSelector: 'a=b' } })).toEqual([1, 2, 3]);
  expect(seen[2]).toBe('GET /api/v1/namespaces/shop/pods?labelSelector=a%3Db&limit=500&continue=t2');
});

test('pages of a snapshot that the server has forgotten are read anew', async () => {
  const { client } = await talk((_request, response, round) => {
    if (round === 2) return json(response, 410, { reason: 'Expired', message: 'too old' });
    json(response, 200, { items: [round], metadata: round === 1 ? { continue: 't' } : {} });
  });
  expect(await client.list(pods)).toEqual([3]);
});

test('a server that is too busy is asked again, a budget is not', async () => {
  const { client, seen } = await talk((request, response, round) => {
    if (request.method === 'POST') {
      const causes = [{ reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods' }];
      return json(response, 429, { reason: 'TooManyRequests', message: 'Cannot evict pod', details: { causes } });
    }
    if (round === 1) return json(response, 429, { message: 'slow down' }, { 'retry-after': '1' });
    if (round === 2) return json(response, 503, { message: 'etcd' });
    json(response, 200, { round });
  });
  expect(await client.call(get)).toEqual({ round: 3 });
  const refusal = await client.call({ ...get, method: 'POST', verb: 'create', body: {} }).catch((error) => error);
  expect(budgetOf(refusal)).toBe('The disruption budget web needs 2 healthy pods');
  expect(seen.length).toBe(4);
});

test.each([
  [
    403,
    'permission-missing',
    /does not let us get pods web in the namespace shop/,
    /resources: \["pods"\], verbs: \["get"\]/,
  ],
  [401, 'permission-missing', /does not know us/, /log in again/],
] as const)('%s is %s, and says what is missing', async (status, code, message, hint) => {
  const { client } = await talk((_request, response) => json(response, status, { message: 'User "u" cannot do that' }));
  await expect(client.call(get)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  });
});

test('a subresource of a group is named as access rules name it', async () => {
  const { client } = await talk((_request, response) => json(response, 403, { message: 'User "u" cannot do that' }));
  const asked = { path: '/apis/apps/v1/x', resource: 'deployments.apps/scale', verb: 'update', method: 'PUT' } as const;
  await expect(client.call(asked)).rejects.toMatchObject({
    hint: expect.stringContaining('apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["update"]'),
  });
});

test('what is not there is a refusal with its status', async () => {
  const { client } = await talk((_request, response) =>
    json(response, 404, { message: 'not found', reason: 'NotFound' }),
  );
  const refusal = await client.call(get).catch((error) => error);
  expect(refusal).toBeInstanceOf(Refusal);
  expect(refusal).toMatchObject({ status: 404, reason: 'NotFound' });
});

test('nobody there: peer-unavailable, naming the server and the context', async () => {
  const { client, server } = await talk(() => {});
  await new Promise((resolve) => server.close(resolve));
  await expect(client.call(get)).rejects.toMatchObject({
    code: 'peer-unavailable',
    message: expect.stringContaining(client.cluster.server),
    hint: expect.stringContaining('x the context'),
  });
});

test('a program for credentials that fails is told', async () => {
  const { client } = await talk(() => {});
  const user = { name: 'u', exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'false' } };
  client.config.loadFromOptions({ ...client.config, users: [user] });
  await expect(client.call(get)).rejects.toMatchObject({
    code: 'permission-missing',
    message: expect.stringContaining('no credentials for the context x'),
  });
});

test('an aborted call rejects with the reason', async () => {
  const { client } = await talk(() => {});
  const abort = new AbortController();
  const reason = new Error('enough');
  const call = client.call({ ...get, signal: abort.signal });
  setTimeout(() => abort.abort(reason), 50);
  await expect(call).rejects.toBe(reason);
});
