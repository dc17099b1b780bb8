import { expect, test } from 'vitest';
import { doneOf, injectionsOf, isDone } from './done.ts';
import { type Injection, injectionKey } from './record.ts';

const kill: Injection = {
  step: 'method[0].parallel[1]',
  fault: 'container-kill',
  like: '0123456789',
  target: {
    platform: 'kubernetes',
    id: 'container:shop/web-0/main',
    name: 'web-0/main',
    identity: { uid: 'abcdef01-2345', namespace: 'shop', name: 'web-0', containerId: 'containerd://1' },
  },
  tag: 'k1.2',
  phase: 'on',
  reversible: false,
  since: 5,
  tries: 0,
  seen: { yes: true, detail: 'it is gone', at: 6 },
};
const pod = {
  ...kill,
  fault: 'pod-kill',
  target: { ...kill.target, id: 'pod:shop/web-0', name: 'web-0', identity: { uid: 'abcdef01-2345' } },
};

test('what is done is known again by the same key, and stays done', () => {
  for (const injection of [kill, pod]) {
    const again = injectionsOf(JSON.parse(JSON.stringify(doneOf([injection]))));
    expect(Object.keys(again)).toEqual([injectionKey(injection)]);
    const [known] = Object.values(again) as [Injection];
    const { platform, id, name, identity } = injection.target;
    expect(known.target).toEqual({ platform, id, name, identity: { uid: identity.uid } });
    expect(isDone(known)).toBe(true);
    expect(doneOf([known])).toEqual(doneOf([injection]));
  }
});

test('what may still be looked at, taken off, or tried again is not done', () => {
  expect(isDone({ ...kill, reversible: true })).toBe(false);
  expect(isDone({ ...kill, seen: { yes: false, detail: '', at: 6 } })).toBe(false);
  expect(isDone({ ...kill, phase: 'intent' })).toBe(false);
  expect(isDone({ ...kill, error: 'the node does not answer' })).toBe(false);
  expect(doneOf([{ ...kill, phase: 'selected' }])).toEqual({});
});
