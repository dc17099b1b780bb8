import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { call } from './api.ts';

const run = promisify(execFile);
const checkout = join(import.meta.dirname, '../..');

/** What deploy/Dockerfile installs into its base; the lab's base has it already, so that a build needs no network. */
const packages = ['iproute2', 'iptables', 'nftables', 'iputils-ping', 'stress-ng', 'libstdc++6'];
const base = 'zashiki-lab/base';
const ctr = '/usr/bin/ctr';

/**
 * Build deploy/Dockerfile from this checkout's dist/ in an engine, upon a base of Debian and this machine's Node.
 * Returns the image's name. The base is made once (mmdebstrap, about a minute) and kept in `cache`.
 */
export async function buildOurImage(
  socket: string,
  target: 'zashiki' | 'pumba',
  cache: string,
  name = `zashiki-lab/our-${target}`,
): Promise<string> {
  const images: { RepoTags: string[] | null }[] = JSON.parse(await call(socket, 'GET', '/images/json'));
  if (!images.some(({ RepoTags }) => RepoTags?.includes(`${base}:latest`))) {
    const query = new URLSearchParams({ fromSrc: '-', repo: base, tag: 'latest' });
    await call(socket, 'POST', `/images/create?${query}`, { file: await baseTar(cache) });
  }
  const work = await mkdtemp(join(tmpdir(), 'zashiki-lab-build-'));
  try {
    const context = join(work, 'context');
    for (const path of ['package.json', 'LICENSE', 'deploy/Dockerfile', 'deploy/image', 'dist']) {
      await cp(join(checkout, path), join(context, path), { recursive: true });
    }
    await rm(join(context, 'dist/types'), { recursive: true, force: true });
    const file = join(work, 'context.tar');
    await run('tar', [
      '--create',
      '--owner=0',
      '--group=0',
      '--mtime=@0',
      '--sort=name',
      '-f',
      file,
      '-C',
      context,
      '.',
    ]);
    const query = new URLSearchParams({ dockerfile: 'deploy/Dockerfile', target, t: name, forcerm: '1' });
    query.set('buildargs', JSON.stringify({ BASE: base, PACKAGES: '' }));
    await call(socket, 'POST', `/build?${query}`, { file });
    return name;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The base as a tar file: Debian, the tools, and Node of this machine. Made once and kept in `cache`. */
export async function baseTar(cache: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([packages, existsSync(ctr)]));
  hash.update(await readFile(process.execPath));
  const file = join(cache, `zashiki-lab-base-${hash.digest('hex').slice(0, 16)}.tar`);
  await mkdir(cache, { recursive: true });
  if (existsSync(file)) return file;
  const work = await mkdtemp(join(tmpdir(), 'zashiki-lab-base-'));
  const root = join(work, 'root');
  const without = ['doc', 'man', 'locale', 'info'].flatMap((part) => [
    '--dpkgopt',
    `path-exclude=/usr/share/${part}/*`,
  ]);
  try {
    // In namespaces of their own: whatever happens, no mount and no process of the installation stays.
    const alone = ['--mount', '--pid', '--fork', '--kill-child=KILL', '--', 'mmdebstrap', '--quiet', '--mode=root'];
    const what = ['--variant=minbase', ...without, `--include=${packages.join(',')}`, 'bookworm', root];
    await run('unshare', [...alone, ...what], { maxBuffer: 1 << 26 });
    await copyFile(process.execPath, join(root, 'usr/local/bin/node'));
    if (existsSync(ctr)) await copyFile(ctr, join(root, ctr));
    await run('tar', [
      '--create',
      '--numeric-owner',
      '--one-file-system',
      '-f',
      `${file}.${process.pid}`,
      '-C',
      root,
      '.',
    ]);
    await rename(`${file}.${process.pid}`, file);
    return file;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
