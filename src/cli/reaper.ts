// The reaper: a process of its own that undoes what a runner leaves behind. Started by the runner, never by hand.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compileFunction, constants } from 'node:vm';
import type { Catalogue } from '../core/ports.ts';
import { reaperProcess } from '../journal/reaper-process.ts';

// Read now, so that what happens to the file later does not matter; compiled only when it is needed, so that every run
// need not wait for that.
const file = join(import.meta.dirname, 'recovery.cjs');
const text = readFileSync(file, 'utf8');

await reaperProcess(process.argv.slice(2), async () => {
  const parameters = ['module', 'exports', 'require', '__filename', '__dirname'];
  const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  const load = compileFunction(text, parameters, { filename: file, importModuleDynamically });
  const module: { exports: { openCatalogue?: () => Catalogue } } = { exports: {} };
  load(module, module.exports, createRequire(file), file, dirname(file));
  if (!module.exports.openCatalogue) throw new Error(`${file} is not what was built`);
  return module.exports.openCatalogue();
});
