import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../vm/programs.ts';
import { LabError, type Say } from '../vm/say.ts';
import { cacheFolder } from './place.ts';

/** What the lab builds from Go modules, each in a folder of its own under go/. */
export type Product = 'kube' | 'kwok' | 'helm';

const names: Readonly<Record<Product, readonly string[]>> = {
  kube: ['kube-apiserver', 'kube-controller-manager', 'kube-proxy', 'kube-scheduler', 'kubelet'],
  kwok: ['kwok'],
  helm: ['helm'],
};

const source = (product: Product): string => join(import.meta.dirname, 'go', product);

/** The version of Kubernetes that the lab runs, as go.mod says. */
export const kubernetesVersion = (): string =>
  /k8s\.io\/kubernetes (v[\d.]+)/.exec(readFileSync(join(source('kube'), 'go.mod'), 'utf8'))?.[1] ?? '';

/** What is asked for more than once in a build. */
interface Bench {
  readonly say: Say;
  readonly signal: AbortSignal;
}

/** Folder with the programs of a product; built when the cache has none of this source (minutes; Go and its module proxy). */
export async function ensureBuilt(product: Product, { say, signal }: Bench): Promise<string> {
  const go = await run(['go', 'env', 'GOVERSION', 'GOARCH'], { signal }).catch((cause) => {
    throw new LabError('Go is not installed, and Kubernetes is not in the cache', 'install Go 1.24 or later', {
      cause,
    });
  });
  const hash = createHash('sha256').update(`${product}\n${go}${flagsOf(product).join('\n')}`);
  for (const file of readdirSync(source(product)).sort()) hash.update(readFileSync(join(source(product), file)));
  const key = `${product}-${hash.digest('hex').slice(0, 16)}`;
  const cache = join(cacheFolder(), 'programs');
  const folder = join(cache, key);
  if (!existsSync(folder)) {
    await mkdir(cache, { recursive: true });
    const release = await lock(key, say, signal);
    try {
      if (!existsSync(folder)) await build(product, cache, folder, { say, signal });
    } finally {
      await release();
    }
  }
  await utimes(folder, new Date(), new Date()).catch(() => {});
  return folder;
}

async function build(product: Product, cache: string, folder: string, { say, signal }: Bench): Promise<void> {
  say(`building ${product} from its Go modules: minutes, once`);
  const making = join(cache, `building-${randomUUID()}`);
  try {
    await mkdir(making);
    const env = {
      ...process.env,
      CGO_ENABLED: '0',
      GOWORK: 'off',
      GOFLAGS: '-mod=readonly -modcacherw -buildvcs=false',
    };
    const argv = [
      'go',
      'build',
      '-p',
      '2',
      '-trimpath',
      ...flagsOf(product),
      '-o',
      join(making, product),
      packageOf(product),
    ];
    await run(['nice', '-n', '5', ...argv], { signal, cwd: source(product), env });
    for (const name of names[product]) if (name !== product) await symlink(product, join(making, name));
    await writeFile(join(making, 'made'), `${new Date().toISOString()}\n`);
    await rename(making, folder);
    say(`${product} is built`);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  // The two used last of each product stay.
  const old = readdirSync(cache)
    .filter((name) => name.startsWith(`${product}-`))
    .map((name) => ({ name, usedAt: statSync(join(cache, name)).mtimeMs }))
    .sort((a, b) => b.usedAt - a.usedAt)
    .slice(2);
  for (const { name } of old) await rm(join(cache, name), { recursive: true, force: true });
}

function flagsOf(product: Product): readonly string[] {
  if (product !== 'kube') return ['-ldflags', '-s -w'];
  const version = kubernetesVersion();
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const set = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const variables = Object.entries(set).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ['-tags', 'providerless', '-ldflags', ['-s', '-w', ...variables].join(' ')];
}

function packageOf(product: Product): string {
  return { kube: '.', kwok: 'sigs.k8s.io/kwok/cmd/kwok', helm: 'helm.sh/helm/v3/cmd/helm' }[product];
}

const lockPrefix = 'zashiki-lab-kubernetes-build-';

/** Does anybody build into the cache, or start a cluster from it? Of all that share this machine's network. */
export const isCacheHeld = (): boolean =>
  readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .some((line) => line.includes(` @${lockPrefix}`));

/** Hold the cache while `work` is done: `--clean` leaves it alone meanwhile. */
export async function holdingCache<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const release = await lock(randomUUID(), () => {}, signal);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Hold a name that one process can have at a time; the kernel frees it when its owner ends, however it ends. */
async function lock(name: string, say: Say, signal: AbortSignal): Promise<() => Promise<void>> {
  for (let told = false; ; told = true) {
    signal.throwIfAborted();
    const server = createServer();
    const held = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(`\0${lockPrefix}${name}`, () => resolve(true));
    });
    if (held) return () => new Promise((resolve) => server.close(() => resolve()));
    if (!told) say(`${name} is being built by somebody else, waiting for it`);
    await sleep(300, undefined, { signal }).catch(() => {});
  }
}
