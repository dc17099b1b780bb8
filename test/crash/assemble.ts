import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { Catalogue } from '../../src/core/ports.ts';
import { openCatalogue } from '../../src/sdk/catalogue.ts';
import { type Engine, openEngine } from '../../src/sdk/engine.ts';

/** What the crash tests kill, and an engine to make plans with. */
export interface Installation {
  /** runner.ts, and agent-runner.ts. */
  readonly program: string;
  readonly agent: string;
  readonly engine: Engine;
  readonly catalogue: Catalogue;
}

/** A small installation of its own: what others build meanwhile does not change what is tested. */
export async function assemble(root: string): Promise<Installation> {
  const home = join(root, 'installation');
  mkdirSync(home);
  const source = resolve(import.meta.dirname, '../..');
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string };
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'zashiki', version, type: 'module' }));
  await build({
    ...{ bundle: true, platform: 'node', target: 'node20', format: 'esm', logLevel: 'warning', splitting: true },
    entryPoints: [
      { in: join(source, 'src/cli/reaper.ts'), out: 'cli/reaper' },
      { in: join(source, 'test/crash/runner.ts'), out: 'runner' },
      { in: join(source, 'test/crash/agent-runner.ts'), out: 'agent-runner' },
      ...['cpu', 'exhaust', 'io', 'memory', 'packets'].map((name) => ({
        in: join(source, `src/workers/${name}.ts`),
        out: `workers/${name}`,
      })),
    ],
    outdir: join(home, 'dist'),
    define: { __VERSION__: JSON.stringify(version) },
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  });
  // As scripts/build.mjs builds it: what the reaper reads when it starts, and compiles when it is needed.
  await build({
    ...{ bundle: true, platform: 'node', target: 'node20', format: 'cjs', logLevel: 'warning' },
    entryPoints: [join(source, 'src/cli/recovery.ts')],
    outfile: join(home, 'dist', 'cli', 'recovery.cjs'),
    define: { __VERSION__: JSON.stringify(version), 'import.meta.url': 'zashikiUrl' },
    banner: { js: "const zashikiUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  const catalogue = openCatalogue();
  const engine = openEngine({ state: join(root, 'unused'), catalogue });
  const agent = join(home, 'dist', 'agent-runner.js');
  return { program: join(home, 'dist', 'runner.js'), agent, engine, catalogue };
}
