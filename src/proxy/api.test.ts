import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startToxiproxy, toxiproxy } from '../../test/fixtures/toxiproxy.ts';
import { requests } from './fixtures/requests.ts';
import { openProxyServer } from './server.ts';

/** What Toxiproxy 2.12.0 answers to the requests; recorded by the second test with RECORD=1. */
const recorded = join(import.meta.dirname, 'fixtures/toxiproxy-2.12.0.json');

test("the API answers as Toxiproxy's", async () => {
  const server = await openProxyServer({ port: 0 });
  onTestFinished(() => server.close());
  expect(await conversation(server.url)).toEqual(JSON.parse(readFileSync(recorded, 'utf8')));
});

test('what was recorded is what Toxiproxy answers', { timeout: 400_000 }, async (context) => {
  const programs = toxiproxy();
  if ('missing' in programs) return context.skip(programs.missing);
  const peer = await startToxiproxy(programs.server);
  onTestFinished(() => peer.stop());
  const answers = await conversation(peer.url);
  if (process.env.RECORD) writeFileSync(recorded, `${JSON.stringify(answers, null, 2)}\n`);
  expect(answers).toEqual(JSON.parse(readFileSync(recorded, 'utf8')));
});

test('browsers are kept out as by Toxiproxy; every answer has an id', async () => {
  const server = await openProxyServer({ port: 0 });
  onTestFinished(() => server.close());
  const refused = await ask(server.url, 'GET', '/version', '', { 'User-Agent': 'Mozilla/5.0' });
  expect([refused.status, refused.body]).toEqual([403, 'User agent not allowed\n']);
  const answer = await ask(server.url, 'GET', '/version');
  expect(answer.body).toBe('{"version": "2.12.0"}\n');
  expect(answer.headers['content-type']).toBe('application/json;charset=utf-8');
  expect(answer.headers['x-toxiproxy-request-id']).toMatch(/^[0-9a-v]{20}$/);
});

/** All requests, one after the other; ports and what differs from run to run are made the same. */
async function conversation(url: string): Promise<readonly unknown[]> {
  const busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void busy.close());
  const taken = String((busy.address() as AddressInfo).port);
  const answers: unknown[] = [];
  for (const [method, path, body = ''] of requests) {
    const { status, headers, body: text } = await ask(url, method, path, body.replace('BUSY', taken));
    const shown = ['content-type', 'x-content-type-options', 'location'].flatMap((name) => headers[name] ?? []);
    const same = text.replaceAll(taken, 'BUSY').replace(/((?:127\.0\.0\.1|\[::\])):[1-9]\d{3,4}\b/g, '$1:PORT');
    answers.push({ request: [method, path, body], status, headers: shown, body: same });
  }
  return answers;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** With node:http: fetch would follow redirects and mend paths. */
function ask(url: string, method: string, path: string, body = '', headers = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const length = { 'Content-Length': Buffer.byteLength(body) };
    const call = request(
      { hostname, port, method, path, agent: false, headers: { ...length, ...headers } },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() }),
        );
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}
