import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EtcdCluster, startEtcd } from '../../test/fixtures/etcd-cluster.ts';
import { apply, cluster, eventually, kubectl, unable } from '../../test/fixtures/kubernetes.ts';
import { install, uninstall } from '../../test/fixtures/kubernetes-operator.ts';

const minutes = 60_000;
const here = join(import.meta.dirname, 'three-kills');
const cli = resolve(import.meta.dirname, '../../dist/cli/main.cjs');
const document = join(here, 'kill-tikv.yaml');
const component = { 'app.kubernetes.io/component': 'tikv' };

const kubeEnv = async () => ({ ...process.env, KUBECONFIG: (await cluster()).kubeconfig });

interface Dip {
  readonly fromAtMs: number;
  readonly recoveryMs: number;
  readonly worst: number;
  readonly usual: number;
  readonly farSlower: { readonly othersMs: number } | null;
}

/** The document of the article, unchanged, and its finding: back soon, back soon, and then long after. */
describe.skipIf(unable)('three kills of a replicated store under load', () => {
  const own = mkdtempSync(join(tmpdir(), 'zashiki-three-kills-'));
  const rate = join(own, 'rate');
  let store: EtcdCluster | undefined;
  let load: ChildProcess | undefined;

  beforeAll(async () => {
    await install();
    for (const name of ['chaos-mesh', 'chaos-demo-1'])
      await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await eventually(() => kubectl(['-n', 'chaos-demo-1', 'get', 'serviceaccount', 'default']));
    store = await startEtcd('chaos-demo-1', { labels: component });
    load = spawn(process.execPath, [join(here, 'load.mjs'), rate, ...store.urls], { stdio: 'inherit' });
    await eventually(async () => Number(readFileSync(rate, 'utf8')) >= 4);
  }, 8 * minutes);

  afterAll(async () => {
    load?.kill('SIGKILL');
    await kubectl(['uncordon', 'n1']);
    await kubectl(['delete', '-f', document, '--ignore-not-found', '--timeout=60s']);
    await store?.remove();
    await kubectl(['delete', 'namespace', 'chaos-mesh', 'chaos-demo-1', '--timeout=120s']);
    await uninstall();
    rmSync(own, { recursive: true, force: true });
  });

  /** When each kill was done, by the events of the rounds; milliseconds since 1970, oldest first. */
  const kills = async (): Promise<readonly number[]> => {
    const events = JSON.parse(
      await kubectl(['-n', 'chaos-mesh', 'get', 'events', '--field-selector', 'reason=Applied', '-o', 'json']),
    ) as { items: readonly { firstTimestamp: string; message: string }[] };
    return events.items.map(({ firstTimestamp }) => Date.parse(firstTimestamp)).sort((a, b) => a - b);
  };
  const killsDone = (count: number) => eventually(async () => (await kills()).length >= count, 150);

  /** Run the watch; resolves when it has seen that all is well and looks at what comes. */
  const startWatch = async (file: string, more: readonly string[]) => {
    const argv = [cli, 'run', file, '--yes', '-o', 'json', '--state', join(own, 'state'), ...more];
    const child = spawn(process.execPath, argv, { env: await kubeEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
    const events: { type: string; phase?: string }[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => events.push(JSON.parse(line)));
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    await eventually(async () => {
      expect(child.exitCode, JSON.stringify(events.at(-1))).toBeNull();
      return events.some(({ type, phase }) => type === 'phase' && phase === 'method');
    });
    return { finished: ended.then(() => events.at(-1)) };
  };

  test('CM-01, CM-07, CM-30 each kill has its dip and recovery in the report, and the third is flagged', {
    timeout: 8 * minutes,
  }, async () => {
    const watch = join(own, 'watch.yaml');
    writeFileSync(watch, readFileSync(join(here, 'watch.yaml'), 'utf8').replaceAll('/tmp/rate', rate));
    const reports = ['html', 'md', 'json'].flatMap((ending) => ['--report', join(own, `report.${ending}`)]);
    const watching = await startWatch(watch, reports);
    await kubectl(['apply', '-f', document]);
    await killsDone(2);
    const isWhole = async () =>
      (await kubectl([
        '-n',
        'chaos-demo-1',
        'get',
        'statefulset',
        'store',
        '-o',
        'jsonpath={.status.readyReplicas}',
      ])) === '3';
    await eventually(isWhole);
    // What is killed next finds no place for a while, as if its image were slow to come.
    await kubectl(['cordon', 'n1']);
    await killsDone(3);
    await kubectl(['delete', '-f', document, '--timeout=60s']);
    await new Promise((wait) => setTimeout(wait, 35_000));
    await kubectl(['uncordon', 'n1']);
    const finished = await watching.finished;
    await eventually(isWhole);

    const when = await kills();
    expect(when).toHaveLength(3);
    const report = JSON.parse(readFileSync(join(own, 'report.json'), 'utf8'));
    const began = Date.parse(report.startedAt);
    const dips: readonly Dip[] = report.hypotheses[0].dips;
    console.log(JSON.stringify({ kills: when.map((at) => at - began), dips }, null, 1));
    expect(dips).toHaveLength(3);
    for (const [i, { fromAtMs, worst, usual }] of dips.entries()) {
      // Events tell whole seconds.
      expect(began + fromAtMs).toBeGreaterThan((when[i] ?? 0) - 1000);
      if (i < 2) expect(began + fromAtMs).toBeLessThan(when[i + 1] ?? 0);
      expect(worst).toBeLessThan(1);
      expect(usual).toBeGreaterThan(3);
    }
    expect(dips.map(({ farSlower }) => farSlower !== null)).toEqual([false, false, true]);
    const flagged = /dip 3 of 3 took .* to recover, \d+\.\d times as long as the others/;
    expect(finished).toMatchObject({
      outcome: 'held',
      reasons: expect.arrayContaining([expect.stringMatching(flagged)]),
    });
    for (const ending of ['html', 'md']) {
      expect(readFileSync(join(own, `report.${ending}`), 'utf8')).toMatch(
        /far slower: took .* times as long as the others/,
      );
    }
  });
});
