import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { JournalEvent } from '../src/core/events.ts';
import host from '../src/platforms/host/platform.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const cli = join(root, 'dist/cli/main.cjs');
const examples = ['faults', 'recipes'].flatMap((folder) =>
  readdirSync(join(root, 'examples', folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `${folder}/${name}`),
);

/** Every example is run as its own comment says: first the commands in it, then the built command line. */
test.concurrent.for(examples)('examples/%s does what it says', { timeout: 120_000 }, async (example, ctx) => {
  if (!existsSync(cli)) return ctx.skip('dist/ is not there: run npm run build first');
  const own = await mkdtemp(join(tmpdir(), 'zashiki-example-'));
  // Names of our own, so that two runs of this test do not meet.
  const mark = `ZASHIKI_EXAMPLE_${process.pid}`;
  const text = (await readFile(join(root, 'examples', example), 'utf8'))
    .replaceAll('ZASHIKI_EXAMPLE', mark)
    .replaceAll('/tmp/zashiki-example', own);
  const id = basename(example, '.yaml');
  const file = join(own, basename(example));
  await writeFile(file, text);
  const setup = [...text.matchAll(/^# {3}\$ (.*)$/gm)]
    .map((match) => match[1] ?? '')
    .filter((line) => !/^zashiki /.test(line));
  try {
    // The shell's own children must not hold our pipes open.
    await run('sh', ['-c', `exec >/dev/null 2>&1 </dev/null\n${setup.join('\n')}`]);
    const state = join(own, 'state');
    const args = [cli, 'run', file, '--yes', '-o', 'json', '--state', state];
    // The events say more than the exit code does; it follows from the outcome.
    const { stdout, stderr } = await run(process.execPath, args).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    const events = stdout
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as JournalEvent] : []));
    expect(events.at(-1), stderr).toMatchObject({ type: 'run-finished', outcome: 'held' });
    const intents = events.filter((event) => event.type === 'intent');
    if (example.startsWith('faults/')) expect(intents.map(({ fault }) => fault)).toEqual([id]);
    const seen = events.filter((event) => event.type === 'observed');
    expect(seen.filter(({ real }) => !real)).toEqual([]);
    expect(seen.length).toBe(intents.length);
    const verified = events.filter((event) => event.type === 'verified');
    expect(verified.filter(({ clean }) => !clean)).toEqual([]);
    expect(verified.length).toBe(intents.filter(({ reversible }) => reversible).length);
  } finally {
    for (const { identity } of await host.discover({ env: { [mark]: id } })) {
      process.kill(Number(identity.pid), 'SIGKILL');
    }
    await rm(own, { recursive: true, force: true });
  }
});
