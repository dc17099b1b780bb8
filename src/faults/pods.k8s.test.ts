import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Built, builtModules } from '../../test/fixtures/built.ts';
import { apply, eventually, kubectl, namespace, pod, unable } from '../../test/fixtures/kubernetes.ts';
import {
  deployment,
  find,
  look,
  neighbor,
  podTarget,
  ready,
  staged,
  targetOf,
} from '../../test/fixtures/kubernetes-target.ts';
import type { Json } from '../core/model.ts';
import platform from '../platforms/kubernetes/platform.ts';
import containerExec from './container-exec.ts';
import { type Specimen, testFault } from './contract.ts';
import podEvict from './pod-evict.ts';
import podFailure from './pod-failure.ts';
import podKill from './pod-kill.ts';
import workloadScale from './workload-scale.ts';

/** An image of the lab that has nothing to run but a sleep. */
const pauseImage = 'zashiki-lab/scratch-sleeper:1';

let built: Built;
beforeAll(async () => {
  built = await builtModules();
});
afterAll(() => built?.remove());

describe.skipIf(unable)('a pod is ended', () => {
  test('CM-15 pod-kill: another one takes its place', async () => {
    const within = await namespace();
    const name = await deployment(within, 2);
    const [target, other] = await find({ namespaces: within, labels: { app: name } });
    if (!target || !other) throw new Error('two pods were wanted');
    const { plan, inject, observe } = await staged(podKill, target, { grace: '1s' });
    const undo = await plan();
    await inject(undo);
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true });
    await eventually(async () => (await platform.check(target)) === 'gone');
    expect(await platform.check(other)).toBe('same');
    await ready(within, name);
  });

  test('pod-kill: a pod that has taken the name is not touched', async () => {
    const within = await namespace();
    await pod(within, { name: 'web' });
    const target = await podTarget(within, 'web');
    const { plan, inject } = await staged(podKill, target);
    const undo = await plan();
    await kubectl(['-n', within, 'delete', 'pod', 'web', '--force', '--grace-period=0', '--wait']);
    const again = await pod(within, { name: 'web' });
    await inject(undo);
    expect((await look(`/api/v1/namespaces/${within}/pods/web`)).metadata).toMatchObject({ uid: again.uid });
    expect((await look(`/api/v1/namespaces/${within}/pods/web`)).metadata.deletionTimestamp).toBeUndefined();
  });

  test('pod-evict: what a budget refuses is told in its own words, and is done when it allows it', async () => {
    const within = await namespace();
    const name = await deployment(within, 1);
    const selector = { matchLabels: { app: name } };
    const metadata = { name: 'keep-one', namespace: within };
    await apply({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { selector, minAvailable: 1 },
    });
    const budget = `/apis/policy/v1/namespaces/${within}/poddisruptionbudgets/keep-one`;
    await eventually(async () => (await look(budget)).status?.currentHealthy === 1);
    const target = await targetOf({ namespaces: within, labels: { app: name } });
    const refused = await staged(podEvict, target, { grace: '1s' });
    await expect(refused.inject(await refused.plan())).rejects.toMatchObject({
      code: 'inject-failed',
      message: expect.stringMatching(/refused by a PodDisruptionBudget: .*keep-one/),
    });
    expect(await platform.check(target)).toBe('same');
    const patient = await staged(podEvict, target, { grace: '1s', retryFor: '60s' });
    const undo = await patient.plan();
    const evicting = patient.inject(undo);
    await kubectl(['-n', within, 'scale', `deployment/${name}`, '--replicas=2']);
    await evicting;
    expect(await patient.observe(undo)).toMatchObject({ yes: true });
    await ready(within, name);
  });
});

const imagesOf = async (within: string, name: string) => {
  const { metadata, spec } = await look(`/api/v1/namespaces/${within}/pods/${name}`);
  const of = (containers: readonly { name: string; image: string }[] = []) =>
    containers.map((each) => `${each.name} ${each.image}`);
  return { init: of(spec.initContainers), main: of(spec.containers), annotations: metadata.annotations ?? {} };
};

const initContainers = [{ name: 'setup', image: 'zashiki-lab/busybox:1', command: ['true'] }];

