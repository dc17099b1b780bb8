import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { chartFiles } from '../../scripts/gen-chart.ts';
import {
  type InstallOptions,
  type KubernetesObject,
  manifest,
  usualInstall,
} from '../../src/operator/install/index.ts';
import { apply, eventually, exec, kubectl, ourImage, unable } from '../fixtures/kubernetes.ts';
import { helm } from '../fixtures/kubernetes-helm.ts';
import {
  chaos,
  imagesOf,
  look,
  own,
  pauseImage,
  remove,
  type Shop,
  shop,
  uninstall,
  waitFor,
  web,
  whenAsked,
} from '../fixtures/kubernetes-operator.ts';

const minutes = 60_000;
const key = ({ kind, metadata }: KubernetesObject) => `${kind} ${metadata.name}`;
const sorted = (objects: readonly KubernetesObject[]) => [...objects].sort((a, b) => (key(a) < key(b) ? -1 : 1));

describe.skipIf(unable)('the chart', () => {
  test.for<readonly [string, Partial<InstallOptions>, readonly string[]]>([
    ['as it is', {}, ['--namespace=zashiki']],
    [
      'with everything said',
      {
        namespace: 'chaos',
        image: 'registry:5000/z@sha256:0',
        replicas: 3,
        optIn: true,
        blastRadius: '7',
        pauseImage: 'p:1',
        allowExec: true,
      },
      [
        '--namespace=chaos',
        '--set=image=registry:5000/z@sha256:0,replicas=3,optIn=true,blastRadius=7,pauseImage=p:1,allowExec=true',
      ],
    ],
  ])('helm makes of it what zashiki install makes: %s', async ([, given, flags]) => {
    const common = ['--include-crds', '--no-hooks', '--kube-version=1.34.0'];
    const text = await helm('template', 'zashiki', 'deploy/helm', ...common, ...flags);
    const made = parseAllDocuments(text)
      .map((document) => document.toJSON() as KubernetesObject | null)
      .filter((object) => object !== null);
    const image = /^image: (.*)$/m.exec(chartFiles()['values.yaml'] ?? '')?.[1] ?? '';
    // Helm makes the namespace by itself.
    const wanted = manifest({ ...usualInstall, image, ...given }).filter(({ kind }) => kind !== 'Namespace');
    expect(sorted(made)).toEqual(sorted(JSON.parse(JSON.stringify(wanted))));
  });

  describe('in a real cluster', () => {
    // Helm keeps the definitions; the next file finds none.
    afterAll(async () => void (await uninstall()));

    const install = async () => {
      const values = `--set=image=${ourImage()},pauseImage=${pauseImage}`;
      const flags = ['--namespace', own, '--create-namespace', '--wait', '--timeout=3m', values];
      await helm('install', 'zashiki', 'deploy/helm', ...flags);
      await whenAsked();
    };
    const fail = (ns: string) => chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: web });
    const late = (ns: string) =>
      chaos('NetworkChaos', 'late', ns, { action: 'delay', mode: 'all', selector: web, delay: { latency: '400ms' } });
    const isLate = async ({ ns, neighbor, ip }: Shop) => {
      const said = await exec(ns, neighbor, 'ping', '-c', '3', '-q', ip);
      return Number(/= [\d.]+\/([\d.]+)\//.exec(said)?.[1]) > 390;
    };

    const leave = () => helm('uninstall', 'zashiki', '--namespace', own, '--wait');

    test('helm uninstall recovers first, lets resources go, and a later installation goes on with them', {
      timeout: 12 * minutes,
    }, async () => {
      await install();
      const [first, second] = [await shop(), await shop()];
      await apply(fail(first.ns));
      await waitFor(first.ns, 'podchaos/fail', 'AllInjected');
      expect(await first.answers()).toBe(false);
      await remove(first.ns, 'podchaos/fail');
      await eventually(() => first.answers());

      await apply(fail(first.ns), late(second.ns));
      await waitFor(first.ns, 'podchaos/fail', 'AllInjected');
      await waitFor(second.ns, 'networkchaos/late', 'AllInjected');
      expect(await isLate(second)).toBe(true);
      await leave();
      expect(await imagesOf(first.ns)).toBe('zashiki-lab/echo:1');
      expect(await isLate(second)).toBe(false);
      await eventually(async () => (await kubectl(['-n', own, 'get', 'pods,jobs', '-o', 'name'])) === '');
      const kinds = 'clusterroles,clusterrolebindings,validatingwebhookconfigurations,mutatingwebhookconfigurations';
      expect(await kubectl(['get', kinds, '-l', 'app.kubernetes.io/name=zashiki', '-o', 'name'])).toBe('');
      // What was asked for stays, and nobody is needed to delete it.
      expect((await look(second.ns, 'networkchaos/late')).metadata.finalizers).toBeUndefined();
      await remove(first.ns, 'podchaos/fail', 30);

      await install();
      await eventually(() => isLate(second));
      await leave();
      expect(await isLate(second)).toBe(false);
    });

    test('helm uninstall removes nothing while something stays on, and says what; then it can be tried again', {
      timeout: 12 * minutes,
    }, async () => {
      await install();
      const { ns } = await shop();
      await apply(fail(ns));
      await waitFor(ns, 'podchaos/fail', 'AllInjected');
      const operators = (count: number) =>
        kubectl(['-n', own, 'scale', 'deploy/zashiki-operator', `--replicas=${count}`]);
      await operators(0);
      const pods = ['-n', own, 'get', 'pods', '-l', 'app.kubernetes.io/component=operator', '-o', 'name'];
      await eventually(async () => (await kubectl(pods)) === '');
      await expect(leave()).rejects.toThrow(/zashiki-uninstall/);
      expect(await kubectl(['-n', own, 'logs', 'job/zashiki-uninstall'])).toContain(`PodChaos ${ns}/fail: `);
      expect(await kubectl(['-n', own, 'get', 'deploy,daemonset', '-o', 'name'])).toBe(
        'deployment.apps/zashiki-operator\ndaemonset.apps/zashiki-agent\n',
      );
      await operators(2);
      await leave();
      expect(await imagesOf(ns)).toBe('zashiki-lab/echo:1');
    });
  });
});
