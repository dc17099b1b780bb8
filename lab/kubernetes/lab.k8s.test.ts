import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
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
  unique,
} from '../../test/fixtures/kubernetes.ts';
import { kill, textOf, until } from '../docker/proc.ts';
import { traces } from './clean.ts';
import { clusterStatus, startCluster } from './index.ts';
import { placeOf } from './place.ts';

/** What a TCP port says when it is connected to, from a pod. */
const ask = (ns: string, from: string, address: string, port: number) =>
  exec(ns, from, 'sh', '-c', `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${address} ${port}`);

const get = async (url: string) => await (await fetch(url, { signal: AbortSignal.timeout(10_000) })).text();

const nodeStatus = async (name: string, type = 'Ready'): Promise<string> => {
  const node = await (await cluster()).api.call('GET', `/api/v1/nodes/${name}`);
  return node.status.conditions.find((condition: { type: string }) => condition.type === type).status;
};
const isReady = async (name: string) => (await nodeStatus(name)) === 'True';
const isNotReady = async (name: string) => (await nodeStatus(name)) !== 'True';

async function nodeOf(name: string) {
  const node = (await cluster()).nodes.find((each) => each.name === name);
  if (!node) throw new Error(`no node ${name}`);
  return node;
}

describe.skipIf(unable)('the lab cluster', () => {
  test('has two real nodes, and all of it is one version', async () => {
    const { items } = JSON.parse(await kubectl(['get', 'nodes', '-o', 'json']));
    const real = items.filter((node: { metadata: { name: string } }) => /^n\d$/.test(node.metadata.name));
    expect(real.map((node: { metadata: { name: string } }) => node.metadata.name)).toEqual(['n1', 'n2']);
    expect(await isReady('n1')).toBe(true);
    expect(await isReady('n2')).toBe(true);
    const { gitVersion } = JSON.parse(await kubectl(['get', '--raw', '/version']));
    expect(gitVersion).toMatch(/^v1\.\d+\.\d+$/);
    for (const { status } of real) expect(status.nodeInfo.kubeletVersion).toBe(gitVersion);
  });

  test('pods reach each other across nodes and through a Service; exec, logs and port-forward work', async () => {
    const ns = await namespace();
    const here = await pod(ns, { node: 'n1' });
    const there = await pod(ns, { node: 'n2', image: 'echo', labels: { app: 'echo' } });
    expect(await exec(ns, here.name, 'ping', '-c', '1', '-W', '3', there.ip)).toContain('1 packets received');
    expect(await ask(ns, here.name, there.ip, 8080)).toContain(`hello from ${there.name}`);
    const spec = { selector: { app: 'echo' }, ports: [{ port: 80, targetPort: 8080 }] };
    await apply({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'echo', namespace: ns }, spec });
    const { clusterIP } = (await (await cluster()).api.call('GET', `/api/v1/namespaces/${ns}/services/echo`)).spec;
    await eventually(async () => (await ask(ns, here.name, clusterIP, 80)).includes('hello from'));
    // A pod reaches itself through its Service; another node and this machine reach it as well.
    await eventually(async () => (await ask(ns, there.name, clusterIP, 80)).includes('hello from'));
    await eventually(async () => (await get(`http://${clusterIP}/`)).includes('hello from'));
    expect(await get(`http://${there.ip}:8080/ok`)).toBe('ok\n');
    await pod(ns, { name: 'talker', command: ['sh', '-c', 'echo a word; sleep 1000'] });
    expect(await kubectl(['-n', ns, 'logs', 'talker'])).toBe('a word\n');
    const { kubeconfig } = await cluster();
    const forward = spawn('kubectl', ['--kubeconfig', kubeconfig, '-n', ns, 'port-forward', there.name, ':8080']);
    onTestFinished(() => void forward.kill('SIGKILL'));
    const [line] = await once(createInterface({ input: forward.stdout }), 'line');
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(String(line)) ?? [];
    expect(await get(`http://127.0.0.1:${port}/ok`)).toBe('ok\n');
  });

  test('our image runs, with the tools that faults use, also as an agent that reaches into other pods', async () => {
    const ns = await namespace();
    const target = await pod(ns, { node: 'n1', image: 'scratch-sleeper' });
    const agent = await pod(ns, {
      node: 'n1',
      command: ['sleep', '3600'],
      container: {
        image: ourImage(),
        securityContext: { capabilities: { add: ['SYS_ADMIN', 'SYS_PTRACE', 'NET_ADMIN'] } },
        volumeMounts: [{ name: 'containerd', mountPath: '/run/containerd/containerd.sock' }],
      },
      spec: {
        hostPID: true,
        volumes: [{ name: 'containerd', hostPath: { path: '/run/containerd/containerd.sock', type: 'Socket' } }],
      },
    });
    for (const tool of ['node', 'nsenter', 'ip', 'tc', 'nft', 'iptables', 'ping', 'stress-ng', 'perl', 'ctr'])
      expect(await exec(ns, agent.name, 'sh', '-c', `command -v ${tool}`)).not.toBe('');
    expect(await exec(ns, agent.name, '/zashiki', '--version')).toMatch(/\d/);
    const { api } = await cluster();
    const { status } = await api.call('GET', `/api/v1/namespaces/${ns}/pods/${target.name}`);
    const id = status.containerStatuses[0].containerID.replace('containerd://', '');
    const tasks = await exec(ns, agent.name, 'ctr', '-n', 'k8s.io', 'tasks', 'ls');
    const pid = new RegExp(`^${id}\\s+(\\d+)`, 'm').exec(tasks)?.[1] ?? '';
    const address = await exec(ns, agent.name, 'nsenter', '--target', pid, '--net', 'ip', '-4', '-o', 'address');
    expect(address).toContain(target.ip);
    // What runs on the other node and on this machine cannot be seen from there.
    const pids = await exec(ns, agent.name, 'sh', '-c', 'cat /proc/[0-9]*/comm');
    expect(pids.match(/^kubelet$/gm)).toHaveLength(1);
  });

  test('webhooks at an address of this machine are asked', async () => {
    const { host, api } = await cluster();
    const asked: string[] = [];
    const name = unique('deny');
    const { key, cert } = await selfSigned(host);
    const server = createServer({ key, cert }, async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const { uid, object } = JSON.parse(text).request;
      asked.push(object.metadata.name);
      const allowed = object.metadata.name !== 'bad';
      const answer = { uid, allowed, status: { message: 'not this one' } };
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
    }).listen(0, host);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const ns = await namespace({ [name]: 'yes' });
    await apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name },
      webhooks: [
        {
          name: `${name}.zashiki.dev`,
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          namespaceSelector: { matchLabels: { [name]: 'yes' } },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
          clientConfig: { url: `https://${host}:${port}/`, caBundle: Buffer.from(cert).toString('base64') },
        },
      ],
    });
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
    onTestFinished(() => api.call('DELETE', `${path}/${name}`));
    const make = (it: string) => api.call('POST', `/api/v1/namespaces/${ns}/configmaps`, { metadata: { name: it } });
    await eventually(async () => {
      await make(unique('good'));
      return asked.length > 0;
    });
    await expect(make('bad')).rejects.toThrow(/not this one/);
  });

  test('a node that is rebooted loses all containers, and its pods come back', async () => {
    const ns = await namespace();
    const { name } = await pod(ns, { node: 'n2', command: ['sh', '-c', 'date +%s%N; sleep 10000'] });
    const before = await kubectl(['-n', ns, 'logs', name]);
    const node = await nodeOf('n2');
    onTestFinished(() => node.start());
    const first = await node.pid();
    await node.kill();
    expect(await node.pid()).toBeUndefined();
    expect(textOf(`/proc/${first}/stat`)).toBe('');
    await eventually(() => isNotReady('n2'));
    await node.start();
    await eventually(() => isReady('n2'));
    await eventually(async () => (await kubectl(['-n', ns, 'logs', name])) !== before);
    const { status } = await (await cluster()).api.call('GET', `/api/v1/namespaces/${ns}/pods/${name}`);
    expect(status.containerStatuses[0].restartCount).toBeGreaterThan(0);
  });

  test('a node that is cut off is NotReady while its pods go on, and Ready again when it is back', async () => {
    const ns = await namespace();
    const near = await pod(ns, { node: 'n1' });
    const far = await pod(ns, { node: 'n2' });
    const node = await nodeOf('n2');
    onTestFinished(() => node.mend());
    await node.cut();
    await expect(exec(ns, near.name, 'ping', '-c', '1', '-W', '2', far.ip)).rejects.toThrow();
    await eventually(() => isNotReady('n2'));
    await node.mend();
    await eventually(() => isReady('n2'));
    expect(await exec(ns, near.name, 'ping', '-c', '1', '-W', '5', far.ip)).toContain('1 packets received');
    const { status } = await (await cluster()).api.call('GET', `/api/v1/namespaces/${ns}/pods/${far.name}`);
    expect(status.containerStatuses[0].restartCount).toBe(0);
  });

  test('the API server goes away and comes back; pods do not notice', async () => {
    const ns = await namespace();
    const { name } = await pod(ns);
    const { apiServer, api } = await cluster();
    onTestFinished(() => apiServer.start());
    await apiServer.stop();
    expect(await api.ready()).toBe(false);
    await expect(kubectl(['get', 'nodes', '--request-timeout=2s'])).rejects.toThrow();
    await apiServer.start();
    await eventually(async () => (await exec(ns, name, 'echo', 'still here')) === 'still here\n');
    const { status } = await api.call('GET', `/api/v1/namespaces/${ns}/pods/${name}`);
    expect(status.containerStatuses[0].restartCount).toBe(0);
  });

  test('simulated nodes and pods are Ready and Running', async () => {
    const ns = await namespace();
    const simulated = await (await cluster()).simulate({ nodes: 3, pods: 30, namespace: ns });
    const { items } = JSON.parse(await kubectl(['-n', ns, 'get', 'pods', '-o', 'json']));
    expect(items.filter((item: { status: { phase: string } }) => item.status.phase === 'Running')).toHaveLength(30);
    await simulated.remove();
    await eventually(async () => (await kubectl(['get', 'nodes', '-o', 'name'])).trim().split('\n').length === 2);
  });

  test('a Deployment heals itself', async () => {
    const ns = await namespace();
    const labels = { app: 'web' };
    await apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: ns },
      spec: { replicas: 2, selector: { matchLabels: labels }, template: podTemplate({ image: 'echo', labels }) },
    });
    await kubectl(['-n', ns, 'rollout', 'status', 'deployment/web', '--timeout=120s']);
    await kubectl(['-n', ns, 'delete', 'pods', '-l', 'app=web', '--wait=true']);
    await kubectl(['-n', ns, 'rollout', 'status', 'deployment/web', '--timeout=120s']);
  });
});

