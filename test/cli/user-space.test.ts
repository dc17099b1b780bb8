import { afterEach, beforeEach, expect } from 'vitest';
import { userSpaceMissing } from '../../src/faults/network/user-space/index.ts';
import { type Pair, pair } from '../fixtures/namespaces.ts';
import { experiment } from './documents.ts';
import { test, until } from './place.ts';

let why: string | null = process.getuid?.() === 0 ? null : 'needs root: network namespaces';
let cable: Pair;

// A cable for each: what a test that failed has left is not the next one's.
beforeEach(async () => {
  if (why) return;
  cable = await pair();
  why = await userSpaceMissing(cable.near.ns);
});
afterEach(() => cable?.remove());

/** 150 ms or longer: how much longer is up to the machine. */
const slow = /round trip (1[5-9]\d|[2-9]\d\d|\d{4,})(\.\d+)? ms/;
const faults = [
  ['network-delay', { latency: '200ms', jitter: '10ms', distribution: 'normal' }, slow],
  ['network-delay', { latency: '200ms', direction: 'ingress' }, slow],
  ['network-loss', { percent: 60 }, /of 20 round trips lost/],
  ['network-duplicate', { percent: 60 }, /of 20 answers came twice/],
  ['network-corrupt', { percent: 60 }, /of 20 round trips lost/],
] as const;

/** On for longer than any test: seen, then ended. */
const document = (fault: string, params: object) =>
  experiment('packets', {
    method: [
      {
        fault,
        target: { host: { pid: Number(cable.near.target.identity.pid) } },
        params: { ...params, via: 'user-space', probePeer: cable.far.v4 },
        duration: '10m',
      },
    ],
  });

test.for(faults)('%s %o goes through the whole engine', async ([fault, params, felt], { place, skip }) => {
  if (why) skip(why);
  const before = cable.near.rules();
  const running = place.zashiki(['run', place.write('packets.json', document(fault, params)), '--yes']);
  await until(() => place.events().some(({ type }) => type === 'observed'));
  expect(place.events().find(({ type }) => type === 'observed')).toMatchObject({
    real: true,
    detail: expect.stringMatching(felt),
  });
  running.child.kill('SIGINT');
  expect((await running.ended).stdout).toContain('user space, ');
  expect(place.events().find(({ type }) => type === 'verified')).toMatchObject({ clean: true });
  expect(cable.near.rules()).toBe(before);
});

test('a runner that is killed leaves no rule and no helper', async ({ place, skip }) => {
  if (why) skip(why);
  const before = cable.near.rules();
  const file = place.write('packets.json', document('network-delay', { latency: '200ms' }));
  const running = place.zashiki(['run', file, '--yes']);
  await until(() => place.events().some(({ type }) => type === 'observed'));
  expect(cable.near.rules()).toContain('NFQUEUE');
  const intent = place.events().find(({ type }) => type === 'intent');
  running.child.kill('SIGKILL');
  await until(() => place.events().some(({ type }) => type === 'verified'));
  expect(cable.near.rules()).toBe(before);
  const tag = `${place.runs()[0]}.${intent?.type === 'intent' ? intent.injection : ''}`;
  expect(await cable.near.ns.find(tag)).toEqual([]);
});
