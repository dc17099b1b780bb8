import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  apply,
  cluster,
  eventually,
  exec,
  kubectl,
  namespace,
  ourImage,
  pod,
  podTemplate,
  unable,
} from '../../test/fixtures/kubernetes.ts';

const run = promisify(execFile);
const minutes = 60_000;
const own = 'zashiki';

/** Our command line against the cluster of the lab. */
async function zashiki(...argv: readonly string[]): Promise<string> {
  const { kubeconfig } = await cluster();
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const { stdout, stderr } = await run(process.execPath, ['dist/cli/main.cjs', ...argv], { env, maxBuffer: 1e8 });
  return stdout + stderr;
}

const install = () =>
  zashiki('install', 'kubernetes', '--apply', '--image', ourImage(), '--pause-image', 'lab.local/pause:1');
const chaos = (kind: string, name: string, namespace: string, spec: object, annotations = {}) => ({
  apiVersion: 'chaos-mesh.org/v1alpha1',
  kind,
  metadata: { name, namespace, annotations },
  spec,
});
const web = { labelSelectors: { app: 'web' } };
const waitFor = (namespace: string, what: string, condition: string, seconds = 150) =>
  kubectl(['-n', namespace, 'wait', `--for=condition=${condition}`, `--timeout=${seconds}s`, what]);
/** What a neighbor gets from the pod: its greeting, or nothing. */
const ask = (namespace: string, neighbor: string, ip: string) =>
  exec(namespace, neighbor, 'sh', '-c', `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 4 nc ${ip} 8080 || true`);
const imagesOf = (namespace: string) =>
  kubectl(['-n', namespace, 'get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].spec.containers[*].image}']);
const leader = async () =>
  (await kubectl(['-n', own, 'get', 'lease', 'zashiki-operator', '-o', 'jsonpath={.spec.holderIdentity}'])).replace(
    /-\d+$/,
    '',
  );

/** SIGKILL to the replica that leads; resolves to its name. */
async function killLeader(): Promise<string> {
  const name = await leader();
  const pids = readdirSync('/proc').filter((each) => /^\d+$/.test(each));
  const isIt = (pid: string) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return (
        words.includes('operator') &&
        readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`POD_NAME=${name}`)
      );
    } catch {
      return false;
    }
  };
  const found = pids.filter(isIt);
  expect(found, name).not.toEqual([]);
  for (const pid of found) process.kill(Number(pid), 'SIGKILL');
  return name;
}

/** A namespace with pods that answer, and a neighbor that asks them. */
async function shop(replicas = 1) {
  const ns = await namespace();
  await apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: ns },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: podTemplate({ labels: { app: 'web' }, image: 'echo' }),
    },
  });
  const neighbor = await pod(ns, { name: 'neighbor' });
  await kubectl(['-n', ns, 'rollout', 'status', 'deploy/web', '--timeout=120s']);
  const ips = (
    await kubectl(['-n', ns, 'get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.podIP}'])
  ).split(' ');
  // A namespace with something on is not left behind by a test that fails.
  onTestFinished(async () => {
    await kubectl(['-n', ns, 'delete', 'podchaos,networkchaos,stresschaos', '--all', '--timeout=120s']).catch(() => '');
  });
  return { ns, neighbor: neighbor.name, ips, ip: ips[0] as string };
}

