import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../vm/programs.ts';
import type { Net, Place } from './place.ts';

/** Who has a certificate: the name and the group that the API server sees, and the addresses it may serve. */
interface Subject {
  readonly file: string;
  readonly name: string;
  readonly group?: string;
  readonly serves?: readonly string[];
}

/** Keys and certificates of a cluster, by file. */
export interface Pki {
  readonly ca: string;
  readonly caKey: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublic: string;
  cert(file: string): string;
  key(file: string): string;
  /** A kubeconfig file for this certificate. */
  kubeconfig(file: string): string;
}

const subjects = (net: Net): readonly Subject[] => [
  {
    file: 'apiserver',
    name: 'kube-apiserver',
    serves: [
      ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map((name) => `DNS:${name}`),
      ...['127.0.0.1', net.controlPlane, firstOf(net.services)].map((address) => `IP:${address}`),
    ],
  },
  { file: 'to-kubelets', name: 'kube-apiserver-kubelet-client', group: 'system:masters' },
  { file: 'admin', name: 'admin', group: 'system:masters' },
  { file: 'manager', name: 'system:kube-controller-manager' },
  { file: 'scheduler', name: 'system:kube-scheduler' },
  { file: 'proxy', name: 'system:kube-proxy' },
  ...net.nodes.map(({ name, address }) => ({
    file: name,
    name: `system:node:${name}`,
    group: 'system:nodes',
    serves: [`DNS:${name}`, `IP:${address}`],
  })),
];

const firstOf = (range: string): string => range.replace(/\.0\/\d+$/, '.1');

/** Make a certificate authority and all that it signs; kubeconfig files with the keys in them. */
export async function makePki(place: Place, net: Net, signal: AbortSignal): Promise<Pki> {
  const folder = join(place.folder, 'pki');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const at = (name: string) => join(folder, name);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const openssl = (...args: string[]) => run(['openssl', ...args], { signal });
  const forever = ['-days', '3650'];
  await openssl(
    ...[
      'req',
      '-x509',
      ...curve,
      ...forever,
      '-subj',
      '/CN=zashiki-lab',
      '-keyout',
      at('ca.key'),
      '-out',
      at('ca.crt'),
    ],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature'],
  );
  await Promise.all(
    subjects(net).map(async ({ file, name, group, serves }) => {
      const subject = `${group ? `/O=${group}` : ''}/CN=${name}`;
      const alternatives = serves ? ['-addext', `subjectAltName=${serves.join(',')}`] : [];
      await openssl(
        ...['req', '-x509', '-CA', at('ca.crt'), '-CAkey', at('ca.key'), ...curve, ...forever, '-subj', subject],
        ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth,clientAuth'],
        ...alternatives,
        ...['-keyout', at(`${file}.key`), '-out', at(`${file}.crt`)],
      );
    }),
  );
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('accounts.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  writeFileSync(at('accounts.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const kubeconfig = (file: string) => {
    const to = file === 'admin' ? place.kubeconfig : at(`${file}.kubeconfig`);
    writeFileSync(to, kubeconfigText(place.name, net, at('ca.crt'), at(`${file}.crt`), at(`${file}.key`)), {
      mode: 0o600,
    });
    return to;
  };
  return {
    ca: at('ca.crt'),
    caKey: at('ca.key'),
    serviceAccountKey: at('accounts.key'),
    serviceAccountPublic: at('accounts.pub'),
    cert: (file) => at(`${file}.crt`),
    key: (file) => at(`${file}.key`),
    kubeconfig,
  };
}

function kubeconfigText(name: string, net: Net, ca: string, cert: string, key: string): string {
  const data = (file: string) => readFileSync(file).toString('base64');
  const server = `https://${net.controlPlane}:6443`;
  // JSON is YAML.
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server, 'certificate-authority-data': data(ca) } }],
      users: [{ name, user: { 'client-certificate-data': data(cert), 'client-key-data': data(key) } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    },
    null,
    2,
  )}\n`;
}
