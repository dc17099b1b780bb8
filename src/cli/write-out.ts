import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { usage } from './context.ts';

/** Write a file that the user named. Throws `usage` when that cannot be done. */
export function writeOut(file: string, text: string): void {
  attempt(file, () => writeFileSync(file, text));
}

/** Make the folders on the way, and see that `file` can be written, before anything is begun. Throws `usage`. */
export function prepareOut(file: string): void {
  attempt(file, () => {
    mkdirSync(dirname(file), { recursive: true });
    accessSync(existsSync(file) ? file : dirname(file), constants.W_OK);
  });
}

function attempt(file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw usage(`cannot write ${file}: ${(error as Error).message}`, 'name a file in a folder where you may write');
  }
}
