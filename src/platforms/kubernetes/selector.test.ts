import { expect, test } from 'vitest';
import { KubernetesSelector } from './selector.ts';

const says = (selector: unknown): string =>
  (KubernetesSelector.safeParse(selector).error?.issues ?? [])
    .map(({ path, message }) => `${path.join('.')}: ${message}`)
    .join('\n');

test.each([
  [{}, /says nothing/],
  [{ kind: 'node' }, /every node/],
  [{ context: 'lab', kubeconfig: '/k' }, /says nothing/],
  [{ namespaces: [] }, /namespaces/],
  [{ namespaces: 'Shop' }, /namespaces/],
  [{ labels: { app: 're2:(' } }, /labels.app: not an RE2 expression/],
  [{ expressions: [{ key: 'app', operator: 'In' }] }, /expressions.0.values: In needs at least one value/],
  [{ expressions: [{ key: 'app', operator: 'Exists', values: ['a'] }] }, /Exists takes no values/],
  [{ expressions: [{ key: 'app', operator: 'In', values: ['a,b'] }] }, /not the value of a label/],
  [{ expressions: [{ key: 'a b', operator: 'Exists' }] }, /not the name of a label/],
  [{ fields: { 'spec.x': 'y' } }, /fields/],
  [{ phases: 'running' }, /phases/],
  [{ kind: 'node', containers: 'web', labels: { a: 'b' } }, /containers: is for pods, not for a node/],
  [{ kind: 'node', nodeLabels: { zone: 'a' } }, /nodeLabels: for nodes themselves write `labels`/],
  [{ kind: 'node', namespaces: 'shop', labels: { a: 'b' } }, /namespaces: is not for a node/],
  [{ kind: 'deployment', owner: { kind: 'A', name: 'b' } }, /owner: is for pods/],
  [{ kind: 'pods', labels: { a: 'b' } }, /kind/],
])('%j is refused', (selector, words) => {
  expect(says(selector)).toMatch(words);
});

test.each([
  [{ namespaces: 'shop' }],
  [{ namespaces: ['*'], labels: { app: 'shop' } }],
  [{ labels: { app: '' } }],
  [{ pods: { shop: 'web-0', db: ['db-0', 'db-1'] } }],
  [{ kind: 'node', nodes: 're2:^n' }],
  [{ kind: 'statefulset', labels: { app: 'db' } }],
  [{ labels: { app: 'shop' }, containers: ['web'], optIn: true, phases: ['Running', 'Pending'] }],
])('%j is right, and what was parsed may be parsed again', (selector) => {
  const once = KubernetesSelector.parse(selector);
  expect(once).toEqual(selector);
  expect(KubernetesSelector.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
});
