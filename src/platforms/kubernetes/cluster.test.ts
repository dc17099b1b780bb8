import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { configFiles, configured, configuredAgain } from './cluster.ts';

const file = (contexts: readonly string[], current: string, server = 'https://one.example:6443') => `
apiVersion: v1
kind: Config
current-context: "${current}"
clusters: [{ name: c, cluster: { server: "${server}" } }]
users: [{ name: u, user: { token: secret } }]
contexts: [${contexts.map((name) => `{ name: ${name}, context: { cluster: c, user: u, namespace: ${name}-ns } }`).join(', ')}]
`;

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'zashiki-kubeconfig-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

const look = (env: Readonly<Record<string, string>>, existing: readonly string[]) => ({
  env,
  home: '/home/me',
  exists: (path: string) => existing.includes(path),
});

test('files are found as kubectl finds them', () => {
  expect(configFiles('/a', look({ KUBECONFIG: '/b' }, ['/a', '/b']))).toEqual(['/a']);
  expect(configFiles(undefined, look({ KUBECONFIG: ['/b', '', '/none', '/c'].join(delimiter) }, ['/b', '/c']))).toEqual(
    ['/b', '/c'],
  );
  expect(configFiles(undefined, look({}, ['/home/me/.kube/config']))).toEqual(['/home/me/.kube/config']);
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
  expect(configFiles(undefined, look({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, [token]))).toEqual([]);
});

test.each([
  [look({ KUBECONFIG: '/none' }, []), undefined, /\/none does not exist/, /KUBECONFIG/],
  [look({}, []), '/none', /\/none does not exist/, /key `kubeconfig`/],
  [look({}, []), undefined, /no kubeconfig was found/, /set KUBECONFIG/],
])('what is missing is named', (surroundings, given, words, hint) => {
  const find = () => configFiles(given, surroundings);
  expect(find).toThrow(words);
  expect(find).toThrow(expect.objectContaining({ code: 'file-unreadable', hint: expect.stringMatching(hint) }));
});

test('of several files the first counts; contexts and their namespaces', async () => {
  const path = await folder({ a: file(['one'], 'one'), b: file(['one', 'two'], 'two', 'https://two.example:6443') });
  const kubeconfig = [join(path, 'a'), join(path, 'b')].join(delimiter);
  const usual = await configured({ kubeconfig });
  expect(usual).toMatchObject({ namespace: 'one-ns', cluster: { context: 'one', server: 'https://one.example:6443' } });
  expect(await configured({ kubeconfig, context: 'two' })).toMatchObject({ namespace: 'two-ns' });
  expect(JSON.parse(JSON.stringify(usual.cluster))).toEqual(usual.cluster);
});

test('an unknown context, and none at all, say which there are', async () => {
  const path = await folder({ a: file(['one', 'two'], '') });
  const kubeconfig = join(path, 'a');
  await expect(configured({ kubeconfig, context: 'three' })).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('no context "three"'),
    hint: expect.stringContaining('one, two'),
  });
  await expect(configured({ kubeconfig })).rejects.toMatchObject({
    message: expect.stringContaining('no context is current'),
  });
});

test('a file that is no kubeconfig is named', async () => {
  const path = await folder({ a: '{{{' });
  await expect(configured({ kubeconfig: join(path, 'a') })).rejects.toMatchObject({
    code: 'file-unreadable',
    message: expect.stringContaining(join(path, 'a')),
  });
});

test('a context that leads elsewhere by now is not followed', async () => {
  const path = await folder({ a: file(['one'], 'one') });
  const { cluster } = await configured({ kubeconfig: join(path, 'a') });
  expect((await configuredAgain(cluster)).cluster).toEqual(cluster);
  await writeFile(join(path, 'a'), file(['one'], 'one', 'https://other.example:6443'));
  await expect(configuredAgain(cluster)).rejects.toMatchObject({
    code: 'peer-unavailable',
    message: expect.stringContaining('https://other.example:6443'),
  });
});
