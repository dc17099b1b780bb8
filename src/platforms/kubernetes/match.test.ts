import { expect, test } from 'vitest';
import { compileNode, compilePod, containersOf, groupOf, namespacesOf, queryOf } from './match.ts';
import type { KubernetesSelector } from './selector.ts';
import type { Meta, Pod } from './types.ts';

const pod = (meta: Partial<Meta> = {}, more: { node?: string; phase?: string } = {}): Pod => ({
  metadata: { name: 'web-1', namespace: 'shop', uid: 'u1', labels: { app: 'web' }, ...meta },
  spec: {
    nodeName: more.node ?? 'n1',
    initContainers: [
      { name: 'setup', image: 'setup:1' },
      { name: 'mesh', image: 'mesh:1', restartPolicy: 'Always' },
    ],
    containers: [
      { name: 'web', image: 'web:1' },
      { name: 'log', image: 'log:1' },
    ],
  },
  status: { phase: more.phase ?? 'Running' },
});

test('CM-04 what the server can filter by is asked of the server', () => {
  expect(
    queryOf({
      labels: { app: 'web', tier: 're2:^f', empty: '' },
      expressions: [
        { key: 'zone', operator: 'In', values: ['a', 'b'] },
        { key: 'old', operator: 'NotIn', values: ['yes'] },
        { key: 'shop/new', operator: 'Exists' },
        { key: 'off', operator: 'DoesNotExist' },
      ],
      fields: { 'spec.nodeName': 'a,b=c\\d' },
    }),
  ).toEqual({
    labelSelector: 'app=web,empty=,zone in (a,b),old notin (yes),shop/new,!off',
    fieldSelector: 'spec.nodeName=a\\,b\\=c\\\\d,status.phase=Running',
  });
  expect(queryOf({ phases: ['Pending', 'Running'], nodes: 'n1' })).toEqual({ fieldSelector: 'spec.nodeName=n1' });
  expect(queryOf({ phases: 'Failed', nodes: 're2:^n' })).toEqual({ fieldSelector: 'status.phase=Failed' });
  expect(queryOf({ fields: { 'status.phase': 'Pending' } })).toEqual({ fieldSelector: 'status.phase=Pending' });
  expect(queryOf({ kind: 'deployment', labels: { app: 'web' } })).toEqual({ labelSelector: 'app=web' });
  const pods = { shop: 'web-1', db: ['db-0', 'db-1'] };
  expect(queryOf({ pods }, 'shop')).toEqual({ fieldSelector: 'status.phase=Running,metadata.name=web-1' });
  expect(queryOf({ pods }, 'db')).toEqual({ fieldSelector: 'status.phase=Running' });
  expect(queryOf({ pods })).toEqual({ fieldSelector: 'status.phase=Running' });
});

test.each([
  ['nothing else said', {}, pod(), true],
  ['Running by default', {}, pod({}, { phase: 'Succeeded' }), false],
  ['another phase', { phases: 'Succeeded' }, pod({}, { phase: 'Succeeded' }), true],
  ['a phase among fields', { fields: { 'status.phase': 'Failed' } }, pod({}, { phase: 'Failed' }), true],
  ['about to be deleted', {}, pod({ deletionTimestamp: '2026-01-01T00:00:00Z' }), false],
  ['a label', { labels: { app: 'web' } }, pod(), true],
  ['another value', { labels: { app: 'db' } }, pod(), false],
  ['a pattern', { labels: { app: 're2:^w' } }, pod(), true],
  ['a label that is not there', { labels: { constructor: 're2:.' } }, pod(), false],
  ['an annotation', { annotations: { team: 're2:shop' } }, pod({ annotations: { team: 'a shop' } }), true],
  ['no annotation', { annotations: { team: 'shop' } }, pod(), false],
  ['its node', { nodes: ['n2', 're2:1$'] }, pod(), true],
  ['another node', { nodes: 'n2' }, pod(), false],
  ['by name', { pods: { shop: ['web-1'] } }, pod(), true],
  ['by a name in another namespace', { pods: { db: 'web-1' } }, pod(), false],
] satisfies readonly [string, KubernetesSelector, Pod, boolean][])('%s', (_what, selector, given, meant) => {
  expect(compilePod(selector)(given)).toBe(meant);
});

const owned = pod({ ownerReferences: [{ kind: 'ReplicaSet', name: 'web-5f7', uid: 'r', controller: true }] });
test.each([
  ['directly', { kind: 'replicaset', name: 'web-5f7' }, {}, true],
  [
    'through what is between',
    { kind: 'Deployment', name: 'web' },
    { owners: new Set(['ReplicaSet shop/web-5f7']) },
    true,
  ],
  ['of another namespace', { kind: 'Deployment', name: 'web' }, { owners: new Set(['ReplicaSet db/web-5f7']) }, false],
  ['elsewhere', { kind: 'ReplicaSet', name: 'web-5f7', namespace: 'db' }, {}, false],
  ['to nobody of that name', { kind: 'Deployment', name: 'web' }, {}, false],
] as const)('it belongs %s', (_what, owner, beside, meant) => {
  expect(compilePod({ owner }, beside)(owned)).toBe(meant);
});

test('labels of a node leave only pods on such nodes', () => {
  const meant = compilePod({ nodeLabels: { zone: 'a' } }, { nodes: new Set(['n1']) });
  expect([pod(), pod({}, { node: 'n2' })].map(meant)).toEqual([true, false]);
});

test('containers come in the order of the pod, those that run beside the others first; others never', () => {
  expect(containersOf(pod(), { containers: 're2:.' })).toEqual(['mesh', 'web', 'log']);
  expect(containersOf(pod(), { containers: ['log', 'web', 'none'] })).toEqual(['web', 'log']);
  expect(containersOf(pod(), { containers: 'setup' })).toEqual([]);
});

test('CM-04 which namespaces are asked', () => {
  expect(namespacesOf({}, 'mine')).toEqual(['mine']);
  expect(namespacesOf({ namespaces: ['b', 'a', 'b'] }, 'mine')).toEqual(['a', 'b']);
  expect(namespacesOf({ namespaces: ['a', '*'] }, 'mine')).toBeUndefined();
  expect(namespacesOf({ pods: { shop: 'web', db: 'db' } }, 'mine')).toEqual(['db', 'shop']);
  expect(namespacesOf({ owner: { kind: 'Job', name: 'j', namespace: 'shop' } }, 'mine')).toEqual(['shop']);
});

test('pods of one workload are a group', () => {
  const owner = (kind: string, name: string) => ({ ownerReferences: [{ kind, name, uid: 'o', controller: true }] });
  expect(groupOf(pod().metadata)).toBeUndefined();
  expect(groupOf(pod(owner('StatefulSet', 'db')).metadata)).toBe('shop/statefulset/db');
  const hash = { labels: { 'pod-template-hash': '5f7' } };
  expect(groupOf(pod({ ...owner('ReplicaSet', 'web-5f7'), ...hash }).metadata)).toBe('shop/deployment/web');
  expect(groupOf(pod({ ...owner('ReplicaSet', 'alone') }).metadata)).toBe('shop/replicaset/alone');
});

test('nodes by name and label', () => {
  const node = { metadata: { name: 'n1', uid: 'n', labels: { zone: 'a' } } };
  expect(compileNode({ kind: 'node', nodes: ['n1'] })(node)).toBe(true);
  expect(compileNode({ kind: 'node', nodes: 'n2' })(node)).toBe(false);
  expect(compileNode({ kind: 'node', labels: { zone: 're2:^b' } })(node)).toBe(false);
});
