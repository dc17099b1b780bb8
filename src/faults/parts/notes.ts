import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../../core/model.ts';
import type { FaultContext } from '../../core/ports.ts';
import { errno, writeWhole } from './disk.ts';

type Keep = Pick<FaultContext, 'keep'>;

/**
 * Notes in the injection's own folder tell a later recover how far inject came. A note is on disk before `writeNote`
 * returns, and is there whole or not at all.
 */
export async function writeNote({ keep }: Keep, name: string, value: Json = true): Promise<void> {
  await writeWhole(join(keep, `${name}.json`), (file) => file.writeFile(JSON.stringify(value)));
}

/** The note's value, or undefined when it was never written. */
export async function readNote({ keep }: Keep, name: string): Promise<Json | undefined> {
  try {
    return JSON.parse(await readFile(join(keep, `${name}.json`), 'utf8')) as Json;
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Take a note back. */
export async function dropNote({ keep }: Keep, name: string): Promise<void> {
  await rm(join(keep, `${name}.json`), { force: true });
}
