import { expect, test } from 'vitest';
import type { Resource } from '../resource.ts';
import { type JudgePorts, judge } from './judge.ts';

const ports: JudgePorts = {
  mayCreate: async () => true,
  protectedNamespaces: ['re2:^kube-'],
  isOurs: () => false,
  stopped: () => undefined,
};
const kill = (selector: object, more: object = {}) => ({
  apiVersion: 'chaos-mesh.org/v1alpha1',
  kind: 'PodChaos',
  metadata: { name: 'it', namespace: 'chaos' },
  spec: { action: 'pod-kill', mode: 'one', selector, ...more },
});
const ask = (object: object, more: Partial<JudgePorts> = {}) =>
  judge(
    { uid: 'u', operation: 'CREATE', object: object as Resource, userInfo: { username: 'alice' } },
    { ...ports, ...more },
  );

test('CM-05 a namespace that is protected, by a regular expression, is refused by name', async () => {
  expect(await ask(kill({ namespaces: ['shop'] }))).toMatchObject({ allowed: true });
  expect(await ask(kill({ namespaces: ['shop', 'kube-public'] }))).toEqual({
    allowed: false,
    message: 'the namespace kube-public is protected: nothing in it may be hit',
  });
  expect(await ask(kill({ pods: { 'kube-system': ['dns'] } }))).toMatchObject({ allowed: false });
});

test('CM-05 an operator of some namespaces reaches no others', async () => {
  expect(await ask(kill({ namespaces: ['shop'] }), { namespaces: ['chaos'] })).toEqual({
    allowed: false,
    message: 'the namespace shop is out of reach: this operator works in chaos only',
  });
});

test('CM-04 the rights of whoever applies it are asked for where it is, and where it hits', async () => {
  const asked: string[] = [];
  const mayCreate: JudgePorts['mayCreate'] = async (_, { kind, namespace }) => {
    asked.push(`${kind.plural} ${namespace}`);
    return namespace !== 'bank';
  };
  expect(await ask(kill({ namespaces: ['shop', 'bank'] }), { mayCreate })).toEqual({
    allowed: false,
    message: 'alice is forbidden on namespace bank',
  });
  expect(asked).toEqual(['podchaos chaos', 'podchaos shop', 'podchaos bank']);
});

test('what is being deleted, and what is not ours, is let through', async () => {
  const wrong = kill({}, { action: 'explode' });
  expect(await ask(wrong)).toMatchObject({ allowed: false, message: expect.stringContaining('spec.action') });
  const going = { ...wrong, metadata: { ...wrong.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect(await ask(going)).toEqual({ allowed: true });
  expect(await ask({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'it' } })).toEqual({ allowed: true });
});

test('a document of v1.x is let in, with what is read in another way as warnings', async () => {
  const { allowed, warnings } = await ask(kill({ namespaces: ['shop'] }, { scheduler: { cron: '@every 1m' } }));
  expect(allowed).toBe(true);
  expect(warnings?.join()).toMatch(/spec\.scheduler: read as a Schedule of PodChaos/);
});
