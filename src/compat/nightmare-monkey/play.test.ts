import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { alive, isGone, tinyEngine } from '../../../test/fixtures/tiny-engine.ts';
import { commOf, monday, type Started, start, stillClock, testClock, victim } from './fixtures/start.ts';
import { logPrefix } from './go-text.ts';

const victims: Awaited<ReturnType<typeof victim>>[] = [];
const running: Started[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((monkey) => monkey.stop()));
  for (const { pid, child } of victims.splice(0)) {
    child.kill('SIGKILL');
    await isGone(pid);
  }
});

async function newVictim(name?: string) {
  const made = await victim(name);
  victims.push(made);
  return made;
}

/** Only these may be hit. */
const engineOver = (pids: () => readonly number[], kill?: (pid: number) => void) =>
  tinyEngine({
    candidates: () =>
      pids()
        .filter(alive)
        .map((pid) => ({ pid, name: commOf(pid) })),
    ...(kill ? { kill } : {}),
  });

async function play(...given: Parameters<typeof start>): Promise<Started> {
  const started = await start(...given);
  running.push(started);
  return started;
}

/** Let the timer go on until it has waited `count` times. */
async function waits(count: number, argv: readonly string[], engine = engineOver(() => []), at = monday) {
  const clock = testClock(at);
  const end = new AbortController();
  clock.onSleep = () => {
    if (clock.slept.length >= count) end.abort();
  };
  const { lines, exit } = await start(argv, engine, { clock, end });
  expect(await exit).toBe(0);
  return { clock, lines: lines(), next: clock.slept.map((ms) => ms / 1000) };
}

const always = ['--day', '0-7', '--time', '00:00-23:59'];

const stamped = (line: string, at = monday) => `${logPrefix(at)}${line}`;

test('NM-02 without --execute nothing is signalled', async () => {
  const { pid } = await newVictim();
  const engine = engineOver(() => [pid]);
  await waits(21, always, engine);
  const { post } = await play([], engine);
  for (let n = 0; n < 5; n++) expect((await post('{"desc":"x"}')).status).toBe(200);
  expect(engine.requests.length).toBeGreaterThanOrEqual(20);
  expect(engine.requests.every(({ execute }) => execute === false)).toBe(true);
  expect(alive(pid)).toBe(true);
});

test.each([
  [[], 'Nightmare Monkey is playing from 11:00 to 18:00, Mon thru Fri.'],
  [['-d', '6-7', '-t', '09:05-17:00'], 'Nightmare Monkey is playing from 09:05 to 17:00, Sat thru Sun.'],
  [['-d', '0-5', '-t', '9:00-17:00'], 'Nightmare Monkey is playing from 09:00 to 17:00, Sun thru Fri.'],
])('NM-03 the first line, on stdout, in local time: %j', async (argv, line) => {
  const { lines } = await play(
    argv,
    engineOver(() => []),
  );
  expect(lines()[0]).toBe(stamped(line));
  expect(lines()[0]).toMatch(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /);
});

test('NM-04 the wait is told, and waited', async () => {
  const { clock, lines } = await waits(3, ['--min-interval', '10', '--max-interval', '20']);
  const told = lines.flatMap((line) => /^.{20}Next: (\d+) seconds after$/.exec(line)?.[1] ?? []);
  expect(told.map(Number)).toEqual(clock.slept.map((ms) => ms / 1000));
  expect(told).toHaveLength(3);
});

test('NM-05 1000 waits lie between min and max, and both ends come up', async () => {
  const { next } = await waits(1000, ['--min-interval', '100', '--max-interval', '102', '--seed', '1']);
  expect(new Set(next)).toEqual(new Set([100, 101, 102]));
  const wide = await waits(1000, ['--seed', '2']);
  expect(Math.min(...wide.next)).toBeGreaterThanOrEqual(3600);
  expect(Math.max(...wide.next)).toBeLessThanOrEqual(21600);
});

test('NM-06 the lines of a kill and of a dry run', async () => {
  const { pid } = await newVictim('crond');
  const dry = await play(
    [],
    engineOver(() => [pid]),
  );
  await dry.post('{"desc":"I like kill!"}');
  expect(dry.lines().at(-1)).toBe(stamped(`(Dryrun) Kill: crond(PID:${pid} PPID:${process.pid}) - I like kill!`));
  const { lines } = await play(
    ['--execute'],
    engineOver(() => [pid]),
  ).then(async (monkey) => {
    await monkey.post('{"desc":"I like kill!"}');
    return monkey;
  });
  expect(lines().at(-1)).toBe(stamped(`Kill: crond(PID:${pid} PPID:${process.pid}) - I like kill!`));
  const timer = await waits(
    2,
    [],
    engineOver(() => [process.pid]),
  );
  expect(
    timer.lines.filter((line) => /^.{20}\(Dryrun\) Kill: .+\(PID:\d+ PPID:\d+\) - by monkey$/.test(line)),
  ).toHaveLength(1);
});

