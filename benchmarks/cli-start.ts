import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Figure, inTurns } from './bench.ts';

/** `zashiki --help` against an empty script: what a person waits for besides Node itself. */
export async function cliStart(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'zashiki-bench-'));
  const empty = join(folder, 'empty.cjs');
  writeFileSync(empty, '');
  // A bundle of extra certificates is parsed by Node at each start and would drown both figures.
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const start = (...args: readonly string[]) => {
    const { status } = spawnSync(process.execPath, args, { env, stdio: 'ignore' });
    if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
  };
  try {
    const main = join(import.meta.dirname, '../dist/cli/main.cjs');
    const { one, other } = await inTurns(
      40,
      () => start(main, '--help'),
      () => start(empty),
    );
    const light = { name: 'zashiki --help', baseline: 'an empty Node script', ratio: one / other, limit: 1.6 };
    const heavy = await inTurns(
      15,
      () => start(main, 'validate', join(import.meta.dirname, '../examples/faults/process-pause.yaml')),
      () => start(empty),
    );
    return [
      { ...light, detail: `${one.toFixed(1)} ms, ${other.toFixed(1)} ms` },
      {
        name: 'zashiki validate FILE',
        baseline: 'an empty Node script',
        ratio: heavy.one / heavy.other,
        limit: null,
        detail: `${heavy.one.toFixed(1)} ms, ${heavy.other.toFixed(1)} ms`,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
