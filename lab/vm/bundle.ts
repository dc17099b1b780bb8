import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

/** A file for the guest. */
export interface GuestFile {
  /** Relative to the checkout. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What cannot be put into one file, or must be the one that the test runner has. */
const outside: readonly string[] = ['vitest', 'esbuild', 'playwright-core', 'typescript', 'tsx'];

/** `a/b.vm.test.ts` becomes `a/b.vm.test.mjs`. */
export const bundleOf = (testFile: string): string => testFile.replace(/\.ts$/, '.mjs');

/**
 * Each of these test files as one file of JavaScript with all that it imports, beside the test: nothing needs to be
 * compiled in the guest, where that takes ten times as long. Every module still sees its own path, there at `place`.
 */
export async function bundleTests(
  checkout: string,
  testFiles: readonly string[],
  place: string,
): Promise<readonly GuestFile[]> {
  const { outputFiles } = await build({
    absWorkingDir: checkout,
    entryPoints: [...testFiles],
    outbase: checkout,
    outdir: checkout,
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    keepNames: true,
    logLevel: 'error',
    external: [...outside],
    define: { __VERSION__: JSON.stringify('0.0.0-test') },
    outExtension: { '.js': '.mjs' },
    plugins: [oneLanguage, ownPaths(checkout, place)],
    // Bundled CommonJS packages ask for `require`; an ES module has none of its own.
    banner: {
      js: "import { createRequire as zashikiRequire } from 'node:module'; const require = zashikiRequire(import.meta.url);",
    },
  });
  return outputFiles.map(({ path, contents }) => ({ path: relative(checkout, path), bytes: contents }));
}

/** Zod brings its messages in forty languages; every start would read them all. */
const oneLanguage: Plugin = {
  name: 'one-language',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/** What a module of ours asks of its own path is answered with the path that it has in the guest. */
const ownPaths = (checkout: string, place: string): Plugin => ({
  name: 'own-paths',
  setup({ onLoad }) {
    onLoad({ filter: /\.m?ts$/ }, async ({ path }) => {
      if (path.includes('/node_modules/')) return undefined;
      const there = join(place, relative(checkout, path));
      const text = await readFile(path, 'utf8');
      return { contents: withPath(text, there), loader: 'ts' };
    });
  },
});

/** The text of a module that believes to be at `there`. */
export const withPath = (text: string, there: string): string =>
  text
    .replace(/\bimport\.meta\.dirname\b/g, JSON.stringify(dirname(there)))
    .replace(/\bimport\.meta\.filename\b/g, JSON.stringify(there))
    .replace(/\bimport\.meta\.url\b/g, JSON.stringify(pathToFileURL(there).href));
