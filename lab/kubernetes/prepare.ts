import { existsSync } from 'node:fs';
import { baseTar } from '../docker/our-image.ts';
import { placeOf as dockerPlaceOf } from '../docker/place.ts';
import { ensurePrograms, missing } from '../vm/programs.ts';
import { LabError, type Say } from '../vm/say.ts';
import { ensureBuilt } from './build.ts';
import { labImages } from './images.ts';
import { cacheFolder } from './place.ts';
import type { KeeperOptions } from './protocol.ts';

/** Programs of this machine that the lab runs, and their Debian packages. */
const hostPrograms: Readonly<Record<string, string>> = {
  etcd: 'etcd-server',
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  busybox: 'busybox-static',
  ip: 'iproute2',
  iptables: 'iptables',
  mmdebstrap: 'mmdebstrap',
  openssl: 'openssl',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  hostname: 'hostname',
  tar: 'tar',
  kubectl: 'kubernetes-client',
  'containernetworking-plugins': 'containernetworking-plugins',
};

const plugins = '/usr/lib/cni/ptp';

/** Why no cluster can run here; undefined when it can, perhaps after an installation and a build. */
export function lacks(): string | undefined {
  if (process.getuid?.() !== 0) return 'a lab cluster needs root';
  const absent = absentPrograms();
  if (absent.length > 0 && missing(['apt-get']).length > 0) return `not installed: ${absent.join(', ')}`;
  if (missing(['go']).length > 0) return 'Go is not installed, which builds Kubernetes from its modules';
  return undefined;
}

const absentPrograms = (): readonly string[] => [
  ...missing(Object.keys(hostPrograms).filter((name) => name !== 'containernetworking-plugins')),
  ...(existsSync(plugins) ? [] : ['containernetworking-plugins']),
];

/** All that must be there before a cluster starts: programs, Kubernetes, images. Minutes when the cache is empty. */
export async function prepare(say: Say, signal: AbortSignal): Promise<KeeperOptions> {
  await ensureInstalled(say, signal);
  const [programs, { file, missing: without }] = await Promise.all([ensureBuilt('kube', { say, signal }), labImages()]);
  return { programs, images: [file], missing: without };
}

/** All that any use of the lab would build on its way: also the simulator of nodes, Helm, and the base of our image. */
export async function prepareAll(say: Say, signal: AbortSignal): Promise<void> {
  await ensureInstalled(say, signal);
  await Promise.all([
    baseTar(dockerPlaceOf().cache),
    prepare(say, signal)
      .then(() => ensureBuilt('kwok', { say, signal }))
      .then(() => ensureBuilt('helm', { say, signal })),
  ]);
}

async function ensureInstalled(say: Say, signal: AbortSignal): Promise<void> {
  const why = lacks();
  if (why) throw new LabError(why, 'run it as root on Debian, with Go 1.24 or later');
  for (const hidden of ['/var', '/run'])
    if (`${cacheFolder()}/`.startsWith(`${hidden}/`))
      throw new LabError(
        `the cache ${cacheFolder()} is in ${hidden}`,
        'set XDG_CACHE_HOME: nodes have a /var and /run of their own',
      );
  const absent = absentPrograms();
  if (absent.length > 0) await install(absent, say, signal);
}

async function install(absent: readonly string[], say: Say, signal: AbortSignal): Promise<void> {
  // The package of the plugins has no program on the search path: it counts as missing until its folder is there.
  await ensurePrograms(absent, say, signal, hostPrograms).catch((error) => {
    if (absentPrograms().length > 0) throw error;
  });
}
