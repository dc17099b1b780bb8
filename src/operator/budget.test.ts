import { expect, test } from 'vitest';
import type { TargetRef } from '../core/model.ts';
import { type Budget, budgetFor } from './budget.ts';

const pod = (place: string, container = ''): TargetRef => {
  const [namespace = '', name = ''] = place.split('/');
  const id = container ? `container:${place}/${container}` : `pod:${place}`;
  return { platform: 'kubernetes', id, name, identity: { namespace, name, uid: place } };
};
const running = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ id: `pod:shop/${name}` }));
const ask = async (budget: Budget | undefined, target: TargetRef, hit: readonly string[]) =>
  (await budgetFor(budget, target, async () => running))(new Set(hit));

test.each<[string, Budget | undefined, TargetRef, readonly string[], RegExp | undefined]>([
  ['no budget', undefined, pod('shop/a'), ['pod:shop/b'], undefined],
  ['a count, with room', { count: 2 }, pod('shop/a'), ['pod:shop/b'], undefined],
  ['a count, used up', { count: 1 }, pod('shop/a'), ['pod:bank/b'], /of 1 targets over all experiments is used up/],
  ['a second fault on one that is hit', { count: 1 }, pod('shop/a'), ['pod:shop/a'], undefined],
  ['a share, with room', { percent: 40 }, pod('shop/a'), ['pod:shop/b'], undefined],
  ['a share, used up', { percent: 40 }, pod('shop/a'), ['pod:shop/b', 'pod:shop/c'], /40 % of the pods in shop \(2\)/],
  ['a share is of its own namespace', { percent: 20 }, pod('shop/a'), ['pod:bank/x', 'pod:shop-2/y'], undefined],
  [
    'two containers of a pod are one',
    { percent: 40 },
    pod('shop/a'),
    ['container:shop/b/x', 'container:shop/b/y'],
    undefined,
  ],
  ['a container of a pod that is hit', { percent: 20 }, pod('shop/b', 'y'), ['container:shop/b/x'], undefined],
  ['less than one pod is none', { percent: 10 }, pod('shop/a'), [], /10 % of the pods in shop \(0\)/],
])('%s', async (_, budget, target, hit, expected) => {
  const verdict = await ask(budget, target, hit);
  if (expected === undefined) expect(verdict).toBeUndefined();
  else expect(verdict).toMatch(expected);
});
