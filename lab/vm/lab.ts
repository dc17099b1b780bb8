import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Wires } from './agent.ts';
import { buildImage, handOver, ingredients } from './build.ts';
import type { GuestFile } from './bundle.ts';
import { buildOnce, cacheFolder, findImage, type Image, remove, sweep, touchImage } from './cache.ts';
import { guestEnv, type Machine, restore } from './machine.ts';
import { checkoutPayload, emptyPayload } from './payload.ts';
import { ensurePrograms, searchPath, toRun } from './programs.ts';
import { hostPrograms, imageKey, recipeText } from './recipe.ts';
import { LabError, type Say } from './say.ts';

/** The checkout that this lab belongs to, and where it is in the guest. */
export const checkout = resolve(import.meta.dirname, '../..');
/** Where the checkout is in the guest. */
export const guestCheckout = '/checkout';

/** What every action of the lab needs. */
export interface Bench {
  readonly say: Say;
  readonly signal: AbortSignal;
}

/** The image for this machine, built when it is not in the cache (a minute or two, root). */
export async function ensureImage({ say, signal }: Bench, anew = false): Promise<Image> {
  await ensurePrograms(toRun, say, signal);
  const made = await ingredients(recipeText(), signal);
  const key = imageKey(made);
  const cache = cacheFolder();
  if (anew) await remove(`${cache}/${key}`);
  const found = await findImage(cache, key);
  if (found) {
    await touchImage(found);
    await sweep(cache);
    return found;
  }
  await ensurePrograms(Object.keys(hostPrograms), say, signal);
  say(`no image ${key} in ${cache}: building it`);
  const image = await buildOnce({ cache, key, say, signal }, (folder) => buildImage(folder, made, { say, signal }));
  await handOver(cache, signal);
  say(`the image is built`);
  return image;
}

/** A clone with the checkout in it, or a bare one. */
export async function startClone(
  image: Image,
  withCheckout: boolean,
  { say, signal }: Bench,
  onConsole?: (text: string) => void,
): Promise<Machine> {
  const payload = withCheckout ? await checkoutPayload(checkout, signal) : await emptyPayload();
  const machine = await restore({
    folder: image.folder,
    payload: payload.fd,
    signal,
    ...(onConsole ? { onConsole } : {}),
  }).finally(() => payload.close());
  if (!withCheckout) return machine;
  try {
    await unpackCheckout(machine);
    say('the guest is up, the checkout is in it');
    return machine;
  } catch (error) {
    await machine.close();
    throw error;
  }
}

/** Unpack the checkout that a guest was started with. */
export async function unpackCheckout(machine: Machine): Promise<void> {
  const unpack = ['tar', '-C', guestCheckout, '-xf', '/dev/vdb'];
  let said = '';
  const code = await machine.agent.run(
    { argv: unpack, cwd: '/', env: guestEnv },
    { onErr: (bytes) => (said += bytes) },
  );
  if (code !== 0) throw new LabError(`the checkout does not unpack in the guest: ${said}`, 'is it too large?');
}

/** Put files into the checkout of a clone, in folders that it has. */
export async function bringIn(machine: Machine, files: readonly GuestFile[]): Promise<void> {
  for (const { path, bytes } of files) {
    let said = '';
    const order = { argv: ['dd', 'status=none', `of=${path}`], cwd: guestCheckout, env: guestEnv };
    const wires = { onErr: (text: Buffer) => (said += text), input: [bytes] };
    const code = await machine.agent.run(order, wires);
    if (code !== 0) throw new LabError(`${path} cannot be written in the guest: ${said}`, 'is it too large?');
  }
}

/** Bring a file or folder of the guest out into a folder here. False when the guest has no such thing. */
export async function bringOut(machine: Machine, from: string, to: string): Promise<boolean> {
  await mkdir(to, { recursive: true });
  const unpack = spawn('tar', ['-C', to, '-xf', '-'], {
    env: { PATH: searchPath },
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  unpack.stdin.on('error', () => {});
  const ended = new Promise<number | null>((done) => unpack.once('close', done));
  const folder = from.slice(0, from.lastIndexOf('/')) || '/';
  const name = from.slice(from.lastIndexOf('/') + 1) || '.';
  const wires: Wires = { onOut: (bytes) => void unpack.stdin.write(bytes), onErr: () => {} };
  const code = await machine.agent.run(
    { argv: ['tar', '-C', folder, '-cf', '-', name], cwd: '/', env: guestEnv },
    wires,
  );
  unpack.stdin.end();
  const unpacked = await ended;
  return code === 0 && unpacked === 0;
}
