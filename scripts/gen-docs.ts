// Writes docs/reference from the registries, the error table and the commands. With --check it writes nothing and
// fails when a page on disk is not what would be written.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { loadVocabulary } from '../src/spec/vocabulary.ts';
import { chaosMeshPage } from './docs/chaos-mesh.ts';
import { cliPage } from './docs/cli.ts';
import { errorsPage } from './docs/errors.ts';
import { experimentPage } from './docs/experiment.ts';
import { faultsPage } from './docs/faults.ts';
import { matrixPage } from './docs/matrix.ts';
import { probesPage } from './docs/probes.ts';
import { targetsPage } from './docs/targets.ts';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'docs/reference');

/** All pages by file name. The same sources give the same bytes. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  const vocabulary = await loadVocabulary();
  return {
    'experiment.md': experimentPage(),
    'faults.md': faultsPage(vocabulary),
    'probes.md': probesPage(vocabulary),
    'targets.md': targetsPage(vocabulary),
    'matrix.md': matrixPage(vocabulary),
    'chaos-mesh.md': await chaosMeshPage(),
    'errors.md': errorsPage(),
    'cli.md': await cliPage(),
  };
}

/** Names of pages that are missing, stale, or not made by this script. */
export function stalePages(pages: Readonly<Record<string, string>>): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const known = Object.entries(pages).filter(([name, text]) => read(join(folder, name)) !== text);
  const foreign = readdirSync(folder).filter((name) => name.endsWith('.md') && !(name in pages));
  return [...known.map(([name]) => name), ...foreign];
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.filename === process.argv[1]) {
  process.chdir(root);
  const pages = await referencePages();
  if (process.argv.includes('--check')) {
    const stale = stalePages(pages);
    for (const name of stale) console.error(`docs/reference/${name} is not what the sources say: run \`npm run docs\``);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    for (const [name, text] of Object.entries(pages)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  }
}