describe.skipIf(unable)('CM-16 pod-failure', () => {
  const specimen = async (): Promise<Specimen> => {
    const within = await namespace();
    await pod(within, { name: 'web', spec: { initContainers } });
    return {
      target: await podTarget(within, 'web'),
      params: { pauseImage },
      snapshot: () => imagesOf(within, 'web'),
      end: async () => void (await kubectl(['-n', within, 'delete', 'pod', 'web', '--force', '--grace-period=0'])),
    };
  };
  testFault(podFailure, {
    test,
    platform,
    specimen,
    kills: 2,
    modules: lazily(() => built.modulesOf('pod-failure', 'kubernetes')),
  });

  test('nobody answers while it is on, and again after it', async () => {
    const within = await namespace();
    const { ip } = await pod(within, { name: 'web', image: 'echo' });
    const answers = await neighbor(within);
    expect(await answers(ip)).toBe(true);
    const { plan, inject, observe, recover, verify } = await staged(podFailure, await podTarget(within, 'web'), {
      pauseImage,
    });
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true });
    expect(await answers(ip)).toBe(false);
    await recover(undo);
    expect(await verify(undo)).toMatchObject({ yes: true, detail: expect.stringContaining('main runs again') });
    await eventually(() => answers(ip), 30);
  });

  // From not acted upon at all to half done.
  test.each([0, 400, 1000])('taken back after %s ms: told as recovered, nothing is ended any more', async (after) => {
    const within = await namespace();
    const { ip } = await pod(within, { name: 'web', image: 'echo', spec: { terminationGracePeriodSeconds: 5 } });
    const answers = await neighbor(within);
    const container = async () => {
      const { status } = await look(`/api/v1/namespaces/${within}/pods/web`);
      const [{ containerID, restartCount, state }] = status.containerStatuses;
      return { containerID, restartCount, runs: state.running !== undefined };
    };
    const { plan, inject, recover, verify } = await staged(podFailure, await podTarget(within, 'web'), { pauseImage });
    const undo = await plan();
    await inject(undo);
    await sleep(after);
    await recover(undo);
    expect(await verify(undo)).toMatchObject({ yes: true });
    const told = await container();
    expect(told.runs).toBe(true);
    await eventually(() => answers(ip), 30);
    await sleep(8000);
    expect(await container()).toEqual(told);
    expect(await answers(ip)).toBe(true);
  });

  test('two at a time: the pause image is never taken for the original', async () => {
    const within = await namespace();
    await pod(within, { name: 'web' });
    const target = await podTarget(within, 'web');
    const before = await imagesOf(within, 'web');
    let on: readonly Json[] = [];
    const siblings = (own: () => Json) => () => on.filter((undo) => undo !== own());
    let one: Json = null;
    let two: Json = null;
    const first = await staged(podFailure, target, { pauseImage }, { siblings: siblings(() => one) });
    const second = await staged(podFailure, target, { pauseImage }, { siblings: siblings(() => two) });
    one = await first.plan();
    await first.inject(one);
    on = [one];
    two = await second.plan();
    await second.inject(two);
    on = [two];
    await first.recover(one);
    expect(await first.verify(one)).toMatchObject({
      yes: true,
      detail: expect.stringContaining('another pod-failure'),
    });
    expect((await imagesOf(within, 'web')).main).toEqual([`main ${pauseImage}`]);
    on = [];
    await second.recover(two);
    expect(await second.verify(two)).toMatchObject({ yes: true });
    expect(await imagesOf(within, 'web')).toEqual(before);
  });

  test('a pod that another installation has made fail is left alone', async () => {
    const within = await namespace();
    await pod(within, { name: 'web' });
    const target = await podTarget(within, 'web');
    const theirs = await staged(podFailure, target, { pauseImage }, { owner: 'they' });
    const undo = await theirs.plan();
    await theirs.inject(undo);
    const ours = await staged(podFailure, target, { pauseImage }, { owner: 'we' });
    await expect(ours.plan()).rejects.toMatchObject({ message: expect.stringContaining('another installation') });
    await theirs.recover(undo);
    expect(await theirs.verify(undo)).toMatchObject({ yes: true });
  });
});

describe.skipIf(unable)('workload-scale', () => {
  const specimen = async (): Promise<Specimen> => {
    const within = await namespace();
    const name = await deployment(within, 2);
    const path = `/apis/apps/v1/namespaces/${within}/deployments/${name}`;
    return {
      target: await targetOf({ kind: 'deployment', namespaces: within, labels: { app: name } }),
      params: { by: -1 },
      snapshot: async () => (await look(path)).spec.replicas,
      end: async () => void (await kubectl(['-n', within, 'delete', 'deployment', name])),
    };
  };
  testFault(workloadScale, {
    test,
    platform,
    specimen,
    kills: 1,
    modules: lazily(() => built.modulesOf('workload-scale', 'kubernetes')),
  });

  test('what somebody else wants meanwhile stays', async () => {
    const within = await namespace();
    const name = await deployment(within, 1);
    const target = await targetOf({ kind: 'deployment', namespaces: within, labels: { app: name } });
    const { plan, inject, observe, recover, verify } = await staged(workloadScale, target, { replicas: 0 });
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true, detail: expect.stringContaining('0 of 0') });
    await kubectl(['-n', within, 'scale', `deployment/${name}`, '--replicas=3']);
    await recover(undo);
    expect(await verify(undo)).toMatchObject({ yes: true, detail: expect.stringContaining('scaled it to 3 since') });
  });
});

describe.skipIf(unable)('container-exec', () => {
  test('a program runs in the container that is named, as its user', async () => {
    const within = await namespace();
    await pod(within, { name: 'web', spec: { securityContext: { runAsUser: 1234 } } });
    const target = await podTarget(within, 'web');
    const run = async (params: object) => {
      const { plan, inject, observe } = await staged(containerExec, target, params);
      const undo = await plan();
      await inject(undo);
      return observe(undo);
    };
    expect(await run({ command: ['id', '-u'] })).toEqual({ yes: true, detail: 'id ended with exit code 0: 1234' });
    expect(await run({ command: ['sh', '-c', 'echo out; echo err >&2; exit 3'] })).toMatchObject({
      yes: false,
      detail: expect.stringMatching(/exit code 3: out\s+err/),
    });
    await expect(run({ command: ['no-such-program'] })).rejects.toMatchObject({ code: 'inject-failed' });
    await expect(run({ command: ['id'], user: 'root' })).rejects.toMatchObject({ code: 'not-supported' });
  });
});

/** The modules are built after the tests were named. */
function lazily(find: () => { fault: URL; platform: URL }) {
  return {
    get fault() {
      return find().fault;
    },
    get platform() {
      return find().platform;
    },
  };
}