test('NM-07 the name is the comm of the process, whatever is in it', async () => {
  const { pid } = await newVictim('a) b(c 1:2H');
  const { lines, post } = await play(
    [],
    engineOver(() => [pid]),
  );
  expect(await (await post('{"desc":"d"}')).json()).toMatchObject({ name: 'a) b(c 1:2H', pid, ppid: process.pid });
  expect(lines().at(-1)).toContain(`Kill: a) b(c 1:2H(PID:${pid} PPID:${process.pid}) - d`);
});

test('NM-08 nobody to kill', async () => {
  const { lines, post } = await play(
    ['--execute'],
    engineOver(() => []),
  );
  const reply = await post('{"desc":"d"}');
  expect(reply.status).toBe(500);
  expect(await reply.text()).toBe('{"code":500,"message":"cannot find any process to kill"}\n');
  expect(lines().at(-1)).toBe(stamped('error: cannot find any process to kill'));
});

test('NM-09 the signal is SIGKILL', async () => {
  const { pid, child } = await newVictim();
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const engine = engineOver(() => [pid]);
  const { post } = await play(['--execute'], engine);
  expect((await post('{"desc":"d"}')).status).toBe(200);
  expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
  expect(engine.requests[0]?.experiment.spec.method).toMatchObject([
    { fault: 'process-kill', mode: 'one', params: { signal: 'SIGKILL' }, target: { platform: 'host' } },
  ]);
});

test('NM-10 a victim that survives is told, never counted as killed', async () => {
  const { pid } = await newVictim();
  const { lines, post } = await play(
    ['--execute'],
    engineOver(
      () => [pid],
      () => {},
    ),
  );
  const reply = await post('{"desc":"d"}');
  expect(reply.status).toBe(500);
  expect(await reply.json()).toEqual({ code: 500, message: 'still alive after SIGKILL' });
  expect(lines().at(-1)).toBe(
    stamped(`error: attempt to kill crond(PID:${pid} PPID:${process.pid}) and got error: still alive after SIGKILL`),
  );
});

test('NM-11, NM-23 a kill that is not permitted: the line, and 500 with its reason', async () => {
  const { pid } = await newVictim();
  const refuse = () => {
    throw new Error('operation not permitted');
  };
  const { lines, post } = await play(
    ['--execute'],
    engineOver(() => [pid], refuse),
  );
  const reply = await post('{"desc":"d"}');
  expect(reply.status).toBe(500);
  expect(await reply.text()).toBe('{"code":500,"message":"operation not permitted"}\n');
  expect(lines().at(-1)).toBe(
    stamped(`error: attempt to kill crond(PID:${pid} PPID:${process.pid}) and got error: operation not permitted`),
  );
});

test('NM-12 the last minute is in: 18:00:59 plays, 18:01:00 sleeps', async () => {
  for (const [clock, status] of [
    [[18, 0, 59], 200],
    [[18, 1, 0], 409],
    [[10, 59, 59], 409],
    [[11, 0, 0], 200],
  ] as const) {
    const at = new Date(2026, 10, 23, ...clock).getTime();
    const { post } = await play(
      [],
      engineOver(() => [process.pid]),
      { clock: stillClock(at) },
    );
    expect([clock, (await post('{"desc":"d"}')).status]).toEqual([clock, status]);
  }
});

test('NM-13 outside it sleeps with a good dream at each tick, and the timer goes on', async () => {
  const engine = engineOver(() => [process.pid]);
  const { lines } = await waits(4, ['--day', '0-0'], engine);
  expect(lines.filter((line) => /^.{20}Nightmare Monkey is sleeping with good dream\.$/.test(line))).toHaveLength(3);
  expect(engine.requests).toHaveLength(0);
});

test('NM-14 over midnight it plays', async () => {
  const night = new Date(2026, 10, 24, 3, 0, 0).getTime();
  const { post } = await play(
    ['-t', '22:00-06:00'],
    engineOver(() => [process.pid]),
    { clock: stillClock(night) },
  );
  expect((await post('{"desc":"d"}')).status).toBe(200);
});

test('NM-17 the seed is printed, and the same seed makes the same waits and picks', async () => {
  const pids = [(await newVictim('a')).pid, (await newVictim('b')).pid, (await newVictim('c')).pid, process.pid];
  const play = async (seed: string) => {
    const { lines } = await waits(
      30,
      ['--seed', seed],
      engineOver(() => pids),
    );
    expect(lines[1]).toContain(`Seed: ${seed}`);
    return lines.filter((line) => /Next|Kill/.test(line));
  };
  const [one, again, other] = [await play('5'), await play('5'), await play('6')];
  expect(one).toEqual(again);
  expect(one).not.toEqual(other);
  expect(new Set(one.flatMap((line) => /PID:(\d+)/.exec(line)?.[1] ?? [])).size).toBe(4);
});

