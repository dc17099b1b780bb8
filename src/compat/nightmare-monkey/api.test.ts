import { request } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { tinyEngine } from '../../../test/fixtures/tiny-engine.ts';
import { monday, type Started, start, stillClock } from './fixtures/start.ts';
import { goJson, logPrefix, oneLine } from './go-text.ts';

const running: Started[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((monkey) => monkey.stop()));
});

/** Its one candidate stands for any process; nothing is really signalled. */
async function monkey(argv: readonly string[] = ['--execute'], at = monday) {
  const engine = tinyEngine({ candidates: () => [{ pid: 4_000_000, name: 'crond' }], kill: () => {} });
  const started = await start(argv, engine, { clock: stillClock(at) });
  running.push(started);
  return { ...started, engine };
}

test('NM-19 the reply: key order, newline, escaping', async () => {
  const { post } = await monkey();
  const reply = await post('{"desc":"<b>I & you > \\u2028"}');
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toBe('application/json');
  expect(await reply.text()).toBe(
    '{"name":"crond","desc":"\\u003cb\\u003eI \\u0026 you \\u003e \\u2028","pid":4000000,"ppid":0}\n',
  );
});

test('NM-19 a form content type, as curl -d sends it, is fine; so is any key case and other keys', async () => {
  const { post } = await monkey();
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(await (await post('{"DESC":"d","more":[1]}', type)).json()).toMatchObject({ desc: 'd' });
});

test.each([['{}'], ['null'], ['{"desc":""}'], ['{"desc":"  "}'], ['{"desc":null}']])(
  'NM-20 %s: desc is required',
  async (body) => {
    const { post, lines, engine } = await monkey();
    const reply = await post(body);
    expect(reply.status).toBe(400);
    expect(await reply.json()).toEqual({ code: 400, message: 'desc is required: say why, like {"desc":"game day"}' });
    expect(lines().at(-1)).toContain('error: desc is required');
    expect(engine.requests).toHaveLength(0);
  },
);

test.each([['{'], [''], ['{"desc":1}'], ['[]'], ['"x"'], ['\ufeff{"desc":"d"}'], ['{"desc":"d"} x']])(
  'NM-21 %j is a format error',
  async (body) => {
    const { post, lines, engine } = await monkey();
    const reply = await post(body);
    expect(reply.status).toBe(400);
    expect(await reply.text()).toBe('{"code":400,"message":"format error"}\n');
    expect(lines().at(-1)).toMatch(/^.{20}error: .+/);
    expect(engine.requests).toHaveLength(0);
  },
);

test('NM-21 other methods are 405 and empty, other paths 404', async () => {
  const { url } = await monkey();
  for (const method of ['GET', 'PUT', 'DELETE', 'HEAD']) {
    const reply = await fetch(`${url}/api/kill`, { method });
    expect([method, reply.status, await reply.text()]).toEqual([method, 405, '']);
  }
  for (const path of ['/', '/api/kill/', '/api', '/api/kill/x']) {
    const reply = await fetch(`${url}${path}`);
    expect([path, reply.status, await reply.text()]).toEqual([path, 404, '404 page not found\n']);
    expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  }
});

test('NM-22 outside the window: 409, logged; a wrong body is still 400', async () => {
  const sunday = monday - 86_400_000;
  const { post, lines, engine } = await monkey(['--execute'], sunday);
  const reply = await post('{"desc":"d"}');
  expect(reply.status).toBe(409);
  expect(await reply.text()).toBe('{"code":409,"message":"Nightmare Monkey is sleeping now"}\n');
  expect(lines().at(-1)).toBe(`${logPrefix(sunday)}refused: Nightmare Monkey is sleeping now - d`);
  expect((await post('{')).status).toBe(400);
  expect(engine.requests).toHaveLength(0);
});

test('NM-24 a dry run says so', async () => {
  const { post } = await monkey([]);
  expect(await (await post('{"desc":"d"}')).text()).toBe(
    '{"name":"crond","desc":"d","pid":4000000,"ppid":0,"dryRun":true}\n',
  );
});

test('web pages are kept out', async () => {
  const { url, engine } = await monkey();
  const ask = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const asked = request(`${url}/api/kill`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asked.on('error', reject).end('{"desc":"d"}');
    });
  expect(await ask({ host: 'evil.example' })).toBe(403);
  expect(await ask({ origin: 'http://evil.example' })).toBe(403);
  expect(await ask({ 'user-agent': 'Mozilla/5.0' })).toBe(403);
  expect(engine.requests).toHaveLength(0);
  expect(await ask({ 'user-agent': 'curl/8' })).toBe(200);
});

test('a description cannot forge a line of the log', async () => {
  const { post, lines } = await monkey([]);
  const before = lines().length;
  await post(JSON.stringify({ desc: 'x\n2026/11/23 12:00:00 Kill: init(PID:1 PPID:0) - y' }));
  expect(lines()).toHaveLength(before + 1);
  expect(oneLine('a\u0007\r\u0085b\tc')).toBe('a\\u0007\\u000d\\u0085b\tc');
});

test('NM-19 JSON as Go writes it', () => {
  // Outputs of encoding/json for the same strings.
  expect(goJson({ a: 'q"\\ \b\f\n\t\u0001\u007f é 座 😀 \u2029' })).toBe(
    '{"a":"q\\"\\\\ \\u0008\\u000c\\n\\t\\u0001\u007f é 座 😀 \\u2029"}\n',
  );
  expect(goJson('\ud800 \\ud800 \\b')).toBe('"\\ufffd \\\\ud800 \\\\b"\n');
});
