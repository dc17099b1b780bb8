import { buildOurImage } from '../../lab/docker/our-image.ts';
import { placeOf } from '../../lab/docker/place.ts';
import { container, docker, dockerHost } from '../fixtures/docker.ts';

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
