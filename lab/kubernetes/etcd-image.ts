import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Recipe, tarOf, withBusybox } from '../docker/images.ts';
import { placeOf as dockerPlaceOf } from '../docker/place.ts';
import { LabError } from '../vm/say.ts';
import { writeArchive } from './archive.ts';
import { cacheFolder } from './place.ts';

const etcd = '/usr/bin/etcd';

const recipe: Recipe = {
  name: 'zashiki-lab/etcd',
  changes: [],
  programs: [etcd],
  fill: withBusybox,
};

/** The etcd of this machine as an archive with the image `zashiki-lab/etcd:1`, which has a shell too; built once. */
export async function etcdImage(): Promise<string> {
  if (!existsSync(etcd)) throw new LabError(`${etcd} is missing`, 'apt-get install etcd-server');
  const layer = tarOf(recipe, dockerPlaceOf());
  const hash = createHash('sha256')
    .update(readFileSync(join(import.meta.dirname, 'archive.ts')))
    .update(basename(layer));
  const file = join(cacheFolder(), 'images', `etcd-${hash.digest('hex').slice(0, 16)}.tar`);
  if (!existsSync(file)) await writeArchive([{ name: `docker.io/${recipe.name}:1`, layers: [{ file: layer }] }], file);
  return file;
}
