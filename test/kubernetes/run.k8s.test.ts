import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cluster, eventually, kubectl, namespace, pod, unable } from '../fixtures/kubernetes.ts';
import { deployment, find, look, ready } from '../fixtures/kubernetes-target.ts';

const program = resolve(import.meta.dirname, '../../dist/cli/main.cjs');
const pauseImage = 'zashiki-lab/scratch-sleeper:1';

/** `zashiki run` with a kubeconfig, from a folder of its own. */
async function zashiki(method: object, more: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'zashiki-k8s-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'experiment.json');
  const spec = { method: [method], ...more };
  await writeFile(
    file,
    JSON.stringify({ apiVersion: 'zashiki.dev/v1', kind: 'Experiment', metadata: { name: 'k8s' }, spec }),
  );
  const { kubeconfig } = await cluster();
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const state = join(folder, 'state');
  const start = (...args: readonly string[]) => spawn(process.execPath, [program, ...args, '--state', state], { env });
  return { start: () => start('run', file, '--yes', '-o', 'json'), recover: () => start('recover') };
}

function ended(child: ChildProcess): Promise<{ code: number | null; events: Record<string, unknown>[]; said: string }> {
  let out = '';
  let said = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  return new Promise((done) =>
    child.once('close', (code) => {
      const events = out.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
      done({ code, events, said });
    }),
  );
}

describe.skipIf(unable)('zashiki run with a kubeconfig', () => {
  test('a pod is killed, the deployment heals, the verdict says so', async () => {
    const within = await namespace();
    const name = await deployment(within, 2);
    const probe = {
      exec: { command: ['kubectl', '-n', within, 'get', 'deployment', name, '-o=jsonpath={.status.readyReplicas}'] },
    };
    const { start } = await zashiki(
      {
        fault: 'pod-kill',
        target: { kubernetes: { namespaces: within, labels: { app: name } } },
        params: { grace: '1s' },
      },
      {
        steadyStateHypothesis: [
          { name: 'both are ready', probe, tolerance: { stdout: '2' }, every: '300ms', recoversWithin: '60s' },
        ],
      },
    );
    const { code, events, said } = await ended(start());
    expect(code, said).toBe(0);
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', outcome: 'held' });
    expect(events.filter(({ type, real }) => type === 'observed' && real)).toHaveLength(1);
    await ready(within, name);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    '%s in the middle of a pod-failure: the pod is given back',
    async (signal) => {
      const within = await namespace();
      await pod(within, { name: 'web' });
      const images = async () => {
        const { spec, metadata } = await look(`/api/v1/namespaces/${within}/pods/web`);
        return [spec.containers[0].image, metadata.annotations?.['zashiki.dev/pod-failure'] === undefined];
      };
      const before = await images();
      const { start } = await zashiki({
        fault: 'pod-failure',
        target: { kubernetes: { pods: { [within]: 'web' } } },
        params: { pauseImage },
        duration: '10m',
      });
      const child = start();
      const end = ended(child);
      await eventually(async () => (await images())[0] === pauseImage);
      child.kill(signal);
      await end;
      await eventually(async () => (await images())[0] === before[0], 60);
      expect(await images()).toEqual(before);
      await kubectl(['-n', within, 'wait', '--for=condition=Ready', 'pod/web', '--timeout=60s']);
    },
  );

  test('reselect: the pod that takes the place of a killed one fails, too', async () => {
    const within = await namespace();
    const name = await deployment(within, 2);
    const { start } = await zashiki({
      fault: 'pod-failure',
      target: { kubernetes: { namespaces: within, labels: { app: name } } },
      mode: 'all',
      params: { pauseImage },
      duration: '30s',
      reselect: true,
    });
    const child = start();
    const end = ended(child);
    const failed = async () => {
      const { items } = await look(`/api/v1/namespaces/${within}/pods?labelSelector=app%3D${name}`);
      return items.filter(
        ({ spec, metadata }: { spec: { containers: { image: string }[] }; metadata: { deletionTimestamp?: string } }) =>
          spec.containers[0]?.image === pauseImage && metadata.deletionTimestamp === undefined,
      );
    };
    await eventually(async () => (await failed()).length === 2);
    const [first] = await failed();
    await kubectl(['-n', within, 'delete', 'pod', first.metadata.name, '--force', '--grace-period=0', '--wait']);
    await eventually(async () => (await failed()).length === 2, 25);
    const { events, said } = await end;
    expect(
      events.filter(({ type }) => type === 'injected'),
      said,
    ).toHaveLength(3);
    expect(await failed()).toEqual([]);
    await ready(within, name);
    expect(await find({ namespaces: within, labels: { app: name } })).toHaveLength(2);
  });
});
