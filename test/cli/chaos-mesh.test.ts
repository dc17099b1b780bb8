import { join } from 'node:path';
import { expect } from 'vitest';
import { root, test } from './place.ts';

const fixtures = join(root, 'src/compat/chaos-mesh/fixtures');

test('validate takes documents of Chaos Mesh as they are, and notes what is read in another way', async ({ place }) => {
  const { code, stdout, stderr } = await place.run(['validate', join(fixtures, 'valid/legacy.yaml')]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/legacy\.yaml:15:3 {2}spec\.scheduler {2}read as a Schedule of PodChaos at "@every 1m"/);
  expect(stdout).toMatch(/^valid: PodChaos pod-kill-every-minute, PodChaos container-kill-often,/m);
});

test('validate says what is wrong with its place, and that something is not yet there with a code of its own', async ({
  place,
}) => {
  const broken = await place.run(['validate', join(fixtures, 'broken/pod.yaml')]);
  expect(broken.code).toBe(2);
  expect(broken.stderr).toMatch(/pod\.yaml:5:\d+ {2}spec\.value {2}missing: mode fixed needs how many pods/);
  const notYet = await place.run(['validate', '--json', join(fixtures, 'valid/not-yet.yaml')]);
  expect(notYet.code).toBe(2);
  const { problems } = JSON.parse(notYet.stdout) as { readonly problems: readonly { readonly code: string }[] };
  expect(problems.map(({ code }) => code)).toEqual(Array(5).fill('not-available'));
});

test('run does nothing with one that cannot be run from here, and says why', async ({ place }) => {
  const { code, stderr } = await place.run(['run', '--yes', join(fixtures, 'valid/workflow.yaml')]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/workflow\.yaml:1: Workflow story: .*is for the operator: zashiki install kubernetes/);
  expect(place.runs()).toEqual([]);
});
