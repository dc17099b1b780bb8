import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apply, cluster, eventually, exec, kubectl, unable } from '../fixtures/kubernetes.ts';
import { agents, askAgent, chaos, install, shop, uninstall, waitFor, web } from '../fixtures/kubernetes-operator.ts';

/** What could be left on the nodes: programs, mounts, and network devices, each as a list that can be compared. */
async function nodesNow() {
  const found: Record<string, readonly string[]> = {};
  for (const node of (await cluster()).nodes) {
    const agent = (await agents())[node.name] as string;
    const pid = await node.pid();
    // The ones that look are not counted.
    const comms = await exec('zashiki', agent, 'sh', '-c', 'for p in /proc/[0-9]*; do cat $p/comm; done 2>/dev/null');
    const lasting = comms.split('\n').filter((comm) => comm !== '' && comm !== 'sh' && comm !== 'cat');
    found[`programs of ${node.name}`] = lasting.sort();
    const places = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
    found[`mounts of ${node.name}`] = places.map((line) => line.split(' ')[4] ?? '').sort();
    const devices = readFileSync(`/proc/${pid}/net/dev`, 'utf8').trim().split('\n').slice(2);
    found[`devices of ${node.name}`] = devices.map((line) => line.split(':')[0]?.trim() ?? '').sort();
  }
  return found;
}

describe.skipIf(unable)('a namespace is deleted', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('with chaos of every sort on: all of it ends, the namespace goes, and the nodes are as they were', async () => {
    const before = await nodesNow();
    const { ns, answers } = await shop(2);
    const all = { mode: 'all', selector: web };
    await apply(
      chaos('NetworkChaos', 'cut', ns, { ...all, action: 'partition' }),
      chaos('StressChaos', 'busy', ns, { ...all, stressors: { cpu: { workers: 1, load: 5 } } }),
      chaos('Schedule', 'often', ns, {
        schedule: '@every 5s',
        type: 'PodChaos',
        podChaos: { action: 'pod-kill', mode: 'one', selector: { labelSelectors: { app: 'nobody' } } },
      }),
      {
        apiVersion: 'zashiki.dev/v1',
        kind: 'Experiment',
        metadata: { name: 'long', namespace: ns },
        spec: {
          method: [
            {
              fault: 'network-rate',
              target: { kubernetes: { labels: { app: 'web' } } },
              mode: 'all',
              params: { rate: '1mbit' },
              duration: '10m',
            },
          ],
        },
      },
    );
    await waitFor(ns, 'networkchaos/cut', 'AllInjected');
    await waitFor(ns, 'stresschaos/busy', 'AllInjected');
    await eventually(async () =>
      /"phase": "(intent|on)"/.test(await kubectl(['-n', ns, 'get', 'experiment', 'long', '-o', 'json'])),
    );
    await eventually(async () =>
      (await kubectl(['-n', ns, 'get', 'podchaos', '-l', 'managed-by=often', '-o', 'name'])).includes('often-'),
    );
    expect(await answers()).toBe(false);
    await kubectl(['delete', 'namespace', ns, '--timeout=180s']);
    expect(await kubectl(['get', 'namespace', ns, '--ignore-not-found'])).toBe('');
    for (const [node, agent] of Object.entries(await agents())) {
      const { injections, leftovers } = await askAgent(agent, '/v1/status');
      expect(injections, node).toEqual([]);
      expect(leftovers, node).toEqual([]);
    }
    await eventually(async () => expect(await nodesNow()).toEqual(before), 60);
    const unverified = await kubectl(['-n', 'zashiki', 'get', 'configmap', 'zashiki-unverified', '--ignore-not-found']);
    expect(unverified).toBe('');
  });
});
