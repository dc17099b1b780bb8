import { expect, test } from 'vitest';
import type { Client } from '../client.ts';
import { podCapability } from './pod.ts';

const stateOf = (generation: number | undefined, observedGeneration: number | undefined) => {
  const containerStatuses = [{ name: 'main', image: 'lab/web:1', imageID: 'sha256:1', containerID: 'c1', state: {} }];
  const pod = {
    metadata: { name: 'web', uid: 'u1', generation },
    spec: { containers: [{ name: 'main', image: 'web:1' }] },
    status: { phase: 'Running', observedGeneration, containerStatuses },
  };
  const client = { call: async () => pod } as unknown as Client;
  const cluster = { files: [], context: 'c', server: 's' };
  return podCapability(client, { cluster, kind: 'pod', namespace: 'ns', name: 'web', uid: 'u1' }).state();
};

test.each([
  [3, 2, false],
  [3, 3, true],
  [3, undefined, null],
  [undefined, undefined, null],
  [1, 0, null],
])('what was asked for %s times was looked at up to time %s: seen %s', async (generation, observed, isSeen) => {
  expect((await stateOf(generation, observed)).isSeen).toBe(isSeen);
});

test('what the runtime calls the image of a container, beside what was asked for', async () => {
  const { containers } = await stateOf(1, 1);
  expect(containers).toMatchObject([{ image: 'web:1', id: 'c1', runs: ['lab/web:1', 'sha256:1'] }]);
});
