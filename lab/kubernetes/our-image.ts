import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { baseTar } from '../docker/our-image.ts';
import { placeOf as dockerPlaceOf } from '../docker/place.ts';
import { LabError } from '../vm/say.ts';
import { writeArchive } from './archive.ts';
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
 * Import our image, made from this checkout's dist/ as deploy/Dockerfile makes it, into these nodes. The base (Debian
 * with Node and the tools) is made once and imported once; afterwards it takes a second or two.
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
    const layer = await ourLayer(work, base);
    const file = join(work, 'ours.tar');
    const layers = [{ file: base, omit: true }, { file: layer }];
    const env = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'NODE_ENV=production'];
    await writeArchive([{ name: `docker.io/${name}`, layers, entrypoint: ['/zashiki'], cmd: ['--help'], env }], file);
    await importInto(pids, file);
    return { name };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function ourLayer(work: string, base: string): Promise<string> {
  const root = join(work, 'root');
  const ours = join(root, 'opt/zashiki');
  await mkdir(ours, { recursive: true });
  for (const path of ['package.json', 'LICENSE', 'dist'])
    await cp(join(checkout, path), join(ours, path), { recursive: true });
  await rm(join(ours, 'dist/types'), { recursive: true, force: true });
  await cp(join(checkout, 'deploy/image/health'), join(ours, 'health'));
  const main = '/opt/zashiki/dist/cli/main.cjs';
  for (const path of [join(ours, 'health'), join(root, main)]) await chmod(path, 0o755);
  await mkdir(join(root, 'usr/local/bin'), { recursive: true });
  for (const path of [
    'zashiki',
    'pumba',
    ...['zashiki', 'pumba', 'nightmare-monkey'].map((name) => `usr/local/bin/${name}`),
  ])
    await symlink(main, join(root, path));
  await mkdir(join(root, 'var/lib/zashiki'), { recursive: true });
  await chmod(join(root, 'var/lib/zashiki'), 0o700);
  await mkdir(join(root, 'etc'));
  for (const [file, line] of [
    ['passwd', 'zashiki:x:10001:10001::/home/zashiki:/usr/sbin/nologin\n'],
    ['group', 'zashiki:x:10001:\n'],
  ] as const) {
    const { stdout } = await run('tar', ['-xOf', base, `./etc/${file}`]);
    await writeFile(join(root, 'etc', file), stdout + line);
  }
  const file = join(work, 'layer.tar');
  const plain = ['--create', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--sort=name'];
  await run('tar', [...plain, '-f', file, '-C', root, '.']);
  return file;
}
