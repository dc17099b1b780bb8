import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, type TestContext, test } from 'vitest';
import { alive, isGone } from '../../../test/fixtures/tiny-engine.ts';
import { systemClock } from '../../core/clock.ts';
import { lockHolder } from '../../journal/lock.ts';
import { openEngine } from '../../sdk/engine.ts';
import { type Started, start, victim } from './fixtures/start.ts';

// The real engine, journal and reaper; in a PID namespace also with every process there is as a candidate.

const main = resolve('dist/cli/main.cjs');
const driver = resolve(import.meta.dirname, 'fixtures/namespace.mjs');
const always = ['--day', '0-7', '--time', '00:00-23:59'];
let state: string;
const victims: Awaited<ReturnType<typeof victim>>[] = [];
const running: Started[] = [];
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'zashiki-monkey-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((monkey) => monkey.stop()));
  for (const { pid, child } of victims.splice(0)) {
    child.kill('SIGKILL');
    await isGone(pid);
  }
  rmSync(state, { recursive: true, force: true });
});

function needs(context: TestContext): void {
  if (process.platform !== 'linux') context.skip('needs Linux');
  if (!existsSync(main)) context.skip('needs the build: npm run build');
}

/** The monkey on the real engine, which may hit these alone. */
async function monkeyOver(pids: readonly number[], argv: readonly string[]): Promise<Started> {
  const engine = openEngine({ state });
  const selector = { pid: [...pids] };
  const monkey = await start([...always, '--seed', '3', ...argv], engine, { clock: systemClock, selector });
  running.push(monkey);
  return monkey;
}

async function newVictims(...names: string[]) {
  const made = await Promise.all(names.map((name) => victim(name)));
  victims.push(...made);
  return made;
}

const journals = () =>
  readdirSync(join(state, 'runs')).map((run) => {
    const file = readdirSync(join(state, 'runs', run)).find((name) => name.includes('journal'));
    const text = readFileSync(join(state, 'runs', run, file ?? ''), 'utf8');
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  });

test('NM-06, NM-07, NM-09, NM-19 real engine: the victim dies by SIGKILL, reply and line name it', async (context) => {
  needs(context);
  const [one] = await newVictims('odd) name');
  if (!one) throw new Error('no victim');
  const ended = new Promise((resolve) => one.child.once('exit', (_code, signal) => resolve(signal)));
  const { post, lines } = await monkeyOver([one.pid], ['--execute']);
  const reply = await post('{"desc":"I like kill!"}');
  expect(await reply.text()).toBe(
    `{"name":"odd) name","desc":"I like kill!","pid":${one.pid},"ppid":${process.pid}}\n`,
  );
  expect(reply.status).toBe(200);
  expect(await ended).toBe('SIGKILL');
  expect(lines().at(-1)).toMatch(/^.{20}Kill: odd\) name\(PID:\d+ PPID:\d+\) - I like kill!$/);
  const again = await post('{"desc":"more"}');
  expect([again.status, await again.text()]).toEqual([
    500,
    '{"code":500,"message":"cannot find any process to kill"}\n',
  ]);
});

test('NM-02, NM-24 real engine: a dry run names a victim and lets it live', async (context) => {
  needs(context);
  const made = await newVictims('a', 'b', 'c');
  const { post, lines } = await monkeyOver(
    made.map(({ pid }) => pid),
    [],
  );
  for (let count = 0; count < 5; count++) {
    expect(await (await post('{"desc":"d"}')).json()).toMatchObject({ dryRun: true, ppid: process.pid });
  }
  expect(lines().filter((line) => line.includes('(Dryrun) Kill: '))).toHaveLength(5);
  expect(made.every(({ pid }) => alive(pid))).toBe(true);
  expect(
    journals()
      .flat()
      .some(({ type }) => type === 'injected'),
  ).toBe(false);
});

test('NM-08, NM-10 dry picks over the whole machine: never pid 1, ourselves, or a kernel thread', async (context) => {
  needs(context);
  const [one] = await newVictims('at-least-one');
  const monkey = await start(always, openEngine({ state }), { clock: systemClock });
  running.push(monkey);
  const seen: { pid: number; ppid: number }[] = [];
  for (let count = 0; count < 25; count++) {
    const reply = await monkey.post('{"desc":"d"}');
    if (reply.status === 200) seen.push((await reply.json()) as { pid: number; ppid: number });
  }
  expect(seen.length).toBeGreaterThan(10);
  expect(seen.filter(({ pid, ppid }) => pid <= 2 || ppid === 2 || pid === process.pid)).toEqual([]);
  expect(one && alive(one.pid)).toBe(true);
});

interface Outcome {
  readonly lines: readonly string[];
  readonly errors: string;
  readonly replies: readonly { readonly status: number; readonly body: string }[];
  readonly code: number | null;
  readonly signal: string | null;
  readonly left: readonly string[];
  readonly victims: readonly { readonly name: string; readonly pid: number }[];
  readonly ends: Readonly<Record<string, string>>;
}

const asRoot = process.getuid?.() === 0;
const unshare = ['--pid', '--fork', '--mount-proc', '--kill-child', ...(asRoot ? [] : ['--user', '--map-root-user'])];