describe.skipIf(unable)('an operator in a real cluster', () => {
  beforeAll(async () => {
    await install();
    await eventually(
      async () =>
        (await kubectl([
          'get',
          'validatingwebhookconfigurations',
          own,
          '-o',
          'jsonpath={.webhooks[0].clientConfig.caBundle}',
        ])) !== '',
    );
  }, 5 * minutes);
  afterAll(async () => {
    await zashiki('uninstall', 'kubernetes', '--image', ourImage());
  }, 5 * minutes);

  test('CM-09, CM-16 pod-failure: a neighbor gets no answer; deleted, it does again', {
    timeout: 6 * minutes,
  }, async () => {
    const { ns, neighbor, ip } = await shop();
    expect(await ask(ns, neighbor, ip)).toContain('hello');
    await apply(chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: web }));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    expect(await ask(ns, neighbor, ip)).not.toContain('hello');
    const status = JSON.parse(await kubectl(['-n', ns, 'get', 'podchaos', 'fail', '-o', 'json'])).status;
    expect(status.experiment).toMatchObject({
      desiredPhase: 'Run',
      containerRecords: [{ phase: 'Injected', injectedCount: 1, selectorKey: '.' }],
    });
    await kubectl(['-n', ns, 'delete', 'podchaos', 'fail', '--timeout=120s']);
    await eventually(async () => (await ask(ns, neighbor, ip)).includes('hello'));
    expect(await imagesOf(ns)).toBe('zashiki-lab/echo:1');
  });

  test('CM-15 pod-kill: the pod is another one, once', { timeout: 6 * minutes }, async () => {
    const { ns } = await shop();
    const uids = () => kubectl(['-n', ns, 'get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].metadata.uid}']);
    const before = await uids();
    await apply(chaos('PodChaos', 'kill', ns, { action: 'pod-kill', mode: 'all', selector: web }));
    await waitFor(ns, 'podchaos/kill', 'AllInjected');
    const after = await eventually(async () => {
      const now = await uids();
      return now !== '' && now !== before && !now.includes(' ') ? now : false;
    });
    await kubectl(['-n', ns, 'annotate', 'podchaos', 'kill', 'touched=true']);
    await kubectl(['-n', ns, 'delete', 'podchaos', 'kill', '--timeout=60s']);
    expect(await uids()).toBe(after);
  });

  test('CM-18 NetworkChaos through the agent: packets are late for a neighbor, then not', {
    timeout: 8 * minutes,
  }, async () => {
    const { ns, neighbor, ip } = await shop();
    const ping = async () => {
      const said = await exec(ns, neighbor, 'ping', '-c', '4', '-q', ip);
      return Number(/= [\d.]+\/([\d.]+)\//.exec(said)?.[1]);
    };
    const spec = { action: 'delay', mode: 'all', selector: web, delay: { latency: '400ms' } };
    await apply(chaos('NetworkChaos', 'late', ns, spec));
    await waitFor(ns, 'networkchaos/late', 'AllInjected');
    expect(await ping()).toBeGreaterThan(390);
    await kubectl(['-n', ns, 'delete', 'networkchaos', 'late', '--timeout=120s']);
    expect(await ping()).toBeLessThan(390);
  });

  test('CM-27 StressChaos through the agent: a worker in the pod, then none', { timeout: 8 * minutes }, async () => {
    const { ns } = await shop();
    const spec = { mode: 'all', selector: web, stressors: { cpu: { workers: 1, load: 20 } } };
    await apply(chaos('StressChaos', 'busy', ns, spec));
    await waitFor(ns, 'stresschaos/busy', 'AllInjected');
    await kubectl(['-n', ns, 'delete', 'stresschaos', 'busy', '--timeout=120s']);
  });

  test('the leader is killed in the middle: the other replica goes on, and takes all of it off', {
    timeout: 8 * minutes,
  }, async () => {
    const { ns } = await shop(4);
    await apply(chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: web }));
    // What is written down before anything is on may be too short a moment to be seen.
    await eventually(async () =>
      /"phase": "(intent|on)"/.test(await kubectl(['-n', ns, 'get', 'podchaos', 'fail', '-o', 'json'])),
    );
    await killLeader();
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await kubectl(['-n', ns, 'delete', 'podchaos', 'fail', '--timeout=150s']);
    expect(new Set((await imagesOf(ns)).split(' '))).toEqual(new Set(['zashiki-lab/echo:1']));
  });

  test('a changed document: off as it was, on as it is', { timeout: 6 * minutes }, async () => {
    const { ns } = await shop();
    const fail = (app: string) =>
      chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: { labelSelectors: { app } } });
    await apply(fail('web'));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await apply(fail('nobody'));
    await eventually(async () => (await imagesOf(ns)) === 'zashiki-lab/echo:1');
    await waitFor(ns, 'podchaos/fail', 'AllInjected=False');
    await apply(fail('web'));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await kubectl(['-n', ns, 'delete', 'podchaos', 'fail', '--timeout=120s']);
  });

  test('CM-13 a namespace that is deleted with something on is gone', { timeout: 6 * minutes }, async () => {
    const { ns } = await shop();
    await apply(chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: web }));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await kubectl(['delete', 'namespace', ns, '--timeout=180s']);
    expect(await kubectl(['get', 'namespace', ns, '--ignore-not-found'])).toBe('');
  });

  test('what is wrong is refused with its place and the fix', { timeout: 3 * minutes }, async () => {
    const { ns } = await shop();
    const refused = (kind: string, spec: object) =>
      apply(chaos(kind, 'bad', ns, spec)).then(
        () => 'taken',
        (error: Error) => error.message,
      );
    const late = { action: 'delay', mode: 'all', selector: web };
    expect(await refused('NetworkChaos', { ...late, loss: { loss: '10' }, delay: { latency: '1s' } })).toMatch(
      /spec\.loss: action delay does not use it/,
    );
    expect(await refused('NetworkChaos', { ...late, direction: 'from', delay: { latency: '1s' } })).toMatch(
      /direction from (needs|and both need) a target/,
    );
    expect(
      await refused('PodChaos', { action: 'pod-kill', mode: 'all', selector: { namespaces: ['kube-system'] } }),
    ).toMatch(/kube-system is protected/);
    const io = { action: 'latency', mode: 'all', selector: web, volumePath: '/data', delay: '10ms' };
    expect(await refused('IOChaos', io)).toMatch(/IOChaos is known, and not yet available/);
    const host = {
      apiVersion: 'zashiki.dev/v1',
      kind: 'Experiment',
      metadata: { name: 'bad', namespace: ns },
      spec: { method: [{ fault: 'process-kill', target: { host: { command: 'x' } } }] },
    };
    expect(
      await apply(host).then(
        () => 'taken',
        (error: Error) => error.message,
      ),
    ).toMatch(/in a cluster only kubernetes is reached/);
  });

  test('who may not make chaos somewhere cannot have it made there', { timeout: 3 * minutes }, async () => {
    const [mine, theirs] = [await namespace(), await namespace()];
    await kubectl([
      '-n',
      mine,
      'create',
      'role',
      'chaos',
      '--verb=create,get,list,patch',
      '--resource=podchaos.chaos-mesh.org',
    ]);
    await kubectl(['-n', mine, 'create', 'rolebinding', 'chaos', '--role=chaos', '--user=alice']);
    const kill = (namespaces: readonly string[]) =>
      chaos('PodChaos', 'kill', mine, {
        action: 'pod-kill',
        mode: 'one',
        selector: { namespaces, labelSelectors: { app: 'nobody' } },
      });
    const asAlice = (document: object) =>
      kubectl(['--as=alice', 'create', '-f', '-'], document).catch((error: Error) => error.message);
    expect(await asAlice(kill([theirs]))).toContain(`alice is forbidden on namespace ${theirs}`);
    expect(await asAlice(kill([mine]))).toContain('created');
    // Nor may she write what the operator has written down for itself.
    const forged = { status: { zashiki: { injections: {} } } };
    const patch = [
      '--as=alice',
      '-n',
      mine,
      'patch',
      'podchaos',
      'kill',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify(forged),
    ];
    expect(await kubectl(patch).catch((error: Error) => error.message)).toMatch(/forbidden/i);
    await kubectl(['-n', mine, 'delete', 'podchaos', 'kill', '--timeout=60s']);
  });

  test('nobody answers for the webhook: what is there can still be paused and deleted', {
    timeout: 6 * minutes,
  }, async () => {
    const { ns } = await shop();
    await apply(chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: web }));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await kubectl(['-n', own, 'scale', 'deploy/zashiki-operator', '--replicas=0']);
    await eventually(
      async () =>
        (await kubectl(['-n', own, 'get', 'pods', '-l', 'app.kubernetes.io/component=operator', '-o', 'name'])) === '',
    );
    await kubectl(['-n', ns, 'annotate', 'podchaos', 'fail', 'experiment.chaos-mesh.org/pause=true']);
    await kubectl(['-n', ns, 'delete', 'podchaos', 'fail', '--wait=false']);
    await kubectl(['-n', own, 'scale', 'deploy/zashiki-operator', '--replicas=2']);
    await eventually(async () => (await kubectl(['-n', ns, 'get', 'podchaos', '-o', 'name'])) === '');
    expect(await imagesOf(ns)).toBe('zashiki-lab/echo:1');
    // Others are asked again about what is new.
    await kubectl(['-n', own, 'rollout', 'status', 'deploy/zashiki-operator', '--timeout=120s']);
  });

  test('an Experiment is run to its verdict; a Workflow to its end; a Schedule makes rounds', {
    timeout: 8 * minutes,
  }, async () => {
    const { ns, ip } = await shop(2);
    await apply(
      {
        apiVersion: 'zashiki.dev/v1',
        kind: 'Experiment',
        metadata: { name: 'survives', namespace: ns },
        spec: {
          steadyStateHypothesis: [
            {
              name: 'it answers',
              probe: { tcp: { host: ip, port: 8080 } },
              tolerance: { connects: true },
              every: '1s',
              recoversWithin: '2m',
            },
          ],
          method: [
            {
              fault: 'pod-failure',
              target: { kubernetes: { labels: { app: 'web' } } },
              mode: 'one',
              params: { pauseImage: 'lab.local/pause:1' },
              duration: '5s',
            },
          ],
        },
      },
      chaos('Workflow', 'flow', ns, {
        entry: 'all',
        templates: [
          { name: 'all', templateType: 'Serial', children: ['rest', 'say'] },
          { name: 'rest', templateType: 'Suspend', deadline: '2s' },
          {
            name: 'say',
            templateType: 'Task',
            task: { container: { name: 'main', image: 'zashiki-lab/busybox:1', command: ['echo', 'hello'] } },
          },
        ],
      }),
      chaos('Schedule', 'often', ns, {
        schedule: '@every 10s',
        type: 'PodChaos',
        historyLimit: 1,
        podChaos: { action: 'pod-kill', mode: 'one', selector: { labelSelectors: { app: 'nobody' } } },
      }),
    );
    await waitFor(ns, 'workflow/flow', 'Accomplished');
    await waitFor(ns, 'experiment/survives', 'Finished', 240);
    const { zashiki: verdict } = JSON.parse(
      await kubectl(['-n', ns, 'get', 'experiment', 'survives', '-o', 'json']),
    ).status;
    expect(['held', 'deviated'], JSON.stringify(verdict)).toContain(verdict.outcome);
    expect(verdict.injections).toEqual({});
    expect(new Set((await imagesOf(ns)).split(' '))).toEqual(new Set(['zashiki-lab/echo:1']));
    await eventually(async () =>
      (await kubectl(['-n', ns, 'get', 'podchaos', '-l', 'managed-by=often', '-o', 'name'])).includes('often-'),
    );
    await kubectl(['-n', ns, 'delete', 'schedules.chaos-mesh.org', 'often']);
  });

  test('an Experiment whose operator is killed: what was on is recovered, and it says so', {
    timeout: 8 * minutes,
  }, async () => {
    const { ns } = await shop();
    await apply({
      apiVersion: 'zashiki.dev/v1',
      kind: 'Experiment',
      metadata: { name: 'long', namespace: ns },
      spec: {
        method: [
          {
            fault: 'pod-failure',
            target: { kubernetes: { labels: { app: 'web' } } },
            mode: 'all',
            params: { pauseImage: 'lab.local/pause:1' },
            duration: '10m',
          },
        ],
      },
    });
    await eventually(async () => (await imagesOf(ns)) === 'lab.local/pause:1');
    await killLeader();
    await waitFor(ns, 'experiment/long', 'Finished');
    const { zashiki: verdict } = JSON.parse(
      await kubectl(['-n', ns, 'get', 'experiment', 'long', '-o', 'json']),
    ).status;
    expect(verdict.outcome).toBe('interrupted');
    expect(await imagesOf(ns)).toBe('zashiki-lab/echo:1');
  });

  test('CM-07 a document of v1.x, with its scheduler: rounds begin at once, and again', {
    timeout: 6 * minutes,
  }, async () => {
    const { ns } = await shop();
    const spec = {
      action: 'pod-kill',
      mode: 'one',
      selector: { namespaces: [ns], labelSelectors: { app: 'web' } },
      scheduler: { cron: '@every 15s' },
    };
    await apply(chaos('PodChaos', 'old', ns, spec));
    const rounds = async () =>
      (await kubectl(['-n', ns, 'get', 'podchaos', '-l', 'managed-by=old', '-o', 'name'])).split('\n').filter(Boolean);
    await eventually(async () => (await rounds()).length >= 1);
    const events = async () => kubectl(['-n', ns, 'get', 'events', '--field-selector', 'reason=Spawned', '-o', 'name']);
    await eventually(async () => (await events()).split('\n').filter(Boolean).length >= 2);
    const round = (await rounds())[0] as string;
    await waitFor(ns, round, 'AllInjected');
    await kubectl(['-n', ns, 'delete', 'podchaos', 'old', '--timeout=60s']);
    await eventually(async () => (await rounds()).length === 0);
  });

  test('CM-17 container-kill: the container is started again, the pod is the same', {
    timeout: 6 * minutes,
  }, async () => {
    const { ns } = await shop();
    const seen = () =>
      kubectl([
        '-n',
        ns,
        'get',
        'pods',
        '-l',
        'app=web',
        '-o',
        'jsonpath={.items[0].metadata.uid} {.items[0].status.containerStatuses[0].restartCount}',
      ]);
    const [uid] = (await seen()).split(' ');
    await apply(
      chaos('PodChaos', 'kill', ns, { action: 'container-kill', mode: 'one', selector: web, containerNames: ['main'] }),
    );
    await waitFor(ns, 'podchaos/kill', 'AllInjected');
    await eventually(async () => (await seen()) === `${uid} 1`);
  });

  test('uninstall recovers first, and leaves nothing', { timeout: 6 * minutes }, async () => {
    const { ns } = await shop();
    await apply(chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: web }));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await zashiki('uninstall', 'kubernetes', '--image', ourImage());
    expect(await imagesOf(ns)).toBe('zashiki-lab/echo:1');
    expect(await kubectl(['get', 'crd', '-o', 'name'])).not.toContain('chaos-mesh.org');
    expect(
      await kubectl([
        'get',
        'clusterrole,validatingwebhookconfigurations',
        '-l',
        'app.kubernetes.io/name=zashiki',
        '-o',
        'name',
      ]),
    ).toBe('');
  });
});
