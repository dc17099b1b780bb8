import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { unable } from '../../test/fixtures/docker.ts';
import { noHaproxy, type Service, service } from '../../test/fixtures/hello-service.ts';

const cli = join(import.meta.dirname, '../../dist/cli/main.cjs');
const reason = unable ?? noHaproxy ?? (existsSync(cli) ? undefined : 'dist/ is not there: run npm run build first');

/** Run the example as it stands, aimed at one service; its exit code and its reports. */
async function experiment({ url, tag }: Service, folder: string) {
  const text = readFileSync(join(import.meta.dirname, 'hello-stays-up.yaml'), 'utf8');
  const file = join(folder, `${tag}.yaml`);
  writeFileSync(file, text.replace('http://127.0.0.1:8080/ok', url).replaceAll('re2:hello', `re2:${tag}`));
  const [html, json] = [join(folder, `${tag}.html`), join(folder, `${tag}.json`)];
  const args = [cli, 'run', file, '--yes', '--report', html, '--report', json, '--state', join(folder, 'state')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (!existsSync(html)) throw new Error(said);
  return { code, said, html: readFileSync(html, 'utf8'), report: JSON.parse(readFileSync(json, 'utf8')) };
}

describe.skipIf(reason)(`examples/pumba${reason ? `: skipped, ${reason}` : ''}`, () => {
  test('PU-30 one replica deviates, five hold, and the reports show both', { timeout: 300_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zashiki-hello-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [one, five] = [await service(1), await service(5)];
    const alone = await experiment(one, folder);
    const together = await experiment(five, folder);
    expect(alone.code, alone.said).toBe(1);
    expect(together.code, together.said).toBe(0);
    for (const [{ html, report }, outcome] of [
      [alone, 'deviated'],
      [together, 'held'],
    ] as const) {
      expect(JSON.stringify(report)).toContain(`"outcome":"${outcome}"`);
      expect(html).toContain('the service answers');
      expect(html.match(/container-kill/g)?.length).toBeGreaterThan(2);
    }
    expect(five.restarts()).toBeGreaterThan(0);
  });
});
