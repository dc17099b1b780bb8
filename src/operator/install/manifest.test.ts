import { expect, test } from 'vitest';
import { manifest } from './manifest.ts';
import { type KubernetesObject, usualInstall } from './options.ts';

const options = { ...usualInstall, image: 'zashiki/zashiki:1' };
const find = (objects: readonly KubernetesObject[], kind: string, name: string) =>
  objects.find((object) => object.kind === kind && object.metadata.name === name);
const rulesOf = (object: KubernetesObject | undefined) =>
  (object?.rules ?? []) as { resources: string[]; verbs: string[]; resourceNames?: string[] }[];

test('the same options make the same bytes', () => {
  expect(JSON.stringify(manifest(options))).toBe(JSON.stringify(manifest(options)));
});

test('CM-25 no right by *, none to read secrets elsewhere, no pod that is privileged', () => {
  const objects = manifest({ ...options, allowExec: true });
  const text = JSON.stringify(objects.filter(({ kind }) => /Role$/.test(kind)));
  expect(text).not.toContain('"*"');
  const cluster = rulesOf(find(objects, 'ClusterRole', 'zashiki-operator'));
  expect(cluster.filter(({ resources }) => resources.includes('secrets'))).toEqual([]);
  expect(JSON.stringify(objects.filter(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet'))).not.toMatch(
    /"privileged":true|hostNetwork/,
  );
});

test('programs in pods only when that was asked for', () => {
  const execIn = (allowExec: boolean) =>
    rulesOf(find(manifest({ ...options, allowExec }), 'ClusterRole', 'zashiki-operator')).some(({ resources }) =>
      resources.includes('pods/exec'),
    );
  expect(execIn(false)).toBe(false);
  expect(execIn(true)).toBe(true);
});

test('CM-25 the operator is not root, writes nowhere but in a folder that is gone with it, and has no capability', () => {
  const pod = (
    find(manifest(options), 'Deployment', 'zashiki-operator') as unknown as {
      spec: { template: { spec: { securityContext: object; containers: { securityContext: object }[] } } };
    }
  ).spec.template.spec;
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true });
  expect(pod.containers[0]?.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

test('namespaced: rights in these namespaces only, and none on nodes', () => {
  const objects = manifest({ ...options, watch: ['shop'] });
  const cluster = rulesOf(find(objects, 'ClusterRole', 'zashiki-operator')).flatMap(({ resources }) => resources);
  expect(cluster).not.toContain('pods');
  expect(cluster).not.toContain('nodes');
  expect(objects.filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'shop')).toHaveLength(1);
  // It may not look for a namespace in which its agents could be.
  expect(JSON.stringify(find(objects, 'Deployment', 'zashiki-operator'))).toContain(
    '"name":"ZASHIKI_AGENT_NAMESPACE","valueFrom":{"fieldRef":{"fieldPath":"metadata.namespace"}}',
  );
  expect(JSON.stringify(find(objects, 'ValidatingWebhookConfiguration', 'zashiki'))).toContain('"values":["shop"]');
});

test('CM-25 the webhook is asked about new and changed documents alone, so that nothing else needs it', () => {
  const config = find(manifest(options), 'ValidatingWebhookConfiguration', 'zashiki') as unknown as {
    webhooks: { rules: { operations: string[] }[]; matchConditions: { expression: string }[] }[];
  };
  expect(config.webhooks[0]?.rules.flatMap(({ operations }) => operations)).not.toContain('DELETE');
  expect(config.webhooks[0]?.matchConditions[0]?.expression).toContain('object.spec != oldObject.spec');
});

test('every definition keeps its status apart, and is small enough for kubectl apply', () => {
  for (const object of manifest(options).filter(({ kind }) => kind === 'CustomResourceDefinition')) {
    const { versions } = object.spec as { versions: { subresources?: { status?: object } }[] };
    expect(
      versions.every(({ subresources }) => subresources?.status !== undefined),
      object.metadata.name,
    ).toBe(true);
    expect(JSON.stringify(object).length, object.metadata.name).toBeLessThan(200_000);
  }
});
