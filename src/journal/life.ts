import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

const ofRun = 'life';

/**
 * Show that the runner of a run (or, under another name, the holder of a lock) lives, also to processes of other pid namespaces that share the state folder, such as
 * other containers of this machine: a socket that the kernel closes with the process. Returns the way to end it. Where
 * sockets cannot be made nothing is shown.
 */
export function showLife(folder: string, name = ofRun): () => void {
  const server = createServer((socket) => socket.destroy());
  server.on('error', () => {});
  server.unref();
  try {
    // Bound before `listen` returns.
    inFolder(folder, name, (path) => server.listen(path));
  } catch {
    return () => {};
  }
  return () => {
    server.close();
    rmSync(join(folder, name), { force: true });
  };
}

/**
 * Whether a process of this kernel shows life in the folder of a run; null when none ever did, or when that cannot be
 * told. A runner that is stopped or hangs still lives.
 */
export function showsLife(folder: string, name = ofRun): Promise<boolean | null> {
  return new Promise((resolve) => {
    try {
      inFolder(folder, name, (path) => {
        const socket = connect(path);
        socket.once('connect', () => {
          socket.destroy();
          resolve(true);
        });
        // EAGAIN: so many have asked a process that is stopped that no more fit in.
        const told: Readonly<Record<string, boolean>> = { ECONNREFUSED: false, EAGAIN: true };
        socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(told[code] ?? null));
      });
    } catch {
      resolve(null);
    }
  });
}

/** The path of a socket may have 107 bytes only; through a descriptor any folder is near. */
function inFolder(folder: string, name: string, use: (path: string) => void): void {
  const path = join(folder, name);
  if (Buffer.byteLength(path) < 100 || process.platform !== 'linux') {
    use(path);
    return;
  }
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    use(`/proc/self/fd/${fd}/${name}`);
  } finally {
    closeSync(fd);
  }
}
