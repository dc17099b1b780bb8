import { expect, test } from 'vitest';
import { ofDaemonSet, rulesHere, sparedNamespace, sparedObject } from './protect.ts';
import type { Meta } from './types.ts';

const meta = (more: Partial<Meta> = {}): Meta => ({ name: 'web', namespace: 'shop', uid: 'u', ...more });
const rules = { ...rulesHere({}), own: { namespace: 'shop', pod: 'runner', node: 'n1' } };

test.each([
  [meta({ name: 'shop' }), undefined, undefined],
  [meta({ name: 'kube-system' }), undefined, /protected namespace kube-system/],
  [meta({ name: 'shop', annotations: { 'zashiki.dev/inject': 'disabled' } }), undefined, /says zashiki.dev\/inject/],
  [meta({ name: 'shop', labels: { 'zashiki.dev/inject': 'disabled' } }), undefined, /says zashiki.dev\/inject/],
  [meta({ name: 'z', labels: { 'app.kubernetes.io/name': 'zashiki' } }), undefined, /own namespace/],
  [meta({ name: 'shop' }), true, /does not say zashiki.dev\/inject: enabled/],
  [meta({ name: 'shop', annotations: { 'zashiki.dev/inject': 'enabled' } }), true, undefined],
])('CM-05 namespace %j, opt-in %s', (given, optIn, words) => {
  const why = sparedNamespace(given, rules, optIn);
  if (words === undefined) expect(why).toBeUndefined();
  else expect(why).toMatch(words);
});

test.each([
  ['pod', meta(), undefined],
  ['pod', meta({ annotations: { 'zashiki.dev/inject': 'disabled' } }), /opted out/],
  ['pod', meta({ labels: { 'zashiki.dev/skip': 'true' } }), /opted out by the label/],
  ['pod', meta({ labels: { 'app.kubernetes.io/name': 'zashiki' } }), /part of Zashiki/],
  ['pod', meta({ annotations: { 'kubernetes.io/config.mirror': 'x' } }), /static pod/],
  ['pod', meta({ name: 'runner' }), /Zashiki runs in it/],
  ['pod', meta({ name: 'runner', namespace: 'db' }), undefined],
  ['node', meta({ name: 'n1' }), /Zashiki runs on it/],
  ['node', meta({ name: 'n2', labels: { 'node-role.kubernetes.io/control-plane': '' } }), /control-plane/],
  [
    'node',
    meta({ labels: { 'node-role.kubernetes.io/control-plane': '', 'zashiki.dev/inject': 'enabled' } }),
    undefined,
  ],
  ['deployment', meta({ labels: { 'zashiki.dev/inject': 'disabled' } }), /opted out/],
] as const)('%s %j', (kind, metadata, words) => {
  const why = sparedObject(kind, { metadata }, rules);
  if (words === undefined) expect(why).toBeUndefined();
  else expect(why).toMatch(words);
});

test('CM-05 namespaces are left out by regular expressions', () => {
  const by = (list: string) => {
    const chosen = { ...rules, ...rulesHere({ ZASHIKI_PROTECTED_NAMESPACES: list }) };
    return ['kube-system', 'kube-public', 'my-kube', 'shop'].filter((name) => sparedNamespace(meta({ name }), chosen));
  };
  expect(by('re2:^kube-,shop')).toEqual(['kube-system', 'kube-public', 'shop']);
  expect(by('kube')).toEqual([]);
  expect(() => by('re2:[')).toThrow(/ZASHIKI_PROTECTED_NAMESPACES: "re2:\[": not an RE2 expression/);
});

test('CM-05 protected namespaces are named by the environment', () => {
  expect(rulesHere({ ZASHIKI_PROTECTED_NAMESPACES: 'kube-system, db' }).protectedNamespaces).toEqual([
    'kube-system',
    'db',
  ]);
  expect(rulesHere({ ZASHIKI_PROTECTED_NAMESPACES: '' }).protectedNamespaces).toEqual([]);
});

test('pods of a daemon set', () => {
  const of = (kind: string) => ({
    metadata: meta({ ownerReferences: [{ kind, name: 'x', uid: 'o', controller: true }] }),
    spec: { containers: [] },
  });
  expect([ofDaemonSet(of('DaemonSet')), ofDaemonSet(of('ReplicaSet'))]).toEqual([true, false]);
});
