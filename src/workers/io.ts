/**
 * Writes and syncs one file over and over: `io.js --folder DIR --size BYTES --ttl MS`. Used where stress-ng is not
 * installed. The file has no name while it is used, so nothing is left when the worker is killed.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fdatasync, openSync, unlinkSync, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endAfter, numberArgument, textArgument } from './parts/arguments.ts';

const folder = textArgument('folder', '/tmp');
const size = Math.max(4096, numberArgument('size', 64 * 2 ** 20));
endAfter(numberArgument('ttl', 0));

const path = join(folder, `io-${process.pid}`);
const file = openSync(path, 'wx+', 0o600);
unlinkSync(path);
process.once('exit', () => closeSync(file));

const [writeAt, sync] = [promisify(write), promisify(fdatasync)];
const chunk = randomBytes(Math.min(size, 2 ** 20));
// Ends with the process: killed, or when its time is up.
for (;;) {
  for (let at = 0; at < size; at += chunk.length) {
    await writeAt(file, chunk, 0, Math.min(chunk.length, size - at), at);
  }
  await sync(file);
}
