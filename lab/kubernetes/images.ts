import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { imageFiles } from '../docker/images.ts';
import { placeOf as dockerPlaceOf } from '../docker/place.ts';
import { type Image, writeArchive } from './archive.ts';
import { cacheFolder } from './place.ts';

/** Ends on SIGTERM, and collects orphans: what holds the namespaces of a pod. */
const pause = ['/bin/sh', '-c', 'trap "exit 0" TERM INT; while :; do sleep 3600 & wait $!; done'];

/** The images of lab/docker, tagged `:1`, and the pause image, in one archive; built once. Tells what cannot be built here. */
export async function labImages(): Promise<{ readonly file: string; readonly missing: readonly string[] }> {
  const { images: built, missing } = imageFiles(dockerPlaceOf());
  const images: Image[] = built.map(({ name, changes, file }) => ({
    name: `docker.io/${name}:1`,
    layers: [{ file }],
    ...readChanges(changes),
  }));
  const busybox = built.find(({ name }) => name === 'zashiki-lab/busybox');
  if (!busybox) throw new Error(`no image of busybox can be built here: ${missing.join(', ')}`);
  images.push({ name: 'lab.local/pause:1', layers: [{ file: busybox.file }], entrypoint: pause });
  const hash = createHash('sha256').update(readFileSync(join(import.meta.dirname, 'archive.ts')));
  hash.update(JSON.stringify(images.map((image) => [image, image.layers.map(({ file }) => basename(file))])));
  const file = join(cacheFolder(), 'images', `lab-${hash.digest('hex').slice(0, 16)}.tar`);
  if (!existsSync(file)) await writeArchive(images, file);
  return { file, missing };
}

/** Lines of a Dockerfile as far as the lab's images use them. */
function readChanges(changes: readonly string[]): Pick<Image, 'entrypoint' | 'cmd'> {
  const words = (instruction: string): readonly string[] | undefined => {
    const line = changes.find((change) => change.startsWith(`${instruction} `));
    return line && JSON.parse(line.slice(instruction.length + 1));
  };
  const [entrypoint, cmd] = [words('ENTRYPOINT'), words('CMD')];
  return { ...(entrypoint ? { entrypoint } : {}), ...(cmd ? { cmd } : {}) };
}
