import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../docker/proc.ts';
import { LabError } from '../vm/say.ts';
import { makeGroup } from './cgroups.ts';
import type { Machine, Program } from './machine.ts';
import { inside } from './machine.ts';
import type { Parts } from './parts.ts';
import type { NodeNet } from './place.ts';

/** The programs of a node. */
export interface NodePrograms {
  readonly containerd: Program;
  readonly kubelet: Program;
  readonly proxy: Program;
  startKubelet(): Program;
}

/** Where a node's programs find each other: the places that they have on most clusters. */
export const containerdSocket = '/run/containerd/containerd.sock';

/** Start containerd, kubelet and kube-proxy on a machine. `load` brings images in before the kubelet starts. */
export async function startNode(
  parts: Parts,
  node: NodeNet,
  machine: Machine,
  load: () => Promise<void>,
): Promise<NodePrograms> {
  const settings = join(parts.place.folder, 'settings', node.name);
  mkdirSync(join(settings, 'cni'), { recursive: true });
  const put = (name: string, text: string | object) => {
    writeFileSync(join(settings, name), typeof text === 'string' ? text : JSON.stringify(text, null, 2));
    return join(settings, name);
  };
  put('cni/10-pods.conflist', podNetwork(node));
  put('cni/99-loopback.conf', { cniVersion: '0.4.0', name: 'lo', type: 'loopback' });
  const containerd = machine.start('containerd', [
    'containerd',
    '--config',
    put('containerd.toml', containerdText(settings)),
  ]);
  const socket = join('/proc', String(machine.pid), 'root', containerdSocket);
  if (!(await until(() => containerd.ended || existsSync(socket), 30_000)) || containerd.ended)
    throw new LabError(
      `containerd of ${node.name} did not start:\n${containerd.lastLines()}`,
      `see ${parts.place.logs}`,
    );
  await load();
  const group = makeGroup(`${parts.place.cgroup}/${node.name}`);
  const config = put('kubelet.json', kubeletConfig(parts, node, group, put('resolv.conf', '')));
  const kubeconfig = parts.pki.kubeconfig(node.name);
  const names = [`--hostname-override=${node.name}`, `--node-ip=${node.address}`];
  const argv = [join(parts.programs, 'kubelet'), '--config', config, '--kubeconfig', kubeconfig, ...names];
  const startKubelet = () => machine.start('kubelet', argv);
  const proxy = machine.start('kube-proxy', [
    join(parts.programs, 'kube-proxy'),
    '--config',
    writeProxyConfig(parts, machine, node.name),
  ]);
  return { containerd, proxy, startKubelet, kubelet: startKubelet() };
}

/** Arguments that run containerd's command line on a node. */
export const ctr = (machine: Pick<Machine, 'pid'>): readonly string[] => [
  ...inside(machine.pid, 'mount'),
  'ctr',
  `--address=${containerdSocket}`,
  '--namespace=k8s.io',
];

/** Pods hang on the node by a cable each: all that they send is routed by the node, also to their neighbours. */
const podNetwork = (node: NodeNet) => ({
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'ptp',
      ipMasq: false,
      ipam: {
        type: 'host-local',
        dataDir: '/run/cni',
        ranges: [[{ subnet: node.pods }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});

const unused = [
  'snapshotter.v1.btrfs',
  'snapshotter.v1.zfs',
  'snapshotter.v1.devmapper',
  'snapshotter.v1.aufs',
  'internal.v1.opt',
];

const containerdText = (settings: string): string => `version = 2
oom_score = 0
disabled_plugins = ${JSON.stringify(unused.map((name) => `io.containerd.${name}`))}
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "lab.local/pause:1"
  # Without it no container starts where CAP_SYS_RESOURCE is missing.
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${settings}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;

const kubeletConfig = ({ pki }: Parts, node: NodeNet, cgroupRoot: string, resolvConf: string) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: pki.ca } },
  authorization: { mode: 'Webhook' },
  tlsCertFile: pki.cert(node.name),
  tlsPrivateKeyFile: pki.key(node.name),
  containerRuntimeEndpoint: `unix://${containerdSocket}`,
  cgroupDriver: 'cgroupfs',
  cgroupRoot,
  enforceNodeAllocatable: [],
  failSwapOn: false,
  oomScoreAdj: 0,
  maxOpenFiles: 20_000,
  resolvConf,
  clusterDomain: 'cluster.local',
  address: node.address,
  healthzBindAddress: '127.0.0.1',
  readOnlyPort: 0,
  evictionHard: {
    'nodefs.available': '0%',
    'nodefs.inodesFree': '0%',
    'imagefs.available': '0%',
    'memory.available': '100Mi',
  },
  imageGCHighThresholdPercent: 100,
  nodeStatusUpdateFrequency: '4s',
  nodeLeaseDurationSeconds: 16,
  serializeImagePulls: true,
  registerNode: true,
  volumePluginDir: '/var/lib/kubelet/plugins',
});

/** Settings of kube-proxy on a machine; returns the file. */
export function writeProxyConfig({ place, net, pki }: Parts, machine: Machine, node: string): string {
  const folder = join(place.folder, 'settings', machine.name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'kube-proxy.json');
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: pki.kubeconfig('proxy') },
    mode: 'iptables',
    clusterCIDR: net.pods,
    hostnameOverride: node,
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    oomScoreAdj: 0,
  };
  writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}
