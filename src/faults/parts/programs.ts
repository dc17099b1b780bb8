import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ZashikiError } from '../../core/errors.ts';

/** The program's full path, or undefined when it is in no folder of PATH. */
export function findProgram(name: string, path = process.env.PATH ?? ''): string | undefined {
  return path
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find((candidate) => isProgram(candidate));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The argument array that runs one of our own workers: from the package's dist folder, else from its sources. */
export function workerProgram(name: string, args: readonly string[]): readonly string[] {
  const here = fileURLToPath(import.meta.url);
  for (let folder = dirname(here); folder !== dirname(folder); folder = dirname(folder)) {
    const built = join(folder, 'dist', 'workers', `${name}.js`);
    if (existsSync(built)) return [process.execPath, built, ...args];
    const source = join(folder, 'src', 'workers', `${name}.ts`);
    if (existsSync(source)) {
      const tsx = createRequire(import.meta.url).resolve('tsx');
      return [process.execPath, '--import', tsx, source, ...args];
    }
  }
  throw new ZashikiError('not-supported', `the worker program ${name}.js is not beside Zashiki`, {
    hint: 'install Zashiki again; for loads, stress-ng does as well',
  });
}