/** The real program among processes that are all its own to kill. */
async function inNamespace(
  context: TestContext,
  given: { argv: string[]; kills: number; names: string[]; until?: string; uid?: number },
): Promise<Outcome> {
  needs(context);
  if (spawnSync('unshare', [...unshare, 'true']).status !== 0) {
    context.skip('no PID namespace here: unshare --pid --mount-proc is not permitted');
  }
  const argument = JSON.stringify({ ...given, main, env: { ZASHIKI_STATE: state, ZASHIKI_TOKEN: '' } });
  const { stdout } = await promisify(execFile)('unshare', [...unshare, process.execPath, driver, argument], {
    timeout: 120_000,
  });
  return JSON.parse(stdout) as Outcome;
}

test('NM-08, NM-26 in a namespace with --execute: all victims die one by one, then nobody is left; SIGTERM ends it in order', async (context) => {
  const names = ['crond', 'sshd', 'nginx'];
  const seen = await inNamespace(context, { argv: ['--execute', ...always], kills: 4, names });
  expect(seen.errors).toBe('');
  expect(seen.replies.map(({ status }) => status)).toEqual([200, 200, 200, 500]);
  expect(Object.values(seen.ends)).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']);
  const killed = seen.replies.slice(0, 3).map(({ body }) => JSON.parse(body));
  expect(killed.map(({ name }) => name).sort()).toEqual([...names].sort());
  expect(killed.every(({ ppid, desc }) => ppid === 1 && desc === 'I like kill!')).toBe(true);
  expect(seen.lines.at(-1)).toMatch(/error: cannot find any process to kill$/);
  expect(seen.lines[0]).toMatch(/^.{20}Nightmare Monkey is playing from 00:00 to 23:59, Sun thru Sun\.$/);
  expect([seen.code, seen.signal]).toEqual([0, null]);
  expect(seen.left).toEqual([]);
  expect(journals().map((events) => events.at(-1).type)).toEqual(Array(4).fill('run-finished'));
}, 120_000);

test('NM-02 in a namespace without --execute: everybody lives', async (context) => {
  const names = ['crond', 'sshd'];
  const seen = await inNamespace(context, { argv: always, kills: 6, names });
  expect(seen.replies.map(({ status }) => status)).toEqual(Array(6).fill(200));
  expect(Object.values(seen.ends)).toEqual(['alive', 'alive']);
  expect(seen.code).toBe(0);
}, 120_000);

test('NM-25 in a namespace: the timer kills by itself', async (context) => {
  const argv = ['--execute', '--min-interval', '1', '--max-interval', '1', ...always];
  const names = ['a', 'b', 'c', 'd'];
  const seen = await inNamespace(context, { argv, kills: 1, names, until: ' - by monkey' });
  const killed = seen.lines.filter((line) =>
    /^.{20}Kill: [abcd]\(PID:\d+ PPID:1\) - (by monkey|I like kill!)$/.test(line),
  );
  expect(killed.length).toBeGreaterThanOrEqual(2);
  expect(Object.values(seen.ends).filter((end) => end === 'SIGKILL')).toHaveLength(killed.length);
  expect(seen.code).toBe(0);
}, 120_000);

test('NM-11 in a namespace, as nobody: not permitted, in its words', async (context) => {
  if (!asRoot) context.skip('needs root, to be somebody else');
  chmodSync(state, 0o755);
  const own = join(state, 'nobody');
  mkdirSync(own, { mode: 0o700 });
  chownSync(own, 65_534, 65_534);
  const outer = state;
  state = own;
  try {
    const seen = await inNamespace(context, {
      argv: ['--execute', ...always],
      kills: 1,
      names: ['crond'],
      uid: 65_534,
    });
    expect(seen.replies[0]?.status).toBe(500);
    expect(seen.lines.at(-1)).toMatch(/error: attempt to kill crond\(PID:\d+ PPID:1\) and got error: .+/);
    expect(Object.values(seen.ends)).toEqual(['alive']);
  } finally {
    state = outer;
  }
}, 120_000);

test('NM-30 the systemd units are sound', (context) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) context.skip('systemd-analyze is not here');
  for (const unit of ['nightmare-monkey', 'zashiki']) {
    const checked = spawnSync('systemd-analyze', ['verify', `deploy/${unit}.service`], { encoding: 'utf8' });
    expect([unit, checked.status, checked.stderr]).toEqual([unit, 0, '']);
  }
});

test('one daemon to a state folder: the second monkey ends with 1 and names the first', async (context) => {
  needs(context);
  const engine = openEngine({ state });
  const first = await start(always, engine, { state });
  running.push(first);
  const second = await start(always, openEngine({ state }), { state });
  expect(await second.exit).toBe(1);
  expect(second.errors()).toContain(`another zashiki daemon (pid ${process.pid}) uses this state folder`);
  expect(second.lines()).toEqual([]);
  expect(await first.stop()).toBe(0);
  const third = await start(always, engine, { state });
  expect(third.url).not.toBe('');
  expect(await third.stop()).toBe(0);
});

test('a port that is taken lets go of the state folder', async (context) => {
  needs(context);
  const engine = openEngine({ state });
  const first = await start(always, engine);
  running.push(first);
  const second = await start([...always, '--port', new URL(first.url).port], engine, { state });
  expect(await second.exit).toBe(1);
  expect(lockHolder(state, 'daemon')).toBeNull();
});
