// Builds dist/: the command line, the reaper, the workers, the library with its types, the JSON Schema.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Zod brings its messages in forty languages; ours are English, and every start would read them all. */
const oneLanguage = {
  name: 'one-language',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/** Few patterns are regular expressions, and every start would read all of RE2: a file of its own, loaded when used. */
const lateRe2 = {
  name: 'late-re2',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^re2js$/ }, ({ kind, importer }) =>
      kind === 'entry-point' ? undefined : { path: importer, namespace: 'late-re2' },
    );
    onLoad({ filter: /.*/, namespace: 'late-re2' }, () => ({
      contents: `import { createRequire } from 'node:module';
        let loaded;
        const re2 = () => (loaded ??= createRequire(import.meta.url)('../re2.cjs').RE2JS);
        export const RE2JS = { compile: (...given) => re2().compile(...given) };`,
    }));
  },
};

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const common = {
  bundle: true,
  plugins: [oneLanguage],
  platform: 'node',
  target: 'node20',
  // Names stay as they are, without the call at each making of a function that keeping minified ones would cost.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  define: { __VERSION__: JSON.stringify(version) },
  logLevel: 'warning',
  alias: { 'readable-stream': 'node:stream', debug: join(import.meta.dirname, 'stubs/debug.cjs') },
};
const esm = {
  ...common,
  format: 'esm',
  external: ['vitest'],
  // Bundled CommonJS packages ask for `require`; an ES module has none of its own.
  banner: {
    js: "import { createRequire as zashikiRequire } from 'node:module'; const require = zashikiRequire(import.meta.url);",
  },
};

// Built beside the old one and swapped in, so that a run that goes on never misses its reaper for long.
const out = mkdtempSync('dist.new-');
try {
  await Promise.all([
    build({
      ...esm,
      plugins: [oneLanguage, lateRe2],
      entryPoints: ['src/cli/entry.ts', 'src/sdk/index.ts', 'src/sdk/testing.ts', 'src/workers/*.ts'],
      outbase: 'src',
      outdir: out,
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
    }),
    build({ ...common, entryPoints: ['re2js'], outfile: join(out, 're2.cjs'), format: 'cjs' }),
    // Two files, both read whole when it starts: a rebuild or an upgrade in the middle of a run must not disarm it.
    build({ ...esm, entryPoints: ['src/cli/reaper.ts'], outfile: join(out, 'cli/reaper.js') }),
    build({
      ...common,
      entryPoints: ['src/cli/recovery.ts'],
      outfile: join(out, 'cli/recovery.cjs'),
      format: 'cjs',
      define: { ...common.define, 'import.meta.url': 'zashikiUrl' },
      banner: { js: "const zashikiUrl = require('node:url').pathToFileURL(__filename).href;" },
    }),
    build({
      ...common,
      entryPoints: ['src/cli/main.ts'],
      outfile: join(out, 'cli/main.cjs'),
      format: 'cjs',
    }),
    writeSchema(join(out, 'schema.json')),
  ]);
  if (!process.argv.includes('--no-types')) writeTypes(join(out, 'types'));
  chmodSync(join(out, 'cli/main.cjs'), 0o755);
  chmodSync(out, 0o755);
  const old = `${out}.old`;
  if (existsSync('dist')) renameSync('dist', old);
  renameSync(out, 'dist');
  rmSync(old, { recursive: true, force: true });
} catch (error) {
  rmSync(out, { recursive: true, force: true });
  throw error;
}

async function writeSchema(file) {
  const module = join(out, 'schema-maker.mjs');
  await build({ ...esm, entryPoints: ['scripts/gen-schema.ts'], outfile: module });
  const { schemaText } = await import(pathToFileURL(module).href);
  writeFileSync(file, await schemaText());
  rmSync(module);
}

function writeTypes(folder) {
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json', '--outDir', folder],
    {
      stdio: 'inherit',
    },
  );
  if (status !== 0) throw new Error('the types could not be written');
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const path = join(folder, name);
    // Sources import each other as .ts; what is published stands beside .js.
    writeFileSync(path, readFileSync(path, 'utf8').replace(/(from '\.[^']*|import\('\.[^']*)\.ts'/g, "$1.js'"));
  }
}
