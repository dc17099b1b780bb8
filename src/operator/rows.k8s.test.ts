import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apply, eventually, exec, kubectl, namespace, pod, unable } from '../../test/fixtures/kubernetes.ts';
import { ask, chaos, install, remove, uninstall, waitFor, web } from '../../test/fixtures/kubernetes-operator.ts';

const minutes = 60_000;
const app = (name: string) => ({ labelSelectors: { app: name } });

/** Cuts a off from b. */
const partition = (direction: string, more: object = {}) => ({
  action: 'partition',
  mode: 'all',
  direction,
  selector: app('a'),
  target: { mode: 'all', selector: app('b') },
  ...more,
});

/** Rows of the seed's Chaos Mesh that only a real cluster shows, felt by pods and not read off a status. */
describe.skipIf(unable)('what neighbors feel', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  /** Pods a, b and c, each on a node where it lands, that answer on 8080. */
  async function three() {
    const ns = await namespace();
    const [a, b, c] = await Promise.all(
      ['a', 'b', 'c'].map((name) => pod(ns, { name, labels: { app: name }, image: 'echo' })),
    );
    if (!a || !b || !c) throw new Error('no pods');
    const answers = async (from: { name: string }, to: { ip: string }) =>
      (await ask(ns, from.name, to.ip)).includes('hello');
    /** Who gets an answer from whom: `a→b`. */
    const links = async () => {
      const pairs = [a, b, c].flatMap((from) => [a, b, c].flatMap((to) => (from === to ? [] : [{ from, to }])));
      const all = await Promise.all(
        pairs.map(async ({ from, to }) => ((await answers(from, to)) ? [`${from.name}→${to.name}`] : [])),
      );
      return all.flat();
    };
    /** Pings that have come in, as the kernel of the pod's network counts them. */
    const pings = async ({ name }: { name: string }) => {
      const [names = '', counts = ''] = (await exec(ns, name, 'grep', '^Icmp:', '/proc/net/snmp')).split('\n');
      return Number(counts.split(' ')[names.split(' ').indexOf('InEchos')]);
    };
    /** Does a packet get there, whatever comes back? */
    const passes = async (from: { name: string }, to: { name: string; ip: string }) => {
      const before = await pings(to);
      await exec(ns, from.name, 'sh', '-c', `ping -c 2 -W 1 -q ${to.ip} || true`);
      return (await pings(to)) > before;
    };
    return { ns, a, b, c, links, passes };
  }
  const whole = ['a→b', 'a→c', 'b→a', 'b→c', 'c→a', 'c→b'];

  test('CM-20 a partition of two: both are cut off from each other, and from nobody else', {
    timeout: 6 * minutes,
  }, async () => {
    const { ns, links } = await three();
    expect(await links()).toEqual(whole);
    await apply(chaos('NetworkChaos', 'cut', ns, partition('both')));
    await waitFor(ns, 'networkchaos/cut', 'AllInjected');
    expect(await links()).toEqual(['a→c', 'b→c', 'c→a', 'c→b']);
    await remove(ns, 'networkchaos/cut', 120);
    expect(await links()).toEqual(whole);
  });

  test.each([
    ['to', { ab: false, ba: true }],
    ['from', { ab: true, ba: false }],
    ['both', { ab: false, ba: false }],
  ])(
    'CM-18, CM-20 a partition with direction %s: packets are lost that way only',
    { timeout: 6 * minutes },
    async (direction, wanted) => {
      const { ns, a, b, passes } = await three();
      expect({ ab: await passes(a, b), ba: await passes(b, a) }).toEqual({ ab: true, ba: true });
      await apply(chaos('NetworkChaos', 'cut', ns, partition(direction)));
      await waitFor(ns, 'networkchaos/cut', 'AllInjected');
      expect({ ab: await passes(a, b), ba: await passes(b, a) }).toEqual(wanted);
      await remove(ns, 'networkchaos/cut', 120);
      expect({ ab: await passes(a, b), ba: await passes(b, a) }).toEqual({ ab: true, ba: true });
    },
  );

  test('CM-12 a pause takes it off; resumed, it is on for the rest of its time', { timeout: 6 * minutes }, async () => {
    const { ns, links } = await three();
    await apply(chaos('NetworkChaos', 'cut', ns, partition('both', { duration: '60s' })));
    await waitFor(ns, 'networkchaos/cut', 'AllInjected');
    const pause = (value: string) =>
      kubectl(['-n', ns, 'annotate', '--overwrite', 'networkchaos', 'cut', `experiment.chaos-mesh.org/pause=${value}`]);
    await pause('true');
    await waitFor(ns, 'networkchaos/cut', 'Paused');
    await waitFor(ns, 'networkchaos/cut', 'AllRecovered');
    expect(await links()).toEqual(whole);
    await pause('false');
    await waitFor(ns, 'networkchaos/cut', 'AllInjected');
    expect(await links()).not.toContain('a→b');
    const told = () => kubectl(['-n', ns, 'get', 'events', '--field-selector', 'reason=TimeUp', '-o', 'name']);
    await eventually(async () => (await told()) !== '');
    await waitFor(ns, 'networkchaos/cut', 'AllRecovered');
    expect(await links()).toEqual(whole);
  });

  test('CM-27 StressChaos: the pod itself is busy and full, and then no more', { timeout: 8 * minutes }, async () => {
    const ns = await namespace();
    const { name } = await pod(ns, {
      node: 'n2',
      labels: { app: 'web' },
      container: { resources: { limits: { memory: '256Mi' } } },
    });
    /** Seconds of CPU so far, and MiB, that the kubelet has counted for the pod. */
    const usage = async () => {
      const { pods } = JSON.parse(await kubectl(['get', '--raw', '/api/v1/nodes/n2/proxy/stats/summary'])) as {
        pods: {
          podRef: { name: string; namespace: string };
          cpu?: { usageCoreNanoSeconds?: number };
          memory?: { workingSetBytes?: number };
        }[];
      };
      const own = pods.find(({ podRef }) => podRef.name === name && podRef.namespace === ns);
      return { cpu: (own?.cpu?.usageCoreNanoSeconds ?? 0) / 1e9, mib: (own?.memory?.workingSetBytes ?? 0) / 2 ** 20 };
    };
    const before = await usage();
    expect(before.mib).toBeLessThan(60);
    const stressors = { cpu: { workers: 1, load: 60 }, memory: { workers: 1, size: '100MB' } };
    await apply(chaos('StressChaos', 'busy', ns, { mode: 'all', selector: web, stressors }));
    await waitFor(ns, 'stresschaos/busy', 'AllInjected');
    await eventually(async () => {
      const { cpu, mib } = await usage();
      return cpu > before.cpu + 3 && mib > 80;
    });
    await remove(ns, 'stresschaos/busy', 120);
    // The kubelet counts every ten seconds or so.
    await eventually(async () => {
      const then = await usage();
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      const { cpu, mib } = await usage();
      return cpu < then.cpu + 0.3 && mib < 60;
    });
  });
});
