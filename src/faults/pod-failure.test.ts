import { expect, test } from 'vitest';
import { testContext } from '../../test/fixtures/living-target.ts';
import type { PodCapability, PodContainer, PodMark } from '../capabilities/pod.ts';
import type { Clock, FaultContext } from '../core/ports.ts';
import podFailure from './pod-failure.ts';

const own: PodContainer = {
  name: 'main',
  init: false,
  image: 'web:1',
  state: 'running',
  reason: '',
  id: 'first',
  runs: ['docker.io/library/web:1', 'sha256:web'],
};
const pausing: PodContainer = { ...own, id: 'pausing', runs: ['registry.k8s.io/pause:3.10', 'sha256:pause'] };
const again: PodContainer = { ...own, id: 'again' };
const crashed: PodContainer = { ...own, state: 'waiting', reason: 'CrashLoopBackOff' };

interface Seen {
  readonly at: number;
  readonly isSeen: boolean | null;
  readonly container: PodContainer;
}

/** A pod on a node that tells, from a time on, what it does; the images are what is asked for. */
async function staged(first: PodContainer = own) {
  const state = { now: 0, told: [{ at: 0, isSeen: true, container: first }] as readonly Seen[], image: own.image };
  let mark: PodMark | null = null;
  const told = () => state.told.findLast(({ at }) => at <= state.now) as Seen;
  const pod: PodCapability = {
    uid: 'u1',
    async state() {
      const { isSeen, container } = told();
      const containers = [{ ...container, image: state.image }];
      return { phase: 'Running', terminating: false, isSeen, ready: true, grace: 1000, finalizers: [], containers };
    },
    mark: async () => mark,
    async setImages(images, next, by) {
      if ((mark?.owner ?? null) !== by) return false;
      mark = next;
      state.image = images[0]?.image ?? '';
      return true;
    },
    remove: async () => {},
    evict: async () => 'evicted',
  };
  const clock: Clock = {
    now: () => state.now,
    mono: () => state.now,
    async sleep(ms) {
      state.now += ms;
    },
  };
  const context: FaultContext = { ...(await testContext()), clock };
  const params = podFailure.params.parse({});
  const undo = await podFailure.plan({ pod }, params, context);
  /** From now on, what the node tells comes after so many milliseconds. */
  const tells = (...seen: readonly Seen[]) => {
    state.told = [state.told[0] as Seen, ...seen.map((each) => ({ ...each, at: state.now + each.at }))];
  };
  return {
    state,
    tells,
    last: told,
    inject: () => podFailure.inject({ pod }, params, undo, context),
    observe: () => podFailure.observe({ pod }, params, undo, context),
    recover: () => podFailure.recover({ pod }, undo, context),
    verify: () => podFailure.verify({ pod }, undo, context),
  };
}

test.each([
  ['the node tells what it has looked at', { early: false, late: true }],
  ['nobody tells it', { early: null, late: null }],
])('taken back before the node has acted: what it still ends is not taken for recovered (%s)', async (_, is) => {
  const { tells, last, inject, recover, verify } = await staged();
  await inject();
  await recover();
  tells(
    { at: 0, isSeen: is.early, container: own },
    { at: 2000, isSeen: is.early, container: pausing },
    { at: 4000, isSeen: is.late, container: pausing },
    { at: 6000, isSeen: is.late, container: again },
  );
  expect(await verify()).toMatchObject({ yes: true, detail: expect.stringContaining('main runs again') });
  expect(last().container.id).toBe('again');
});

test('taken back before the node has acted, and it never ends it: that is recovered', async () => {
  const { tells, inject, recover, verify } = await staged();
  await inject();
  await recover();
  tells({ at: 0, isSeen: false, container: own }, { at: 3000, isSeen: true, container: own });
  expect(await verify()).toMatchObject({ yes: true });
});

test('a node that does not look at it is told', async () => {
  const { tells, inject, recover, observe, verify } = await staged();
  await inject();
  tells({ at: 0, isSeen: false, container: crashed });
  expect(await observe()).toMatchObject({ yes: false, detail: expect.stringContaining('not yet looked') });
  await recover();
  tells({ at: 0, isSeen: false, container: own });
  expect(await verify()).toMatchObject({ yes: false, detail: expect.stringContaining('not yet looked') });
});

test.each([
  ['the node tells what it has looked at', { early: false, late: true }],
  ['nobody tells it', { early: null, late: null }],
])('what fails by itself is not taken for the effect before the node has acted (%s)', async (_, is) => {
  const { state, tells, inject, observe } = await staged(crashed);
  await inject();
  tells({ at: 0, isSeen: is.early, container: crashed }, { at: 3000, isSeen: is.late, container: pausing });
  expect(await observe()).toMatchObject({ yes: true });
  expect(state.now).toBeGreaterThanOrEqual(3000);
});

test('asked to recover twice: what runs since the first time is not taken for what ran before', async () => {
  const { tells, inject, recover, verify } = await staged();
  await inject();
  tells({ at: 0, isSeen: true, container: pausing });
  await recover();
  tells({ at: 0, isSeen: true, container: again });
  await recover();
  expect(await verify()).toMatchObject({ yes: true });
});
