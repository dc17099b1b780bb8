import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { buildOurImage } from '../../lab/docker/our-image.ts';
import { placeOf } from '../../lab/docker/place.ts';
import { container, docker, dockerHost } from '../fixtures/docker.ts';

const run = promisify(execFile);

/** Path of the lab engine's socket on this machine. */
export const socketPath = (): string => dockerHost().replace(/^unix:\/\//, '');

/** Build one of our images from this checkout's dist/ in the lab's engine; returns its name without `zashiki-lab/`. */
export async function ourImage(target: 'zashiki' | 'pumba'): Promise<string> {
  const name = await buildOurImage(socketPath(), target, placeOf().cache);
  return name.replace('zashiki-lab/', '');
}

/** What a container of ours is started with. */
export interface Started {
  readonly image: string;
  readonly args: readonly string[];
  /** Default: the engine's socket, where manifests expect it. */
  readonly binds?: readonly string[];
  readonly config?: object;
  readonly hostConfig?: object;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Run one of our images with the engine's socket mounted; it is removed when the test ends. */
export function ours({ image, args, binds = [`${socketPath()}:/var/run/docker.sock`], ...more }: Started) {
  const { config, hostConfig, labels } = more;
  return container({
    image,
    cmd: args,
    ...(labels ? { labels } : {}),
    hostConfig: { Binds: binds, ...hostConfig },
    config: config ?? {},
  });
}

/** Unpack `docker save` of one of our images into a folder: its settings, and what is in the layers upon the base. */
export async function unpackImage(image: string, folder: string): Promise<{ config: ImageConfig; files: string }> {
  const archive = join(folder, 'saved.tar');
  const { request } = await import('node:http');
  const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    const path = `/images/zashiki-lab/${image}:latest/get`;
    request({ socketPath: socketPath(), path }, resolve).on('error', reject).end();
  });
  await pipeline(response, createWriteStream(archive));
  const saved = join(folder, 'saved');
  await mkdir(saved);
  await run('tar', ['-xf', archive, '-C', saved]);
  const json = async (name: string) => JSON.parse(await readFile(join(saved, name), 'utf8'));
  const [{ Config, Layers }] = await json('manifest.json');
  const files = join(folder, 'theirs');
  await mkdir(files);
  const [, ...own] = Layers as readonly string[];
  for (const layer of own) await run('tar', ['-xf', join(saved, layer), '--numeric-owner', '-C', files]);
  return { config: (await json(Config)).config, files };
}

/** Settings of an image, as OCI writes them. */
export interface ImageConfig {
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
}

/** All below a folder, one line each: what it is, its mode, its owner, where it leads, and the hash of what is in it. */
export async function listing(folder: string): Promise<readonly string[]> {
  const inside = { cwd: folder, maxBuffer: 1 << 28 };
  const { stdout: found } = await run('find', ['.', '-mindepth', '1', '-printf', '%P %y %m %U:%G %l\\n'], inside);
  const { stdout: sums } = await run('find', ['.', '-type', 'f', '-exec', 'sha256sum', '{}', '+'], inside);
  return [...found.split('\n'), ...sums.split('\n')].filter(Boolean).sort();
}

/** Wait until a container has ended; its exit code. */
export async function exitOf(id: string): Promise<number> {
  return (await docker('POST', `/containers/${id}/wait`)).StatusCode;
}

/** What a container has written so far, standard output and error in the order in which it came. */
export async function logsOf(id: string): Promise<string> {
  const url = `/containers/${id}/logs?stdout=1&stderr=1`;
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    request({ socketPath: socketPath(), path: url }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(unframed(Buffer.concat(chunks))));
    })
      .on('error', reject)
      .end();
  });
}

function unframed(data: Buffer): string {
  let text = '';
  for (let at = 0; at + 8 <= data.length; ) {
    const size = data.readUInt32BE(at + 4);
    text += data.subarray(at + 8, at + 8 + size).toString();
    at += 8 + size;
  }
  return text;
}
