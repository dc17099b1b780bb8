import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { apply, cluster, eventually, kubectl, namespace, pod, unable } from '../../../test/fixtures/kubernetes.ts';
import { deployment, find, podTarget, targetOf } from '../../../test/fixtures/kubernetes-target.ts';
import { testPlatform } from '../contract.ts';
import { freshMs } from './look.ts';
import platform from './platform.ts';

const identityOf = (target: { readonly identity: object }) => target.identity as Record<string, string>;

testPlatform(platform, {
  unable,
  none: { namespaces: 'default', labels: { 'zashiki.dev/none': 'x' } },
  wrong: [
    { selector: {}, says: /says nothing/ },
    { selector: { labels: { app: 'web' }, phase: 'Running' }, says: /phase/ },
  ],
  async start() {
    const { kubeconfig } = await cluster();
    const within = await namespace();
    await Promise.all([pod(within, { labels: { app: 'web' } }), pod(within, { labels: { app: 'web' } })]);
    return {
      selector: { kubeconfig, namespaces: within, labels: { app: 'web' } },
      async end({ name }) {
        await kubectl(['-n', within, 'delete', 'pod', name, '--force', '--grace-period=0', '--wait']);
        // What was seen a moment ago is not looked at again.
        await sleep(freshMs);
      },
      replaced: (target) => ({ ...target, identity: { ...target.identity, uid: 'another' } }),
      stop: async () => {},
    };
  },
});

describe.skipIf(unable)('targets of a real cluster', () => {
  test('labels, fields, nodes, annotations, owners and names', async () => {
    const within = await namespace();
    const name = await deployment(within, 2);
    await pod(within, { name: 'alone', node: 'n2', labels: { app: 'alone' } });
    await kubectl(['-n', within, 'annotate', 'pod', 'alone', 'team=shop']);
    const names = async (selector: object) =>
      (await find({ namespaces: within, ...selector })).map((each) => each.name);
    expect(await names({})).toHaveLength(3);
    expect(await names({ labels: { app: name } })).toHaveLength(2);
    expect(await names({ expressions: [{ key: 'app', operator: 'NotIn', values: [name] }] })).toEqual(['alone']);
    expect(await names({ annotations: { team: 'shop' } })).toEqual(['alone']);
    expect(await names({ fields: { 'metadata.name': 'alone' } })).toEqual(['alone']);
    expect(await names({ nodes: 'n2', labels: { app: 'alone' } })).toEqual(['alone']);
    expect(await names({ nodeLabels: { 'kubernetes.io/hostname': 'n1' }, labels: { app: 'alone' } })).toEqual([]);
    expect(await names({ pods: { [within]: ['alone', 'none'] } })).toEqual(['alone']);
    expect(await names({ phases: 'Succeeded' })).toEqual([]);
    const owned = await find({ namespaces: within, owner: { kind: 'Deployment', name } });
    expect(owned.map(({ group }) => group)).toEqual([`${within}/deployment/${name}`, `${within}/deployment/${name}`]);
    expect((await find({ namespaces: '*', labels: { app: name } })).length).toBe(2);
  });

  test('a container is a target of its own, and another one after a restart', async () => {
    const within = await namespace();
    await pod(within, { name: 'web' });
    const target = await targetOf({ pods: { [within]: 'web' }, containers: 'main' });
    expect(target).toMatchObject({ id: `container:${within}/web/main`, name: 'web/main' });
    expect(identityOf(target).containerId).toMatch(/^containerd:\/\//);
    expect(platform.offers(target)).toContain('exec');
    expect(platform.offers(target)).not.toContain('pod');
    expect(await platform.check(target)).toBe('same');
    // The container ends while kubectl waits for it.
    await kubectl(['-n', within, 'exec', 'web', '--', 'kill', '-TERM', '1']).catch(() => {});
    await eventually(async () => (await platform.check(target)) === 'gone');
    const again = await eventually(() => targetOf({ pods: { [within]: 'web' }, containers: 'main' }));
    await eventually(
      async () => (await platform.check(await targetOf({ pods: { [within]: 'web' }, containers: 'main' }))) === 'same',
    );
    expect(again.id).toBe(target.id);
  });

  test('nodes and workloads', async () => {
    expect((await find({ kind: 'node', nodes: 're2:.' })).map(({ id }) => id)).toEqual(['node:n1', 'node:n2']);
    const [n2] = await find({ kind: 'node', labels: { 'kubernetes.io/hostname': 'n2' } });
    expect(n2 && platform.offers(n2)).toEqual(['node']);
    expect(n2 && (await platform.addresses?.(n2))).toHaveLength(1);
    const within = await namespace();
    const name = await deployment(within, 1);
    const workload = await targetOf({ kind: 'deployment', namespaces: within, labels: { app: name } });
    expect(workload.id).toBe(`deployment:${within}/${name}`);
    expect(platform.offers(workload)).toEqual(['scale']);
    const set = await targetOf({ kind: 'replicaset', namespaces: within, labels: { app: name } });
    expect(platform.offers(set)).toEqual([]);
  });

  test('addresses are those of the pod', async () => {
    const within = await namespace();
    const { name, ip } = await pod(within);
    expect(await platform.addresses?.(await podTarget(within, name))).toEqual([ip]);
  });

  test('what opted out is spared, also when that was said after the plan', async () => {
    const within = await namespace();
    const { name } = await pod(within);
    const target = await podTarget(within, name);
    expect(target.protected).toBeUndefined();
    await kubectl(['-n', within, 'annotate', 'pod', name, 'zashiki.dev/inject=disabled']);
    await eventually(async () => (await platform.spare(target)) !== null);
    expect(await platform.spare(target)).toMatch(/opted out/);
    expect((await podTarget(within, name)).protected).toMatch(/opted out/);
    const out = await namespace({ 'zashiki.dev/inject': 'disabled' });
    await pod(out);
    expect((await find({ namespaces: out })).map((each) => each.protected)).toEqual([expect.stringMatching(/says/)]);
    expect((await find({ namespaces: within, optIn: true }))[0]?.protected).toMatch(/does not say/);
    const into = await namespace({ 'zashiki.dev/inject': 'enabled' });
    await pod(into);
    expect((await find({ namespaces: into, optIn: true }))[0]?.protected).toBeUndefined();
  });

  test('who may not is told which verb of which resource is missing', async () => {
    const within = await namespace();
    const other = await namespace();
    const account = { name: 'weak', namespace: within };
    await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account });
    const token = (await kubectl(['-n', within, 'create', 'token', 'weak'])).trim();
    const { kubeconfig } = await cluster();
    const file = `${kubeconfig}.${within}`;
    const { writeFile, rm } = await import('node:fs/promises');
    const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--flatten', '-o', 'json']));
    const users = config.users.map(({ name }: { name: string }) => ({ name, user: { token } }));
    await writeFile(file, JSON.stringify({ ...config, users }), { mode: 0o600 });
    try {
      await expect(find({ kubeconfig: file, namespaces: other, labels: { a: 'b' } })).rejects.toMatchObject({
        code: 'permission-missing',
        message: expect.stringMatching(new RegExp(`(list pods|get namespaces ${other}) in the namespace ${other}`)),
        hint: expect.stringContaining('a Role in the namespace'),
      });
    } finally {
      await rm(file);
    }
  });
});