test('NM-18 loopback unless told, a token for more, and a busy port named', async () => {
  const engine = engineOver(() => []);
  const first = await play([], engine);
  expect(new URL(first.url).hostname).toBe('127.0.0.1');
  const busy = await play(['--port', new URL(first.url).port], engine);
  expect(await busy.exit).toBe(1);
  expect(busy.errors()).toMatch(/^nightmare-monkey: --port \d+: 127\.0\.0\.1:\d+ is already in use;.*\n$/);
  expect(busy.lines()).toEqual([]);
  const open = await play(['--host', '0.0.0.0'], engine);
  expect(await open.exit).toBe(2);
  expect(open.errors()).toContain('--host 0.0.0.0');
  const guarded = await play(['--host', '0.0.0.0'], engine, { env: { ZASHIKI_TOKEN: 'a-token-of-the-tests' } });
  const port = new URL(guarded.url).port;
  const ask = (headers: Record<string, string>) =>
    fetch(`http://127.0.0.1:${port}/api/kill`, { method: 'POST', body: '{"desc":"d"}', headers });
  expect((await ask({})).status).toBe(401);
  expect((await ask({ authorization: 'Bearer a-token-of-the-tests' })).status).toBe(500);
});

test('NM-25 timer and API at once: the same victims, the same log', async () => {
  const pids = await Promise.all(Array.from({ length: 6 }, async () => (await newVictim()).pid));
  const engine = engineOver(() => pids);
  const clock = testClock();
  const end = new AbortController();
  let finish = () => {};
  const posted = new Promise<void>((resolve) => {
    finish = resolve;
  });
  // The timer has its second pick only after the API has had its own.
  clock.onSleep = () => {
    if (clock.slept.length === 3) end.abort();
  };
  const sleep = clock.sleep;
  clock.sleep = async (ms, signal) => {
    if (clock.slept.length === 1) await posted;
    await sleep(ms, signal);
  };
  const monkey = await play(['--execute', '--min-interval=1', '--max-interval=2'], engine, { clock, end });
  expect((await monkey.post('{"desc":"by hand"}')).status).toBe(200);
  finish();
  await monkey.exit;
  const kills = monkey.lines().filter((line) => /Kill: crond/.test(line));
  expect(kills.filter((line) => line.endsWith('by monkey'))).toHaveLength(2);
  expect(kills.filter((line) => line.endsWith('by hand'))).toHaveLength(1);
  expect(pids.filter((pid) => !alive(pid))).toHaveLength(3);
});

test('NM-26 a stop ends a pick in flight and waits for it', async () => {
  const engine = engineOver(() => [process.pid]);
  engine.hold = new Promise(() => {});
  const monkey = await play(['--execute'], engine);
  const asked = monkey.post('{"desc":"d"}').catch(() => undefined);
  while (engine.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await monkey.stop()).toBe(0);
  expect((await engine.readRun('t1'))?.at(-1)?.type).toBe('run-finished');
  await asked;
});

test('NM-29 a sealed drill shows nothing until it is over; then the answers', async () => {
  const { pid } = await newVictim('crond');
  const engine = engineOver(() => [pid]);
  const monkey = await play(['--execute', '--sealed'], engine);
  const reply = await (await monkey.post('{"desc":"game day"}')).text();
  expect(reply).toBe('{"desc":"game day","sealed":true}\n');
  expect(engine.requests[0]).toMatchObject({ sealed: true });
  expect(alive(pid)).toBe(false);
  expect(monkey.lines().join('\n')).not.toMatch(/crond|Kill:/);
  await monkey.stop();
  expect(monkey.lines().at(-1)).toBe(stamped(`Kill: crond(PID:${pid} PPID:${process.pid}) - game day`));
});

test('a pulled stop lever is 409 with its reason, and logged', async () => {
  const engine = engineOver(() => [process.pid]);
  await engine.stop('pager went off', 'ada');
  const { lines, post } = await play(['--execute'], engine);
  const reply = await post('{"desc":"d"}');
  expect(reply.status).toBe(409);
  expect(await reply.json()).toEqual({ code: 409, message: 'pager went off' });
  expect(lines().at(-1)).toBe(stamped('error: pager went off'));
});

test('NM-30 the units: root, dry, orderly stop', () => {
  for (const name of ['nightmare-monkey', 'zashiki']) {
    const unit = readFileSync(`deploy/${name}.service`, 'utf8');
    expect(unit).toMatch(/^KillMode=mixed$/m);
    expect(unit).toMatch(/^ExecStart=.*\b(nightmare-monkey|zashiki serve)\b/m);
    expect(unit).toMatch(/^ExecStopPost=.*zashiki recover/m);
    expect(unit).not.toMatch(/^ExecStart=.*--execute/m);
  }
});
