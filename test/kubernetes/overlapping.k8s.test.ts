import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { placeOf } from '../../lab/kubernetes/place.ts';
import { apply, cluster, eventually, exec, kubectl, namespace, pod, unable } from '../fixtures/kubernetes.ts';
import { chaos, conditionOf, install, look, remove, uninstall, waitFor } from '../fixtures/kubernetes-operator.ts';

const size = 96 * 1024;
/** So slow that even a busy machine tells it from a cable without a limit: these bytes take more than four seconds. */
const rate = '20kbps';

/** Seconds until a neighbor has the whole file of a server; undefined when it cannot be had. */
async function fetched(ns: string, neighbor: string, ip: string): Promise<number | undefined> {
  const from = performance.now();
  const bytes = await exec(ns, neighbor, 'sh', '-c', `echo get | timeout 40 nc -w 5 ${ip} 8080 | wc -c`);
  return Number(bytes) >= size ? (performance.now() - from) / 1000 : undefined;
}

/** A pod that serves one file, and neighbors that fetch it: from `friend` it is cut off, from `other` it never is. */
async function served() {
  const ns = await namespace();
  const script = [`head -c ${size} /dev/zero >/tmp/big`, "exec nc -ll -p 8080 -e sh -c 'read line; cat /tmp/big'"];
  const server = await pod(ns, {
    name: 'web',
    node: 'n1',
    labels: { app: 'web' },
    command: ['sh', '-c', script.join('; ')],
  });
  const friend = await pod(ns, { name: 'friend', node: 'n2', labels: { app: 'friend' } });
  const other = await pod(ns, { name: 'other', node: 'n2', labels: { app: 'other' } });
  const by = (name: string) => () => fetched(ns, name, server.ip);
  await eventually(async () => (await by(friend.name)()) !== undefined, 60);
  return { ns, server, byFriend: by(friend.name), byOther: by(other.name) };
}

describe.skipIf(unable)('two faults on one pod at a time', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  const web = { labelSelectors: { app: 'web' } };
  const cut = (ns: string) =>
    chaos('NetworkChaos', 'cut', ns, {
      ...{ action: 'partition', mode: 'all', selector: web, direction: 'both' },
      target: { mode: 'all', selector: { labelSelectors: { app: 'friend' } } },
    });
  const slow = (ns: string) =>
    chaos('NetworkChaos', 'slow', ns, {
      ...{ action: 'bandwidth', mode: 'all', selector: web },
      bandwidth: { rate, limit: 1_000_000, buffer: 10_000 },
    });

  test.each(['cut', 'slow'] as const)(
    'a partition and a bandwidth: %s is lifted first, the other stays',
    async (first) => {
      const { ns, byFriend, byOther } = await served();
      const free = (await byOther()) as number;
      await apply(cut(ns), slow(ns));
      await waitFor(ns, 'networkchaos/cut', 'AllInjected');
      await waitFor(ns, 'networkchaos/slow', 'AllInjected');
      const both = (await byOther()) as number;
      expect(both, 'slow for whoever is not cut off').toBeGreaterThan(free + 2);
      expect(await byFriend(), 'cut off').toBeUndefined();

      await remove(ns, `networkchaos/${first}`);
      const left = first === 'cut' ? 'slow' : 'cut';
      expect(conditionOf(await look(ns, `networkchaos/${left}`), 'AllInjected')?.status).toBe('True');
      if (left === 'slow') {
        expect(await byFriend(), 'not cut off, and slow').toBeGreaterThan(free + 2);
        expect(await byOther(), 'still slow').toBeGreaterThan(free + 2);
      } else {
        expect(await byFriend(), 'still cut off').toBeUndefined();
        expect(await byOther(), 'not slow').toBeLessThan(both - 2);
      }

      await remove(ns, `networkchaos/${left}`);
      expect(await byFriend()).toBeLessThan(both - 2);
      expect(await byOther()).toBeLessThan(both - 2);
    },
  );

  test('two StressChaos: when one is lifted, the workers of the other go on', async () => {
    const ns = await namespace();
    const { uid } = await pod(ns, { name: 'web', labels: { app: 'web' } });
    const { name } = await cluster();
    const alone = workersIn(name, uid);
    const stress = (name: string, workers: number) =>
      chaos('StressChaos', name, ns, {
        ...{ mode: 'all', selector: web },
        stressors: { cpu: { workers, load: 5 } },
      });
    await apply(stress('one', 1), stress('two', 2));
    await waitFor(ns, 'stresschaos/one', 'AllInjected');
    await waitFor(ns, 'stresschaos/two', 'AllInjected');
    const both = workersIn(name, uid);
    await remove(ns, 'stresschaos/two');
    const one = workersIn(name, uid);
    expect(one.length).toBeGreaterThan(alone.length);
    expect(one.length).toBeLessThan(both.length);
    // The very ones that ran before.
    expect(both).toEqual(expect.arrayContaining([...one]));
    await kubectl(['-n', ns, 'wait', '--for=condition=AllInjected', 'stresschaos/one', '--timeout=30s']);
    await remove(ns, 'stresschaos/one');
    expect(workersIn(name, uid)).toEqual(alone);
  });
});

/** Processes in the cgroups of a pod, as this machine sees them. */
function workersIn(clusterName: string, uid: string): readonly number[] {
  const root = join('/sys/fs/cgroup/cpu', placeOf(clusterName).cgroup);
  const pids: number[] = [];
  const visit = (folder: string, inside: boolean) => {
    const here = inside || folder.includes(uid);
    const file = join(folder, 'cgroup.procs');
    if (here && existsSync(file)) pids.push(...readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number));
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) visit(join(folder, entry.name), here);
  };
  visit(root, false);
  expect(pids, `the cgroup of ${uid} below ${root}`).not.toEqual([]);
  return pids.sort((a, b) => a - b);
}
