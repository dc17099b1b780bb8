import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/core/clock.ts';
import { createJournal } from '../src/journal/journal.ts';
import { type Figure, inTurns } from './bench.ts';

/** Durable appends against a bare write and fdatasync of the same bytes: what the journal adds. */
export async function journaling(): Promise<readonly Figure[]> {
  const state = mkdtempSync(join(tmpdir(), 'zashiki-bench-'));
  const journal = createJournal({ state, run: 'bench', clock: systemClock });
  const fd = openSync(join(state, 'bare'), 'a');
  const line = `${JSON.stringify({ seq: 1, at: Date.now(), mono: 1, type: 'warning', message: 'x'.repeat(200) })}\n`;
  const appends = 200;
  try {
    const durable = await inTurns(
      9,
      () => {
        for (let i = 0; i < appends; i++)
          journal.append({ type: 'warning', message: 'x'.repeat(200) }, { durable: true });
      },
      () => {
        for (let i = 0; i < appends; i++) {
          writeSync(fd, line);
          fdatasyncSync(fd);
        }
      },
    );
    const perSecond = (ms: number) => `${Math.round((appends / ms) * 1000)}/s`;
    return [
      {
        name: 'durable journal appends',
        baseline: 'bare write + fdatasync',
        ratio: durable.one / durable.other,
        limit: 2.2,
        detail: `${perSecond(durable.one)}, ${perSecond(durable.other)}`,
      },
    ];
  } finally {
    journal.close();
    closeSync(fd);
    rmSync(state, { recursive: true });
  }
}
