import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RecordingPeer, recordingPeer } from '../../../test/fixtures/recording-peer.ts';
import { alive, isGone, tinyEngine } from '../../../test/fixtures/tiny-engine.ts';
import { slackSignature } from '../../triggers/index.ts';
import { commOf, type Started, start, testClock, victim } from './fixtures/start.ts';

let folder: string;
const victims: Awaited<ReturnType<typeof victim>>[] = [];
const running: Started[] = [];
let peer: RecordingPeer | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zashiki-monkey-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((monkey) => monkey.stop()));
  for (const { pid, child } of victims.splice(0)) {
    child.kill('SIGKILL');
    await isGone(pid);
  }
  await peer?.close();
  await rm(folder, { recursive: true });
});

async function engineWithVictim() {
  const made = await victim();
  victims.push(made);
  const engine = tinyEngine({
    candidates: () => [made.pid].filter(alive).map((pid) => ({ pid, name: commOf(pid) })),
  });
  return { ...made, engine };
}

const token = 'the-token-of-hubot';
const env = { ZASHIKI_CHAT_TOKEN: token };

async function hears(monkey: Started, text: string, user = 'ada') {
  const reply = await fetch(`${monkey.url}/api/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ text, user }),
  });
  return reply.status === 204 ? '' : ((await reply.json()) as { text: string }).text;
}

test.each(['destroy', 'そろそろですとろい', 'デストロイ！'])(
  'NM-27 hubot hears %s: a real process dies',
  async (text) => {
    const { pid, engine } = await engineWithVictim();
    const monkey = await start(['--execute', '--chat-users', 'ada', '--chat-confirm=false'], engine, { env });
    running.push(monkey);
    expect(await hears(monkey, text)).toBe('(emoticon)< デストイイイ!!!!');
    expect(alive(pid)).toBe(false);
    expect(monkey.lines().at(-1)).toMatch(/^.{20}Kill: crond\(PID:\d+ PPID:\d+\) - request from hubot$/);
  },
);

test('NM-27 with care: it asks back, only the listed may, a typo does nothing', async () => {
  const { pid, engine } = await engineWithVictim();
  const monkey = await start(['--execute', '--chat-users', 'ada,bob'], engine, { env });
  running.push(monkey);
  expect(await hears(monkey, 'おつかれさま')).toBe('');
  expect(await hears(monkey, 'destory')).toBe('');
  expect(await hears(monkey, 'destroy', 'eve')).toContain('may not');
  const asked = await hears(monkey, 'destroy');
  const code = /confirm (\d{4})/.exec(asked)?.[1];
  expect(await hears(monkey, `confirm ${code}`, 'bob')).toContain('not good');
  expect(alive(pid)).toBe(true);
  expect(await hears(monkey, `confirm ${code}`)).toBe('(emoticon)< デストイイイ!!!!');
  expect(alive(pid)).toBe(false);
});

test('NM-27 stop and release from chat; while stopped the word says why', async () => {
  const { engine } = await engineWithVictim();
  const monkey = await start(['--chat-users', 'ada', '--chat-confirm=false'], engine, { env });
  running.push(monkey);
  expect(await hears(monkey, 'stop')).toContain('Stopped');
  expect(await hears(monkey, 'destroy')).toBe('It failed: asked for in chat');
  expect(await hears(monkey, 'confirm 1234')).toContain('not good');
  const asked = await hears(monkey, 'release');
  expect(await hears(monkey, /confirm \d+/.exec(asked)?.[0] ?? '')).toBe('Released.');
  expect(await hears(monkey, 'destroy')).toBe('(emoticon)< デストイイイ!!!!\nA dry run: nothing was killed.');
});

test('NM-27 Slack calls it with a signature, by any host name', async () => {
  const { engine } = await engineWithVictim();
  const secret = 'signing-secret';
  const monkey = await start(['--chat-users', 'U1', '--chat-confirm=false'], engine, {
    env: { ZASHIKI_SLACK_SIGNING_SECRET: secret, ZASHIKI_TOKEN: 'the-token-of-the-api' },
  });
  running.push(monkey);
  const body = new URLSearchParams({ user_id: 'U1', command: '/destroy', text: '' }).toString();
  const timestamp = String(Math.floor(stillNow() / 1000));
  const reply = await fetch(`${monkey.url}/api/chat`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': slackSignature(secret, timestamp, body),
    },
  });
  expect(reply.status).toBe(200);
  expect(engine.requests).toHaveLength(1);
});

test('NM-28 the counter from 0 to 10: kills at 3, 6 and 9, and remembers over a restart', async () => {
  let count = 0;
  peer = await recordingPeer(() => ({ body: JSON.stringify({ likes_count: count === 0 ? null : count }) }));
  const state = join(folder, 'likes');
  const engine = tinyEngine({ candidates: () => [{ pid: 4_000_000, name: 'crond' }], kill: () => {} });
  const lines: string[] = [];
  // Two lives: 0 to 5, then 6 to 10.
  for (const last of [5, 10]) {
    const clock = testClock();
    const end = new AbortController();
    const sleep = clock.sleep;
    clock.sleep = async (ms, signal) => {
      // The timer waits for ever; only the counter goes on.
      if (ms !== 600_000) return new Promise((_resolve, reject) => signal?.addEventListener('abort', reject));
      if (count++ >= last) end.abort();
      await sleep(0, signal);
    };
    const argv = ['--counter-url', `${peer.url}/items/1`, '--counter-state', state];
    const monkey = await start(argv, engine, { clock, end });
    expect(await monkey.exit).toBe(0);
    lines.push(...monkey.lines());
  }
  const descs = engine.requests.map(({ experiment }) => experiment.spec.description);
  expect(descs).toEqual([3, 6, 9].map((likes) => `Congraturations you have got ${likes} like`));
  expect(
    lines.filter((line) => line.includes('(Dryrun) Kill: crond') && line.includes('Congraturations')),
  ).toHaveLength(3);
  expect(await readFile(state, 'utf8')).toBe('{"next":12}\n');
});

test('NM-28 a peer that is down is a line in the log, and the monkey goes on', async () => {
  peer = await recordingPeer(() => ({ status: 500 }));
  const engine = tinyEngine({ candidates: () => [] });
  const argv = ['--counter-url', peer.url, '--counter-state', join(folder, 'likes')];
  const monkey = await start(argv, engine);
  running.push(monkey);
  await peer.received(1);
  while (!monkey.lines().some((line) => line.includes('error: counter'))) await new Promise((go) => setTimeout(go, 5));
  expect((await monkey.post('{"desc":"d"}')).status).toBe(500);
});

/** What the still clock of `start` shows. */
const stillNow = () => new Date(2026, 10, 23, 12, 0, 0).getTime();
