import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { apply, eventually, exec, kubectl, namespace, ourImage, pod, unable } from '../../test/fixtures/kubernetes.ts';
import { look } from '../../test/fixtures/kubernetes-operator.ts';
import type { AgentTarget } from '../capabilities/agent.ts';
import type { JsonObject } from '../core/model.ts';
import { nodeContainerOffers } from '../platforms/node-container/offers.ts';
import { type AgentEndpoint, agentApi, agentCapability, openTransport } from '../remote/index.ts';
import { makeCertificates } from './certs.ts';
import { contextFor, testFolder } from './testing.ts';

const serverName = 'zashiki-agent';
const audience = 'zashiki-agent';
const capabilities = [
  'SYS_ADMIN',
  'SYS_PTRACE',
  'NET_ADMIN',
  'NET_RAW',
  'SYS_CHROOT',
  'KILL',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'SYS_NICE',
  'CHOWN',
  'FOWNER',
  'FSETID',
  'SETUID',
  'SETGID',
];

/** An agent in a pod on n1: named capabilities, never privileged. */
async function agentPod() {
  const ns = await namespace();
  const tls = join(testFolder(), 'tls');
  await makeCertificates(tls, { servers: [serverName] });
  const file = (name: string) => readFileSync(join(tls, name)).toString('base64');
  const names = ['ca.crt', 'server.crt', 'server.key'];
  const data = Object.fromEntries(names.map((name) => [name, file(name)]));
  const account = (name: string) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: ns } });
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `${ns}-agent` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:auth-delegator' },
    subjects: [{ kind: 'ServiceAccount', name: 'agent', namespace: ns }],
  };
  await apply(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'tls', namespace: ns }, data },
    account('agent'),
    account('controller'),
    account('stranger'),
    binding,
  );
  onTestFinished(() => kubectl(['delete', 'clusterrolebinding', `${ns}-agent`]).then(() => {}));
  // On the node's own network: the pod network is what others' faults are about.
  const port = randomInt(20_000, 30_000);
  const allowed = ['zashiki-controller', `system:serviceaccount:${ns}:controller`];
  const command = [
    ...[
      '/zashiki',
      'agent',
      '--listen',
      `0.0.0.0:${port}`,
      '--listen',
      'unix:/run/zashiki-agent.sock',
      '--tls-dir',
      '/tls',
    ],
    ...['--state', '/state', '--name', 'n1', '--token-review', audience],
    ...allowed.flatMap((name) => ['--allow-client', name]),
  ];
  const { name, ip } = await pod(ns, {
    name: 'agent',
    node: 'n1',
    command,
    container: {
      image: ourImage(),
      securityContext: {
        runAsUser: 0,
        capabilities: { drop: ['ALL'], add: capabilities },
        seccompProfile: { type: 'Unconfined' },
      },
      volumeMounts: [
        { name: 'tls', mountPath: '/tls' },
        { name: 'state', mountPath: '/state' },
        { name: 'cgroup', mountPath: '/host-cgroup' },
      ],
      readinessProbe: { httpGet: { path: '/healthz', port, scheme: 'HTTPS' }, periodSeconds: 1 },
    },
    spec: {
      hostPID: true,
      hostNetwork: true,
      serviceAccountName: 'agent',
      volumes: [
        { name: 'tls', secret: { secretName: 'tls' } },
        { name: 'state', hostPath: { path: `/var/lib/zashiki-test/${ns}`, type: 'DirectoryOrCreate' } },
        { name: 'cgroup', hostPath: { path: '/sys/fs/cgroup' } },
      ],
    },
  });
  onTestFinished(() =>
    exec(ns, name, 'find', '/state', '-mindepth', '1', '-delete').then(
      () => {},
      () => {},
    ),
  );
  const endpoint: AgentEndpoint = { url: `https://${ip}:${port}`, tls, serverName };
  const transport = openTransport(endpoint);
  return {
    ns,
    tls,
    endpoint,
    transport,
    on: (target: AgentTarget) =>
      agentCapability(transport, { name: 'n1', target, offers: nodeContainerOffers, leaseMs: 120_000 }),
    /** kill -9 from inside; the kubelet starts it again. */
    async kill() {
      const before = await restarts(ns, name);
      const program = `
        const fs = require('node:fs');
        for (const pid of fs.readdirSync('/proc')) {
          if (!/^\\d+$/.test(pid) || Number(pid) === process.pid) continue;
          try {
            const line = fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8');
            if (line.includes('\\0agent\\0--listen')) process.kill(Number(pid), 'SIGKILL');
          } catch {}
        }`;
      await exec(ns, name, 'node', '-e', program).catch(() => {});
      await eventually(async () => (await restarts(ns, name)) > before);
      await eventually(async () => (await transport('/healthz', null)).status === 200);
    },
  };
}

async function restarts(ns: string, name: string): Promise<number> {
  const now = await look(ns, `pod/${name}`);
  return now.status.containerStatuses[0].restartCount;
}

/** A pod on n1, as the agent is told of it. */
async function victim(ns: string, options: Parameters<typeof pod>[1] = {}) {
  const made = await pod(ns, { node: 'n1', ...options });
  const now = await look(ns, `pod/${made.name}`);
  const id = now.status.containerStatuses[0].containerID as string;
  const target: AgentTarget = { platform: 'node-container', selector: { id, pod: made.uid } };
  return { ...made, id, target };
}

