import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { inside } from '../../lab/kubernetes/machine.ts';
import containerKill from '../../src/faults/container-kill.ts';
import cpuStress from '../../src/faults/cpu-stress.ts';
import networkPartition from '../../src/faults/network-partition.ts';
import processPause from '../../src/faults/process-pause.ts';
import platform from '../../src/platforms/kubernetes/platform.ts';
import type { ContainerStatus } from '../../src/platforms/kubernetes/types.ts';
import { cluster, eventually, kubectl, namespace, ourImage, pod, unable } from '../fixtures/kubernetes.ts';
import { look, neighbor, staged, targetOf } from '../fixtures/kubernetes-target.ts';

const byAgent = (within: string, name: string, more: object = {}) =>
  targetOf({ pods: { [within]: name }, agentImage: ourImage(), agentNamespace: 'default', ...more });

const agents = async () => {
  const path = '/api/v1/namespaces/default/pods?labelSelector=app.kubernetes.io/component%3Dagent';
  return (await look(path)).items as readonly {
    metadata: { name: string };
    spec: { nodeName: string } & object;
    status: { qosClass: string; containerStatuses: readonly ContainerStatus[] };
  }[];
};

/** SIGKILL to all processes of a container, from its node. */
async function killContainer(node: string, containerId: string): Promise<void> {
  const pid = await (await cluster()).nodes.find(({ name }) => name === node)?.pid();
  const [program = '', ...argv] = inside(pid ?? 0);
  const id = containerId.replace('containerd://', '');
  const ctr = ['ctr', '--namespace', 'k8s.io', 'tasks', 'kill', '--signal', 'SIGKILL', '--all', id];
  await promisify(execFile)(program, [...argv, ...ctr]);
}

describe.skipIf(unable)('faults of Linux on a pod, by an agent that is started for a while', () => {
  test('process-pause: stopped and let go on; the agent has named capabilities, and is gone after it', async () => {
    const within = await namespace();
    const { ip } = await pod(within, { name: 'web', image: 'echo', node: 'n1' });
    const answers = await neighbor(within);
    expect(await answers(ip)).toBe(true);
    const target = await byAgent(within, 'web');
    expect(platform.offers(target)).toContain('signal');
    const { plan, inject, observe, recover, verify } = await staged(processPause, target);
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true });
    expect(await answers(ip)).toBe(false);
    const [agent] = await agents();
    expect(agent?.spec.nodeName).toBe('n1');
    expect(JSON.stringify(agent?.spec)).not.toContain('"privileged":true');
    await recover(undo);
    expect(await verify(undo)).toMatchObject({ yes: true });
    await eventually(() => answers(ip), 30);
    await eventually(async () => (await agents()).length === 0);
  });

  test('network-partition and cpu-stress on one pod, felt and gone', async () => {
    const within = await namespace();
    const { ip } = await pod(within, { name: 'web', image: 'echo', node: 'n2' });
    const answers = await neighbor(within);
    const target = await byAgent(within, 'web');
    const cut = await staged(networkPartition, target, {});
    const undo = await cut.plan();
    await cut.inject(undo);
    expect(await cut.observe(undo)).toMatchObject({ yes: true });
    expect(await answers(ip)).toBe(false);
    await cut.recover(undo);
    expect(await cut.verify(undo)).toMatchObject({ yes: true });
    expect(await answers(ip)).toBe(true);
    const load = await staged(cpuStress, target, { workers: 1 });
    const loaded = await load.plan();
    await load.inject(loaded);
    expect(await load.observe(loaded)).toEqual({ yes: true, detail: expect.any(String) });
    await load.recover(loaded);
    expect(await load.verify(loaded)).toMatchObject({ yes: true });
  });

  test('container-kill: the kubelet starts the container again', async () => {
    const within = await namespace();
    await pod(within, { name: 'web', spec: { restartPolicy: 'Always' } });
    const target = await byAgent(within, 'web', { containers: 'main' });
    const { plan, inject, observe } = await staged(containerKill, target);
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true });
    expect(await eventually(async () => (await platform.check(target)) === 'gone')).toBe(true);
    await kubectl(['-n', within, 'wait', '--for=condition=Ready', 'pod/web', '--timeout=60s']);
    const { status } = await look(`/api/v1/namespaces/${within}/pods/web`);
    expect(status.containerStatuses[0].restartCount).toBe(1);
  });

  test('killed whole, and nobody asks it any more: it is started again by the node, and undoes what is on', async () => {
    const within = await namespace();
    const { ip } = await pod(within, { name: 'web', image: 'echo', node: 'n1' });
    const answers = await neighbor(within);
    const cut = await staged(networkPartition, await byAgent(within, 'web'), {});
    const undo = await cut.plan();
    await cut.inject(undo);
    expect(await cut.observe(undo)).toMatchObject({ yes: true });
    expect(await answers(ip)).toBe(false);
    const onNode = async () => (await agents()).find(({ spec }) => spec.nodeName === 'n1');
    const before = await onNode();
    expect(before?.status.qosClass).toBe('Burstable');
    await killContainer('n1', before?.status.containerStatuses[0]?.containerID ?? '');
    // From here on nobody asks for an agent: neither a controller nor its reaper is there.
    await eventually(async () => {
      const [now] = (await onNode())?.status.containerStatuses ?? [];
      return now?.restartCount === 1 && now.state?.running !== undefined;
    });
    expect((await onNode())?.metadata.name).toBe(before?.metadata.name);
    await eventually(() => answers(ip), 60);
    // Nothing is on: it ends by itself, and its Job with it.
    await eventually(async () => (await onNode()) === undefined);
  });

  test('an image that cannot be pulled is told, with what to do', async () => {
    const within = await namespace();
    await pod(within, { name: 'web', node: 'n2' });
    await eventually(async () => (await agents()).length === 0);
    const target = await byAgent(within, 'web', { agentImage: 'zashiki-lab/no-such:1' });
    const { plan } = await staged(processPause, target);
    await expect(plan()).rejects.toMatchObject({
      code: 'not-supported',
      message: expect.stringMatching(/no agent runs on the node n2 .*no-such/),
      hint: expect.stringContaining('agentImage'),
    });
    await kubectl(['delete', 'jobs', '--selector=app.kubernetes.io/component=agent', '--wait']);
  });
});
