import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError } from '../vm/say.ts';
import { auditFlags } from './audit.ts';
import type { Machine, Program } from './machine.ts';
import { writeProxyConfig } from './node.ts';
import type { Parts } from './parts.ts';

/** The running control plane. */
export interface ControlPlane {
  readonly machine: Machine;
  apiServer: Program;
  readonly others: readonly Program[];
}

/** Start etcd, API server, controller manager, scheduler and kube-proxy; resolves when the API server is ready. */
export async function startControlPlane(parts: Parts, machine: Machine): Promise<ControlPlane> {
  const { pki, net, programs } = parts;
  const etcd = machine.start('etcd', [
    'etcd',
    ...['--data-dir', join(machine.disk, 'etcd'), '--unsafe-no-fsync', '--logger=zap', '--log-level=warn'],
    ...['--listen-client-urls', 'http://127.0.0.1:2379', '--advertise-client-urls', 'http://127.0.0.1:2379'],
    ...['--listen-peer-urls', 'http://127.0.0.1:2380', '--initial-advertise-peer-urls', 'http://127.0.0.1:2380'],
    ...['--initial-cluster', 'default=http://127.0.0.1:2380'],
  ]);
  const apiServer = await startApiServer(parts, machine, etcd);
  const quiet = ['--leader-elect=false', '--bind-address=127.0.0.1'];
  const manager = machine.start('kube-controller-manager', [
    join(programs, 'kube-controller-manager'),
    ...quiet,
    ...['--kubeconfig', pki.kubeconfig('manager'), `--cert-dir=${join(machine.disk, 'manager')}`],
    ...['--service-account-private-key-file', pki.serviceAccountKey, '--root-ca-file', pki.ca],
    ...['--cluster-signing-cert-file', pki.ca, '--cluster-signing-key-file', pki.caKey],
    '--use-service-account-credentials=true',
    '--controllers=*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller,-service-lb-controller',
    '--node-monitor-grace-period=20s',
    // More than the defaults: thousands of simulated pods.
    ...['--kube-api-qps=200', '--kube-api-burst=400'],
    `--flex-volume-plugin-dir=${join(machine.disk, 'plugins')}`,
  ]);
  const scheduler = machine.start('kube-scheduler', [
    join(programs, 'kube-scheduler'),
    ...quiet,
    ...['--kubeconfig', pki.kubeconfig('scheduler'), `--cert-dir=${join(machine.disk, 'scheduler')}`],
    ...['--kube-api-qps=200', '--kube-api-burst=400'],
  ]);
  // Services answer on the way from this machine and from the API server too.
  const proxy = machine.start('kube-proxy', [
    join(programs, 'kube-proxy'),
    '--config',
    writeProxyConfig(parts, machine, net.nodes[0]?.name ?? ''),
  ]);
  return { machine, apiServer, others: [etcd, manager, scheduler, proxy] };
}

/** Start the API server and wait until it is ready. */
export async function startApiServer(parts: Parts, machine: Machine, etcd?: Program): Promise<Program> {
  const { pki, net, programs, api, signal } = parts;
  const server = machine.start('kube-apiserver', [
    join(programs, 'kube-apiserver'),
    ...['--etcd-servers=http://127.0.0.1:2379', '--bind-address=0.0.0.0', '--secure-port=6443'],
    ...[`--advertise-address=${net.controlPlane}`, `--service-cluster-ip-range=${net.services}`],
    ...['--authorization-mode=Node,RBAC', '--enable-admission-plugins=NodeRestriction', '--allow-privileged=true'],
    ...[`--client-ca-file=${pki.ca}`, `--tls-cert-file=${pki.cert('apiserver')}`],
    `--tls-private-key-file=${pki.key('apiserver')}`,
    ...[`--kubelet-client-certificate=${pki.cert('to-kubelets')}`, `--kubelet-client-key=${pki.key('to-kubelets')}`],
    ...[`--kubelet-certificate-authority=${pki.ca}`, '--kubelet-preferred-address-types=InternalIP'],
    ...[
      `--service-account-key-file=${pki.serviceAccountPublic}`,
      '--service-account-issuer=https://kubernetes.default.svc',
    ],
    `--service-account-signing-key-file=${pki.serviceAccountKey}`,
    // Webhooks go straight to the pods behind a Service.
    '--enable-aggregator-routing=true',
    ...['--default-not-ready-toleration-seconds=30', '--default-unreachable-toleration-seconds=30'],
    `--cert-dir=${join(machine.disk, 'apiserver')}`,
    ...auditFlags(parts.place),
  ]);
  const end = performance.now() + 120_000;
  while (!(await api.ready())) {
    signal.throwIfAborted();
    for (const [name, program] of Object.entries({ etcd, 'kube-apiserver': server }))
      if (program?.ended) throw new LabError(`${name} ended:\n${program.lastLines()}`, `see ${parts.place.logs}`);
    if (performance.now() > end)
      throw new LabError(`the API server is not ready after 120 s:\n${server.lastLines()}`, `see ${parts.place.logs}`);
    await sleep(100, undefined, { signal });
  }
  return server;
}