describe.skipIf(unable)('a cluster of its own', () => {
  const name = unique('own').slice(0, 16);
  const children: ChildProcess[] = [];
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  /** Another process that holds the cluster and then only waits. */
  async function holder() {
    const index = pathToFileURL(`${import.meta.dirname}/index.ts`).href;
    const script = `import(${JSON.stringify(index)}).then(async ({ startCluster }) => { const c = await startCluster({ name: process.argv[1] }); console.log(c.kubeconfig); setInterval(() => {}, 1e6); })`;
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', script, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), once(child, 'close')]);
    expect(String(line)).toMatch(/kubeconfig$/);
    return child;
  }

  test('lives beside the other, stays while anybody holds it, and leaves nothing when its last owner is killed', async () => {
    const [child, mine] = await Promise.all([holder(), startCluster({ name })]);
    expect(mine.server).not.toBe((await cluster()).server);
    const run = ['run', 'one', '--image=zashiki-lab/busybox:1', '--restart=Never', '--', 'sleep', '1000'];
    await mine.kubectl(run);
    await mine.kubectl(['wait', '--for=condition=Ready', '--timeout=120s', 'pod/one']);
    await mine.remove();
    expect((await clusterStatus(name))?.holders).toBe(1);
    expect(traces(placeOf(name))).not.toEqual([]);
    child.kill('SIGKILL');
    await until(() => traces(placeOf(name)).length === 0, 60_000);
    expect(traces(placeOf(name))).toEqual([]);
    expect(await clusterStatus(name)).toBeUndefined();
  });

  test('a killed keeper takes all processes along; what is left of it goes when the next one starts', async () => {
    const child = await holder();
    const { keeper = 0, machines = {} } = (await clusterStatus(name)) ?? {};
    expect(Object.keys(machines)).toEqual(['control', 'n1', 'n2']);
    kill(keeper);
    const alive = () => Object.values(machines).filter((pid) => textOf(`/proc/${pid}/stat`) !== '');
    expect(await until(() => alive().length === 0, 30_000)).toBe(true);
    // The cable may stay for a while: the kernel takes network namespaces down one after another, when it has time.
    const held = () => traces(placeOf(name)).filter((trace) => /^(process|mount)/.test(trace));
    await until(() => held().length === 0, 30_000);
    expect(held()).toEqual([]);
    child.kill('SIGKILL');
    const mine = await startCluster({ name });
    await mine.remove();
    expect(traces(placeOf(name))).toEqual([]);
  });
});

async function selfSigned(address: string) {
  const make = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=webhook', '-addext', `subjectAltName=IP:${address}`];
  const { stdout } = await promisify(execFile)('openssl', [...make, ...names, '-keyout', '-', '-out', '-']);
  const part = (what: string) =>
    new RegExp(`-----BEGIN ${what}-----[^]*?-----END ${what}-----`).exec(stdout)?.[0] ?? '';
  return { key: part('PRIVATE KEY'), cert: part('CERTIFICATE') };
}
