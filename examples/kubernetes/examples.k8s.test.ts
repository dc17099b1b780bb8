import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { cluster, kubectl, namespace, unable, unique } from '../../test/fixtures/kubernetes.ts';

const run = promisify(execFile);
const cli = resolve(import.meta.dirname, '../../dist/cli/main.cjs');
const examples = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.yaml'));

/** Every example is run as its own comment says, in a namespace of its own, with images of the lab. */
describe.skipIf(unable)('examples/kubernetes', () => {
  test.each(examples)('%s does what it says', async (example) => {
    const own = await mkdtemp(join(tmpdir(), 'zashiki-example-'));
    const id = basename(example, '.yaml');
    const within = await namespace();
    const label = unique('node');
    await kubectl(['label', 'node', 'n2', `${label}=${label}`]);
    const text = (await readFile(join(import.meta.dirname, example), 'utf8'))
      .replaceAll('namespaces: default', `namespaces: ${within}`)
      .replaceAll('registry.k8s.io/pause:3.10', 'zashiki-lab/scratch-sleeper:1')
      .replaceAll('busybox:1.36', 'zashiki-lab/busybox:1')
      .replaceAll(/kubectl label node --all .*/g, 'true')
      .replaceAll('zashiki-example: node', `${label}: ${label}`)
      .replaceAll('[kubectl, get, deployment', `[kubectl, -n, ${within}, get, deployment`)
      .replaceAll(/(\$ kubectl) (?!label)/g, `$1 -n ${within} `);
    const file = join(own, example);
    await writeFile(file, text);
    const setup = [...text.matchAll(/^# {3}\$ (.*)$/gm)]
      .map((match) => match[1] ?? '')
      .filter((line) => !/^zashiki /.test(line));
    const env = { ...process.env, KUBECONFIG: (await cluster()).kubeconfig };
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
      expect(intents.map(({ fault }) => fault)).toEqual([id]);
      expect(events.filter((event) => event.type === 'observed' && event.real)).toHaveLength(1);
      const verified = events.filter((event) => event.type === 'verified');
      expect(verified.filter(({ clean }) => !clean)).toEqual([]);
      expect(verified.length).toBe(intents.filter(({ reversible }) => reversible).length);
    } finally {
      await kubectl(['label', 'node', 'n2', `${label}-`]);
      await rm(own, { recursive: true, force: true });
    }
  });
});
