import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEtcd } from '../../test/fixtures/etcd-cluster.ts';
import { openRegister, readRegister, termOf } from '../../test/fixtures/etcd-register.ts';
import { eventually, kubectl, namespace, unable } from '../../test/fixtures/kubernetes.ts';
import { install, uninstall } from '../../test/fixtures/kubernetes-operator.ts';

const minutes = 60_000;
const document = (name: string, ns: string) =>
  readFileSync(join(import.meta.dirname, 'etcd-suite', `${name}.yaml`), 'utf8')
    .replace('namespace: etcd', `namespace: ${ns}`)
    .replaceAll('namespaces: [etcd]', `namespaces: [${ns}]`)
    .replaceAll('pods: { etcd:', `pods: { ${ns}:`);

/** Kills, delays and partitions of an etcd with five members, all at a time, while it is written to and read. */
describe.skipIf(unable)('the suite of etcd', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('CM-29 no write that was acknowledged is lost, and a leader is found again', {
    timeout: 12 * minutes,
  }, async () => {
    const ns = await namespace();
    const { urls, remove } = await startEtcd(ns, { members: 5, labels: {} });
    const names = ['kill', 'delay', 'partition'];
    /** How many rounds of a document have hit somebody. */
    const rounds = async (name: string) => {
      const events = JSON.parse(
        await kubectl(['-n', ns, 'get', 'events', '--field-selector', 'reason=Applied', '-o', 'json']),
      ) as { items: readonly { involvedObject: { name: string } }[] };
      return new Set(
        events.items.map(({ involvedObject }) => involvedObject.name).filter((each) => each.startsWith(`${name}-`)),
      ).size;
    };
    try {
      const term = await termOf(urls[0] as string);
      const register = openRegister(urls);
      for (const name of names) await kubectl(['apply', '-f', '-'], document(name, ns));
      await eventually(async () => {
        const [kills = 0, delays = 0, partitions = 0] = await Promise.all(names.map(rounds));
        return kills >= 4 && delays >= 4 && partitions >= 1;
      }, 360);
      for (const name of names) await kubectl(['delete', '-f', '-', '--timeout=120s'], document(name, ns));
      await eventually(async () => (await kubectl(['-n', ns, 'get', 'podchaos,networkchaos', '-o', 'name'])) === '');
      await kubectl(['-n', ns, 'rollout', 'status', 'statefulset/store', '--timeout=180s']);
      const report = await register.stop();
      console.log(JSON.stringify({ ...report, terms: [term, await termOf(urls[0] as string)] }));
      expect(report.stale).toEqual([]);
      expect(report.acknowledged).toBeGreaterThan(100);
      expect(report.reads).toBeGreaterThan(100);
      // Every member has it in the end.
      for (const url of urls) expect(await readRegister(url)).toBeGreaterThanOrEqual(report.last);
      expect(await termOf(urls[0] as string)).toBeGreaterThan(term);
    } finally {
      for (const name of names)
        await kubectl(['delete', '-f', '-', '--ignore-not-found', '--timeout=120s'], document(name, ns)).catch(
          () => '',
        );
      await remove();
    }
  });
});
