import { expect, test } from 'vitest';
import type { Mode, Target } from '../core/model.ts';
import { byNamespace, choose } from './choice.ts';
import type { Drawn } from './resource.ts';

const pod = (name: string, uid = `uid-${name}`): Target => ({
  platform: 'kubernetes',
  id: `pod:shop/${name}`,
  name,
  identity: { namespace: 'shop', name, uid },
  labels: {},
});
const pods = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => pod(name));
const names = (drawn: readonly Drawn[]) => drawn.map(({ name }) => name).join('');
const draw = (
  mode: Mode,
  value: number | undefined,
  candidates: readonly Target[],
  before: readonly Drawn[] = [],
  held?: ReadonlySet<string>,
) => choose('source', candidates, { mode, value }, 7, before, held);

test('the same seed draws the same, whatever the order of asking', () => {
  expect(names(draw('fixed', 3, pods))).toBe(names(draw('fixed', 3, pods)));
  expect(draw('fixed', 3, pods)).toHaveLength(3);
  expect(names(draw('all', undefined, pods))).toBe('abcdef');
});

test('who was drawn stays; who is gone is replaced', () => {
  const before = draw('fixed', 2, pods);
  expect(draw('fixed', 2, pods, before)).toEqual(before);
  const [first, second] = before;
  const without = pods.filter(({ name }) => name !== first?.name);
  const after = draw('fixed', 2, without, before);
  expect(after).toHaveLength(2);
  expect(names(after)).toContain(second?.name);
  expect(names(after)).not.toContain(first?.name);
});

test('a pod of the same name is another one', () => {
  const before = draw('all', undefined, pods);
  const after = draw('all', undefined, [...pods.slice(1), pod('a', 'new')], before);
  expect(after.find(({ name }) => name === 'a')?.uid).toBe('new');
});

test('new pods are taken in', () => {
  const before = draw('all', undefined, pods.slice(0, 2));
  expect(names(draw('all', undefined, pods, before))).toBe('abcdef');
  expect(names(draw('one', undefined, pods, draw('one', undefined, pods)))).toHaveLength(1);
});

test('a pod that falls short of the selector while a fault is on it is not let go', () => {
  const before = draw('one', undefined, pods);
  const [one] = before;
  const others = pods.filter(({ name }) => name !== one?.name);
  expect(draw('one', undefined, others, before, new Set([String(one?.uid)]))).toEqual(before);
});

test('names by namespace', () => {
  expect(
    byNamespace([
      { namespace: 'x', name: 'a', uid: '1' },
      { namespace: 'y', name: 'b', uid: '2' },
      { namespace: 'x', name: 'c', uid: '3' },
    ]),
  ).toEqual({
    x: ['a', 'c'],
    y: ['b'],
  });
});
