import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { wireMissing } from '../../test/fixtures/network.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const cli = join(root, 'dist/cli/main.cjs');
const examples = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.yaml'));
const unable = wireMissing();

/** Every example is run as its own comment says, in network namespaces of its own, by the built command line. */
test.for(examples)('examples/network/%s does what it says', { timeout: 120_000 }, async (example, context) => {
  if (unable) context.skip(unable);
  if (!existsSync(cli)) context.skip('dist/ is not there: run npm run build first');
  const own = await mkdtemp(join(tmpdir(), 'zashiki-example-'));
  const id = basename(example, '.yaml');
  const mark = `zske-${process.pid}`;
  const text = (await readFile(join(import.meta.dirname, example), 'utf8'))
    // The variable keeps its name; what is named after it is ours.
    .replaceAll(/ZASHIKI_EXAMPLE(?![=:])/g, mark)
    .replaceAll('examples/network/', `${import.meta.dirname}/`);
  const file = join(own, example);
  await writeFile(file, text.replaceAll(`ZASHIKI_EXAMPLE: ${id}`, `ZASHIKI_EXAMPLE: ${mark}`));
  const setup = [...text.matchAll(/^# {3}\$ (.*)$/gm)]
    .map((match) => match[1] ?? '')
    .filter((line) => !/^zashiki /.test(line))
    .map((line) => line.replace(`ZASHIKI_EXAMPLE=${id}`, `ZASHIKI_EXAMPLE=${mark}`));
  try {
    await run('sh', ['-ec', `exec >/dev/null </dev/null 2>&1\n${setup.join('\n')}`]);
    const args = [cli, 'run', file, '--yes', '-o', 'json', '--state', join(own, 'state')];
    const { stdout, stderr } = await run(process.execPath, args).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    const events = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    expect(events.at(-1), `${stderr}\n${stdout.slice(-3000)}`).toMatchObject({
      type: 'run-finished',
      outcome: 'held',
    });
    const intents = events.filter((event) => event.type === 'intent');
    expect(intents.map(({ fault }) => fault)).toEqual([id]);
    expect(intents[0].note).toMatch(/eth0/);
    const of = (type: string) => events.filter((event) => event.type === type);
    expect(of('observed').map(({ real, detail }) => [real, detail])).toEqual([[true, expect.any(String)]]);
    expect(of('verified').map(({ clean }) => clean)).toEqual([true]);
  } finally {
    const pids = await run('ip', ['netns', 'pids', mark]).catch(() => ({ stdout: '' }));
    for (const pid of pids.stdout.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
    await run('sh', [join(import.meta.dirname, 'wire.sh'), 'down', mark]).catch(() => {});
    await rm(own, { recursive: true, force: true });
  }
});
