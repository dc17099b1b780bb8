import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

/** An image to be: tar files upon each other, and what a container of it runs. */
export interface Image {
  /** With registry and tag, as containerd calls it. */
  readonly name: string;
  readonly layers: readonly Layer[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** One layer; one that is known to be there already need not come along. */
export interface Layer {
  readonly file: string;
  readonly omit?: boolean;
}

/** Write images into one OCI archive that `ctr images import` takes. The file appears when it is whole. */
export async function writeArchive(images: readonly Image[], file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const work = await mkdtemp(join(dirname(file), '.archive-'));
  try {
    const blobs = join(work, 'blobs/sha256');
    await mkdir(blobs, { recursive: true });
    const json = async (value: object, mediaType: string) => {
      const text = JSON.stringify(value);
      const digest = createHash('sha256').update(text).digest('hex');
      await writeFile(join(blobs, digest), text);
      return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
    };
    const manifests = [];
    for (const { name, layers, entrypoint, cmd, env = {}, labels } of images) {
      const described = await Promise.all(layers.map((layer) => addLayer(layer, blobs)));
      const config = await json(
        {
          architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
          os: 'linux',
          config: {
            Env: environment(env),
            ...(labels ? { Labels: labels } : {}),
            ...(entrypoint ? { Entrypoint: entrypoint } : {}),
            ...(cmd ? { Cmd: cmd } : {}),
          },
          rootfs: { type: 'layers', diff_ids: described.map(({ digest }) => digest) },
        },
        'application/vnd.oci.image.config.v1+json',
      );
      const mediaType = 'application/vnd.oci.image.manifest.v1+json';
      const manifest = await json({ schemaVersion: 2, mediaType, config, layers: described }, mediaType);
      manifests.push({ ...manifest, annotations: { 'io.containerd.image.name': name } });
    }
    await writeFile(join(work, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
    await writeFile(join(work, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    const making = `${file}.${process.pid}`;
    await promisify(execFile)('tar', [
      '--create',
      '--dereference',
      '-f',
      making,
      '-C',
      work,
      'oci-layout',
      'index.json',
      'blobs',
    ]);
    await rename(making, file);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const usual = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

/** The environment of an image, as its settings list it. */
export const environment = (env: Readonly<Record<string, string>> = {}): readonly string[] =>
  Object.entries({ ...usual, ...env }).map(([name, value]) => `${name}=${value}`);

async function addLayer({ file, omit }: Layer, blobs: string) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const digest = hash.digest('hex');
  // Not copied, and no second name either: that would change the file under whoever reads it.
  if (!omit)
    await symlink(file, join(blobs, digest)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  const { size } = await stat(file);
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${digest}`, size };
}
