import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { baseTar } from '../docker/our-image.ts';
import { placeOf as dockerPlaceOf } from '../docker/place.ts';
import { LabError } from '../vm/say.ts';
import { type Image, writeArchive } from './archive.ts';
import { type Recipe, readDockerfile } from './dockerfile.ts';
import { imagesOf, importInto } from './import.ts';
import { cacheFolder } from './place.ts';

const run = promisify(execFile);
const checkout = join(import.meta.dirname, '../..');

/** What was imported. */
export interface OurImage {
  /** For `image:` of a pod. */
  readonly name: string;
}

/**
 * Import our image, made by deploy/Dockerfile from this checkout's dist/, into these nodes. The base (Debian with Node
 * and the tools) is made once and imported once; afterwards it takes a second or two.
 */
export async function importOurs(pids: readonly number[], name = 'zashiki/zashiki:dev'): Promise<OurImage> {
  if (!existsSync(join(checkout, 'dist/cli/main.cjs')))
    throw new LabError('there is no dist/ to make an image of', 'npm run build');
  const base = await baseTar(dockerPlaceOf().cache);
  const baseName = `lab.local/zashiki-base:${/([0-9a-f]{8,})\.tar$/.exec(base)?.[1] ?? '1'}`;
  const folder = join(cacheFolder(), 'images');
  await mkdir(folder, { recursive: true });
  const lacking: number[] = [];
  for (const pid of pids) if (!(await imagesOf(pid)).includes(baseName)) lacking.push(pid);
  const work = await mkdtemp(join(folder, '.ours-'));
  try {
    if (lacking.length > 0) {
      const file = join(work, 'base.tar');
      await writeArchive([{ name: baseName, layers: [{ file: base }] }], file);
      await importInto(lacking, file);
    }
    const file = join(work, 'ours.tar');
    await writeArchive([{ ...(await ourImage(work, base)), name: `docker.io/${name}` }], file);
    await importInto(pids, file);
    return { name };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Our image as deploy/Dockerfile says, without a name; its layer is made in the folder `work`. */
export async function ourImage(work: string, base: string, target = 'zashiki'): Promise<Omit<Image, 'name'>> {
  const recipe = readDockerfile(await readFile(join(checkout, 'deploy/Dockerfile'), 'utf8'), target);
  const layer = await carryOut(recipe, work, await unpacked(base));
  const { entrypoint = [], cmd = [], env, labels } = recipe;
  return { layers: [{ file: base, omit: true }, { file: layer }], entrypoint, cmd, env, labels };
}

/** The base as a folder; unpacked once. */
async function unpacked(base: string): Promise<string> {
  const folder = join(cacheFolder(), 'images', basename(base, '.tar'));
  if (existsSync(folder)) return folder;
  const making = await mkdtemp(join(cacheFolder(), 'images', '.base-'));
  try {
    await run('tar', ['--extract', '--numeric-owner', '-f', base, '-C', making]);
    await rename(making, folder).catch(() => {});
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return folder;
}

/** Do what a Dockerfile says upon the base; what it changes there is the layer. The base has the packages. */
async function carryOut({ steps, args, env }: Recipe, work: string, base: string): Promise<string> {
  const [upper, root] = [join(work, 'upper'), join(work, 'root')];
  for (const path of [upper, root, join(work, 'overlay')]) await mkdir(path, { mode: 0o755 });
  const options = `lowerdir=${base},upperdir=${upper},workdir=${join(work, 'overlay')}`;
  const script = ['set -eu', `mount -t overlay overlay -o '${options}' '${root}'`];
  for (const [index, step] of steps.entries()) {
    if ('run' in step) {
      script.push(`chroot '${root}' /bin/sh -c "$STEP_${index}"`);
      continue;
    }
    for (const path of step.copy) {
      const from = join(checkout, path);
      const isFolder = (await stat(from)).isDirectory();
      const to = join(root, step.to, !isFolder && step.to.endsWith('/') ? basename(path) : '');
      const staged = join(work, `copy-${index}-${basename(path)}`);
      // As .dockerignore says.
      await cp(from, staged, { recursive: true, filter: (source) => source !== join(checkout, 'dist/types') });
      script.push(`mkdir -p '${isFolder ? to : join(to, '..')}'`);
      script.push(`cp -R --preserve=mode '${staged}${isFolder ? '/.' : ''}' '${to}'`);
    }
  }
  const runs = steps.flatMap((step, index) => ('run' in step ? [[`STEP_${index}`, step.run] as const] : []));
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  await run('unshare', ['--mount', '--pid', '--fork', '--kill-child=KILL', '--', 'sh', '-c', script.join('\n')], {
    env: { PATH: path, ...args, ...env, PACKAGES: '', ...Object.fromEntries(runs) },
  });
  const layer = join(work, 'layer.tar');
  const plain = ['--create', '--numeric-owner', '--mtime=@0', '--sort=name'];
  await run('tar', [...plain, '-f', layer, '-C', upper, '.']);
  return layer;
}
