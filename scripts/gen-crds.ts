// Writes deploy/crds from the schemas of the documents. With --check it writes nothing and fails when a file on disk is
// not what would be written.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { chaosMeshCrds } from '../src/compat/chaos-mesh/crds.ts';
import { ownCrds } from '../src/spec/kubernetes/own-crds.ts';

const folder = join(resolve(import.meta.dirname, '..'), 'deploy/crds');

/** Every file by its name. The same sources give the same bytes. */
export function crdFiles(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...ownCrds(), ...chaosMeshCrds()].map((definition) => {
      const { name } = definition.metadata as { readonly name: string };
      const text = stringify(definition, { lineWidth: 0, aliasDuplicateObjects: false });
      return [
        `${name}.yaml`,
        `# Made by \`npm run crds\` from the schemas of the documents. Change them, not this.\n${text}`,
      ];
    }),
  );
}

/** Names of files that are missing, stale, or not made by this script. */
export function staleCrds(files = crdFiles()): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const there = readdirSync(folder);
  const wrong = Object.entries(files).filter(
    ([name, text]) => !there.includes(name) || readFileSync(join(folder, name), 'utf8') !== text,
  );
  return [...wrong.map(([name]) => name), ...there.filter((name) => !(name in files))];
}

if (import.meta.filename === process.argv[1]) {
  const files = crdFiles();
  if (process.argv.includes('--check')) {
    const stale = staleCrds(files);
    for (const name of stale) console.error(`deploy/crds/${name} is not what the sources say: run \`npm run crds\``);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  }
}