/** A pod beside the others; `get` tells how long an answer takes there, in ms, or null when there is none within 2 s. */
async function neighbor(ns: string) {
  const command = ['node', '-e', 'setInterval(() => {}, 1e6)'];
  const { name } = await pod(ns, { node: 'n1', command, container: { image: ourImage() } });
  return async (ip: string): Promise<number | null> => {
    const program = `
      const from = performance.now();
      const done = (took) => { console.log(JSON.stringify(took)); process.exit(); };
      const asked = require('node:http').get({ host: '${ip}', port: 8080, timeout: 2000 }, (answer) => {
        answer.resume().once('end', () => done(performance.now() - from));
      });
      asked.once('timeout', () => done(null)).once('error', () => done(null));`;
    return JSON.parse(await exec(ns, name, 'node', '-e', program)) as number | null;
  };
}

describe.skipIf(unable)(`an agent in a pod${unable ? `: skipped, ${unable}` : ''}`, () => {
  test('faults on other pods are felt, survive nothing: the agent killed with -9 undoes them when it is back', async () => {
    const agent = await agentPod();
    const cut = await victim(agent.ns, { image: 'echo' });
    const slow = await victim(agent.ns, { image: 'echo' });
    const busy = await victim(agent.ns, { image: 'scratch-sleeper' });
    const answers = await neighbor(agent.ns);
    expect(await answers(cut.ip)).not.toBeNull();
    const orders: readonly (readonly [typeof cut, string, JsonObject])[] = [
      [cut, 'network-partition', { action: 'drop' }],
      [slow, 'network-delay', { latency: '300ms' }],
      [busy, 'cpu-stress', { load: 20 }],
      [busy, 'process-pause', {}],
      [busy, 'pids-exhaust', {}],
    ];
    const done = [];
    for (const [{ target, id }, fault, params] of orders) {
      const [on, context] = [agent.on(target), contextFor()];
      const undo = await on.plan({ fault, params }, context);
      expect(undo.agent.target).toMatchObject({ identity: { container: id.replace('containerd://', '') } });
      await on.inject({ fault, params }, undo, context);
      expect(await on.observe({ fault, params }, undo, context), fault).toMatchObject({ yes: true });
      done.push({ on, fault, params, undo, context });
    }
    // Felt by a neighbor, not just told.
    expect(await answers(cut.ip)).toBeNull();
    expect(await answers(slow.ip)).toBeGreaterThan(290);

    await agent.kill();
    expect(await answers(cut.ip)).not.toBeNull();
    expect(await answers(slow.ip)).toBeLessThan(290);
    for (const { on, fault, undo, context } of done) {
      await on.recover(fault, undo, context);
      expect(await on.verify(fault, undo, context), fault).toMatchObject({ yes: true });
    }
    expect((await agentApi(agent.transport, 'n1').status()).leftovers).toEqual([]);
  });

  test('a process is killed in another pod: its container starts again, and is another target then', async () => {
    const agent = await agentPod();
    const one = await victim(agent.ns, { image: 'scratch-sleeper' });
    const [on, context] = [agent.on(one.target), contextFor()];
    const order = { fault: 'process-kill', params: {} };
    const undo = await on.plan(order, context);
    await on.inject(order, undo, context);
    expect(await on.observe(order, undo, context)).toMatchObject({ yes: true });
    await eventually(async () => (await restarts(agent.ns, one.name)) > 0);
    const same: AgentTarget = { platform: 'node-container', selector: { id: one.id } };
    await expect(agent.on(same).plan(order, contextFor())).rejects.toMatchObject({ code: 'target-gone' });
  });

  test('a container that crashes again and again: the network of its pod can be reached all the same', async () => {
    const agent = await agentPod();
    const [name, image] = ['crashing', 'zashiki-lab/busybox:1'];
    await apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: agent.ns },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': 'n1' },
        dnsPolicy: 'Default',
        containers: [{ name: 'main', image, command: ['false'] }],
      },
    });
    const now = await eventually(async () => {
      const seen = await look(agent.ns, `pod/${name}`);
      return seen.status.containerStatuses?.[0]?.lastState?.terminated ? seen : false;
    });
    const id = now.status.containerStatuses[0].lastState.terminated.containerID;
    const on = agent.on({ platform: 'node-container', selector: { id, pod: now.metadata.uid } });
    const [order, context] = [{ fault: 'network-partition', params: { action: 'drop' } }, contextFor()];
    const undo = await on.plan(order, context);
    expect(undo.agent.target).toMatchObject({ identity: { network: true } });
    await on.inject(order, undo, context);
    expect(await on.observe(order, undo, context)).toMatchObject({ yes: true });
    await on.recover(order.fault, undo, context);
    expect(await on.verify(order.fault, undo, context)).toMatchObject({ yes: true });
  });

  test('service-account tokens: the right account and audience are let in, nobody else', async () => {
    const agent = await agentPod();
    const folder = testFolder();
    const status = async (account: string, of: string) => {
      const tokenFile = join(folder, `${account}-${of}`);
      writeFileSync(tokenFile, await kubectl(['-n', agent.ns, 'create', 'token', account, `--audience=${of}`]));
      return (await openTransport({ ...agent.endpoint, tokenFile })('/v1/status', null)).status;
    };
    expect(await status('controller', audience)).toBe(200);
    expect(await status('stranger', audience)).toBe(403);
    expect(await status('controller', 'something-else')).toBe(401);
  });

  test('zashiki agent call, through the API server: no certificate is needed', async () => {
    const agent = await agentPod();
    const said = await exec(
      agent.ns,
      'agent',
      '/zashiki',
      'agent',
      'call',
      '/v1/status',
      '--url',
      'unix:/run/zashiki-agent.sock',
    );
    expect(JSON.parse(said)).toMatchObject({ status: 200, body: { name: 'n1', injections: [] } });
  });
});
