import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { agentApi, type Dial, type LineOptions, openLine } from '../remote/index.ts';
import { eventually, startAgent, testFolder } from './testing.ts';

const program = resolve(import.meta.dirname, '../../dist/cli/main.cjs');
const hasEnded = ({ exitCode, signalCode }: ChildProcessWithoutNullStreams) => exitCode !== null || signalCode !== null;

/** `agent call --lines` in a process of its own. */
function startCall(url: string) {
  const child = spawn(process.execPath, [program, 'agent', 'call', '--lines', '--url', url]);
  const closed = once(child, 'close');
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.err += chunk;
  });
  child.stdin.on('error', () => {});
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  const lines = () => said.out.split('\n').slice(0, -1);
  const answers = () => lines().flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  const ask = (value: unknown) => child.stdin.write(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`);
  return { child, closed, said, lines, answers, ask };
}

/** A line over the pipes of such processes, and what became of it. */
function startLine(url: string, options: Partial<LineOptions> = {}) {
  const calls: ReturnType<typeof startCall>[] = [];
  const written: string[] = [];
  const state = { isOver: false, isHeld: false };
  const dial: Dial = async ({ heard, ended }) => {
    const call = startCall(url);
    calls.push(call);
    call.child.stdout.on('data', heard);
    call.child.once('exit', () => ended(new Error(`it ended: ${call.said.err}`)));
    return {
      write(text) {
        written.push(text);
        call.child.stdin.write(text);
      },
      hold: (isNeeded) => {
        state.isHeld = isNeeded;
      },
      close: () => void call.child.stdin.end(),
    };
  };
  const onOver = () => {
    state.isOver = true;
  };
  const line = openLine(dial, { name: 'node', longestMs: 60_000, openingMs: 60_000, onOver, ...options });
  return { line, calls, state, written };
}

/** Somebody who answers only when told to, and knows who has hung up. */
async function startSlow() {
  const socket = join(testFolder(), 'slow.sock');
  const waiting = new Map<string, () => void>();
  const hungUp: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    waiting.set(path, () => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(path)));
    response.once('close', () => void (response.writableFinished || hungUp.push(path)));
  });
  await new Promise<void>((done) => server.listen(socket, done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `unix:${socket}`, waiting, hungUp };
}

test('many questions at a time, answered as the answers come', async () => {
  const slow = await startSlow();
  const { line, calls, state } = startLine(slow.url);
  const order: string[] = [];
  const paths = Array.from({ length: 20 }, (_, index) => `/q${index}`);
  const asked = paths.map(async (path) => {
    const answer = await line(path, { of: path });
    order.push(path);
    return answer;
  });
  await eventually(() => slow.waiting.size === paths.length, 'all are asked at a time');
  expect(state.isHeld).toBe(true);
  for (const path of paths.toReversed()) {
    slow.waiting.get(path)?.();
    await eventually(() => order.at(-1) === path, `${path} is answered`);
  }
  expect(await Promise.all(asked)).toEqual(paths.map((body) => ({ status: 200, body })));
  expect(calls.length).toBe(1);
  expect(state.isHeld, 'nobody waits any more').toBe(false);
});

test('a question that is given up, or takes too long, is taken back; the others go on', async () => {
  const slow = await startSlow();
  const { line, state } = startLine(slow.url, { longestMs: 3000 });
  const stop = new AbortController();
  const given = line('/given-up', {}, stop.signal);
  const other = line('/other', {});
  await eventually(() => slow.waiting.size === 2, 'both are asked');
  stop.abort(new Error('no longer wanted'));
  await expect(given).rejects.toThrow('no longer wanted');
  await eventually(() => slow.hungUp.includes('/given-up'), 'it is taken back');
  slow.waiting.get('/other')?.();
  expect(await other).toEqual({ status: 200, body: '/other' });
  await expect(line('/late', {})).rejects.toMatchObject({ code: 'peer-unavailable', message: /not within 3000 ms/ });
  await eventually(() => slow.hungUp.includes('/late'), 'that one too');
  expect(state.isOver).toBe(false);
});

test('what was given up before the line is open is never asked', async () => {
  const slow = await startSlow();
  const { line, written } = startLine(slow.url);
  const stop = new AbortController();
  const given = line('/never', {}, stop.signal);
  const other = line('/other', {});
  stop.abort(new Error('no longer wanted'));
  await expect(given).rejects.toThrow('no longer wanted');
  await eventually(() => slow.waiting.has('/other'), 'the other one is asked');
  slow.waiting.get('/other')?.();
  await other;
  expect(written.join('')).not.toContain('/never');
});

test('what is no answer is nobody’s', async () => {
  const said = [
    'null',
    '1',
    'warning: so slow',
    '{}',
    '{"id":9,"status":200}',
    '',
    '{"id":1,"status":200,"body":"yes"}',
  ];
  const dial: Dial = async ({ heard }) => ({
    write: () => heard(Buffer.from(`${said.join('\n')}\n`)),
    hold() {},
    close() {},
  });
  const line = openLine(dial, { name: 'node', longestMs: 60_000, onOver() {} });
  expect(await line('/a', {})).toEqual({ status: 200, body: 'yes' });
});

test('a line that is cut: who waits is told so, the process there ends, and so does what it asked', async () => {
  const slow = await startSlow();
  const { line, calls, state } = startLine(slow.url);
  const asked = [line('/a', {}), line('/b', {})].map((one) => one.catch((error) => error.message));
  await eventually(() => slow.waiting.size === 2, 'both are asked');
  const [call] = calls;
  call?.child.stdin.destroy();
  await call?.closed;
  expect(call?.child.exitCode).toBe(0);
  expect(await Promise.all(asked)).toEqual(['it ended: ', 'it ended: ']);
  expect(state.isOver).toBe(true);
  await eventually(() => slow.hungUp.length === 2, 'both are taken back');
  await expect(async () => line('/c', {})).rejects.toThrow('it ended');
});

test('a line on which nothing is heard is cut, though it is open', async () => {
  const slow = await startSlow();
  const { line, calls, state } = startLine(slow.url, { beatMs: 400, idleMs: 60_000 });
  const first = line('/first', {});
  await eventually(() => slow.waiting.has('/first'), 'it is asked');
  slow.waiting.get('/first')?.();
  await first;
  calls[0]?.child.kill('SIGSTOP');
  await expect(line('/second', {})).rejects.toMatchObject({ code: 'peer-unavailable', message: /nothing was heard/ });
  expect(state.isOver).toBe(true);
  // Its input has come to an end: it does so as soon as it can.
  calls[0]?.child.kill('SIGCONT');
  await calls[0]?.closed;
});

test('signs of life keep a line whole while an answer takes its time, and it is closed when nobody asks', async () => {
  const slow = await startSlow();
  const { line, calls, state } = startLine(slow.url, { beatMs: 500, idleMs: 1000 });
  const asked = line('/slow', {});
  await eventually(() => slow.waiting.has('/slow'), 'it is asked');
  const beats = () => calls[0]?.lines().filter((each) => each === '').length ?? 0;
  const before = beats();
  await eventually(() => beats() > before + 7, 'longer than silence may last');
  expect(state.isOver).toBe(false);
  slow.waiting.get('/slow')?.();
  expect(await asked).toMatchObject({ status: 200 });
  await calls[0]?.closed;
  expect(state.isOver).toBe(true);
  expect(calls[0]?.child.exitCode).toBe(0);
});

test('an agent that was killed is asked over the same line when it is back', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  const { line, calls } = startLine(agent.url);
  expect(await line('/v1/status', null)).toMatchObject({ status: 200, body: { name: 'node' } });
  await agent.kill();
  await expect(line('/v1/status', null)).rejects.toMatchObject({
    code: 'peer-unavailable',
    message: expect.stringContaining('does not answer'),
  });
  await startAgent(folder);
  expect(await line('/v1/status', null)).toMatchObject({ status: 200, body: { name: 'node' } });
  expect(calls.length).toBe(1);
});

test('bodies of a megabyte and letters of all kinds arrive as they were, there and back', async () => {
  const socket = join(testFolder(), 'echo.sock');
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    request.pipe(response);
  });
  await new Promise<void>((done) => server.listen(socket, done));
  onTestFinished(() => void server.close());
  const { line } = startLine(`unix:${socket}`);
  const bodies = ['a', '座敷', '\u2028\r\n"'].map((text) => ({ text: text.repeat((1 << 20) / text.length) }));
  const answers = await Promise.all(bodies.map((body) => line('/echo', body)));
  expect(answers.map(({ body }, index) => isDeepStrictEqual(body, bodies[index]))).toEqual([true, true, true]);
});

test('an agent takes a body of a megabyte', async () => {
  const agent = await startAgent(testFolder());
  const { line } = startLine(agent.url);
  const injections = Array.from({ length: 9999 }, (_, index) => ({
    run: `r${index}-${'y'.repeat(100)}`,
    injection: 'i1',
  }));
  expect(JSON.stringify(injections).length).toBeGreaterThan(1 << 20);
  expect(await agentApi(line, 'node').lease(injections, 1000)).toEqual([]);
});

test('lines that are no questions are told so, and the next one is answered', async () => {
  const agent = await startAgent(testFolder());
  const { child, closed, ask, answers, lines } = startCall(agent.url);
  for (const wrong of ['{"id":', '[]', 'null', { id: {} }, { id: 1 }, { id: 2, path: 'v1' }]) ask(wrong);
  ask({ id: 3, path: '/v1/lease', body: [] });
  ask({ id: 'no such', cancel: true });
  ask('');
  ask({ id: 'four', path: '/v1/status' });
  await eventually(() => answers().some(({ id }) => id === 'four'), 'the last one is answered');
  expect(answers().map(({ id, status, error }) => [id, status ?? error.code, error?.message.slice(0, 20)])).toEqual([
    [null, 'usage', 'the line is not JSON'],
    [null, 'usage', '`id` must be a numbe'],
    [null, 'usage', '`id` must be a numbe'],
    [null, 'usage', '`id` must be a numbe'],
    [1, 'usage', '`path` must begin wi'],
    [2, 'usage', '`path` must begin wi'],
    [3, 'usage', '`body` must be an ob'],
    ['four', 200, undefined],
  ]);
  expect(lines().filter((line) => line === '')).toHaveLength(1);
  child.stdin.end();
  await closed;
  expect(child.exitCode).toBe(0);
});

test.each([[[]], [['--lines', '/v1/status']]])('`agent call` with %j is told what to give', (flags) => {
  const { status, stderr } = spawnSync(process.execPath, [program, 'agent', 'call', ...flags], { encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stderr).toContain('give either a path, for example /v1/status, or --lines');
});

test('an id that is still open is not asked twice', async () => {
  const slow = await startSlow();
  const { ask, answers } = startCall(slow.url);
  ask({ id: 1, path: '/a' });
  ask({ id: 1, path: '/b' });
  await eventually(() => answers().length === 1, 'the second one is refused');
  expect(answers()).toEqual([{ id: 1, error: { code: 'usage', message: 'question 1 is still open' } }]);
  expect([...slow.waiting.keys()]).not.toContain('/b');
});

test('who reads no answers any more is not waited for', async () => {
  const slow = await startSlow();
  const { child, closed, said, ask } = startCall(slow.url);
  ask({ id: 1, path: '/a' });
  await eventually(() => slow.waiting.has('/a'), 'it is asked');
  child.stdout.destroy();
  slow.waiting.get('/a')?.();
  await closed;
  expect(said.err).toMatch(/nobody reads the answers/);
});

test('a process whose answers are stuck ends with its input', async () => {
  const agent = await startAgent(testFolder());
  const { child, ask } = startCall(agent.url);
  const exited = once(child, 'exit');
  child.stdout.pause();
  for (let id = 0; id < 40; id++) ask({ id, path: '/v1/nothing', body: { text: 'x'.repeat(1 << 16) } });
  for (let id = 0; id < 4000; id++) ask({ id: `p${id}`, path: '/metrics' });
  await eventually(() => child.stdout.readableLength >= child.stdout.readableHighWaterMark, 'it is stuck');
  child.stdin.end();
  await exited;
  expect(hasEnded(child)).toBe(true);
});
