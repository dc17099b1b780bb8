import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { docker, dockerHost, unable, unique } from '../../test/fixtures/docker.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const cli = join(root, 'dist/cli/main.cjs');
const faults = readdirSync(join(root, 'src/faults')).map((name) => basename(name, '.ts'));
const examples = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.yaml'));

/** Every example is run as its own comment says, with names and images of the lab, by the built command line. */
describe.skipIf(unable)(`examples/docker${unable ? `: skipped, ${unable}` : ''}`, () => {
  test.for(examples)('%s does what it says', async (example, ctx) => {
    if (!existsSync(cli)) return ctx.skip('dist/ is not there: run npm run build first');
    const own = await mkdtemp(join(tmpdir(), 'zashiki-example-'));
    const id = basename(example, '.yaml');
    const mark = unique('ze');
    const text = (await readFile(join(import.meta.dirname, example), 'utf8'))
      .replaceAll(/(zashiki[.-]example\b)/g, (name) => `${name}-${mark}`)
      .replaceAll(/(?<= )(busybox)(?= )/g, 'zashiki-lab/$1');
    const file = join(own, example);
    await writeFile(file, text);
    const setup = [...text.matchAll(/^# {3}\$ (.*)$/gm)]
      .map((match) => match[1] ?? '')
      .filter((line) => !/^zashiki /.test(line));
    const env = { ...process.env, DOCKER_HOST: dockerHost() };
    try {
      await run('sh', ['-ec', `exec >/dev/null </dev/null\n${setup.join('\n')}`], { env });
      const args = [cli, 'run', file, '--yes', '-o', 'json', '--state', join(own, 'state')];
      const { stdout, stderr } = await run(process.execPath, args, { env }).catch(
        (error: { stdout: string; stderr: string }) => error,
      );
      const events = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
      expect(events.at(-1), `${stderr}\n${stdout.slice(-3000)}`).toMatchObject({
        type: 'run-finished',
        outcome: 'held',
      });
      const intents = events.filter((event) => event.type === 'intent');
      if (faults.includes(id)) expect(intents.map(({ fault }) => fault)).toEqual([id]);
      const seen = events.filter((event) => event.type === 'observed');
      expect(seen.filter(({ real }) => !real)).toEqual([]);
      expect(seen.length).toBe(intents.length);
      const verified = events.filter((event) => event.type === 'verified');
      expect(verified.filter(({ clean }) => !clean)).toEqual([]);
      expect(verified.length).toBe(intents.filter(({ reversible }) => reversible).length);
    } finally {
      const filters = JSON.stringify({ name: [mark] });
      for (const { Id } of await docker('GET', `/containers/json?all=1&filters=${encodeURIComponent(filters)}`)) {
        await docker('DELETE', `/containers/${Id}?force=1&v=1`).catch(() => undefined);
      }
      const { Volumes } = await docker('GET', `/volumes?filters=${encodeURIComponent(filters)}`);
      for (const { Name } of Volumes ?? []) await docker('DELETE', `/volumes/${Name}?force=1`).catch(() => undefined);
      await rm(own, { recursive: true, force: true });
    }
  });
});
