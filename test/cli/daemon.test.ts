import { readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { EventOf, JournalEvent } from '../../src/core/events.ts';
import { experiment, hit, pausing } from './documents.ts';
import { cli, jsonLines, lives, type Place, type Running, signal, stateOf, test, until } from './place.ts';

const lists = (running: Running, pattern: RegExp) => until(() => pattern.exec(running.stdout()) ?? undefined);

/** End it the way a service manager does; it must exit with 0 and leave nothing. */
async function end(place: Place, running: Running): Promise<void> {
  running.child.kill('SIGTERM');
  const { code, stderr } = await running.ended;
  expect(stderr).not.toContain('internal error');
  expect(code).toBe(0);
  await until(() => place.helpers().length === 0);
}

const finishes = (events: readonly JournalEvent[]) => events.some(({ type }) => type === 'run-finished');

describe.concurrent('monkey', () => {
  const always = ['--every', '1s', '--any-time'];

  test('is dry until told otherwise: says whom it would hit, and hits nobody', async ({ place }) => {
    const pid = await place.target();
    const running = place.zashiki(['monkey', `env.${place.mark}=target`, ...always]);
    await lists(running, new RegExp(`would inject process-kill on sleep \\(pid:${pid}\\)`));
    expect(running.stdout()).toContain('Dry: nothing is injected until --execute.');
    await end(place, running);
    expect(lives(pid)).toBe(true);
    expect(place.events(place.runs()[0]).some(({ type }) => type === 'intent')).toBe(false);
  });

  test('--execute really kills, one at a time, and only whom it may pick', async ({ place }) => {
    const pids = [await place.target(), await place.target(), await place.target()];
    const bystander = await place.target('bystander');
    const running = place.zashiki([
      'monkey',
      `env.${place.mark}=target`,
      ...always,
      '--execute',
      '--seed',
      '3',
      '--json',
    ]);
    await until(() => pids.filter(lives).length <= 1);
    await end(place, running);
    expect(lives(bystander)).toBe(true);
    const victims = place
      .runs()
      .flatMap((run) => place.events(run).flatMap((e) => (e.type === 'intent' ? [e.target.id] : [])));
    expect(new Set(victims).size).toBe(victims.length);
    const events = jsonLines(running.stdout()) as readonly { readonly type: string }[];
    expect(events.filter(({ type }) => type === 'intent').length).toBe(victims.length);
  });

  test('a lasting fault is recovered when the monkey is told to end', async ({ place }) => {
    const pid = await place.target();
    const fault = ['--fault', 'process-pause', '--duration', '10m'];
    const running = place.zashiki(['monkey', `env.${place.mark}=target`, ...always, ...fault, '--execute']);
    await until(() => stateOf(pid) === 'T');
    await end(place, running);
    expect(stateOf(pid)).toBe('S');
  });

  test('a sealed monkey says whom it hit when it is over, not before', async ({ place }) => {
    const pid = await place.target();
    const fault = ['--fault', 'process-pause', '--duration', '10m', '--execute', '--sealed'];
    const running = place.zashiki(['monkey', `env.${place.mark}=target`, ...always, ...fault, '--json']);
    await until(() => stateOf(pid) === 'T');
    const beside = await place.run(['runs', 'show', 'last', '--json']);
    expect(beside.stdout + running.stdout()).not.toMatch(new RegExp(`pid:${pid}\\b|${place.mark}|"process-pause"`));
    await end(place, running);
    const finish = jsonLines(running.stdout()).at(-2);
    expect(finish).toMatchObject({ type: 'run-finished', run: place.runs()[0] });
    expect((await place.run(['runs', 'show', 'last'])).stdout).toContain(`pid:${pid}`);
  });

  test('outside its window it waits', async ({ place }) => {
    const pid = await place.target();
    const hour = (new Date().getUTCHours() + 12) % 24;
    const time = `${String(hour).padStart(2, '0')}:00-${String(hour).padStart(2, '0')}:30`;
    const window = ['--time', time, '--days', '0-6', '--timezone', 'UTC'];
    const running = place.zashiki(['monkey', `env.${place.mark}=target`, '--every', '1s', ...window, '--execute']);
    await lists(running, new RegExp(`next \\S*T${String(hour).padStart(2, '0')}:`));
    await end(place, running);
    expect(lives(pid)).toBe(true);
    expect(place.runs()).toEqual([]);
  });

  test('--print prints a schedule that validates', async ({ place }) => {
    const flags = ['--random', '10m-30m', '--fault', 'process-pause', '--duration', '5s', '--param', 'x=1', '--sealed'];
    const printed = await place.run(['monkey', 'name=nginx', ...flags, '--print']);
    const checked = await place.run(['validate', '-'], { input: printed.stdout.replace(/^ *params:\n.*\n/m, '') });
    expect(checked.stderr).toBe('');
    expect(checked.stdout).toBe('valid: Schedule monkey\n');
    const json = await place.run(['monkey', 'name=nginx', '--every', '1h', '--print', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'Schedule', spec: { schedule: { every: '1h' } } });
    expect([printed.code, checked.code, json.code]).toEqual([0, 0, 0]);
  });

  test.for([
    ['two rhythms', ['name=x', '--every', '1h', '--cron', '@daily'], /only one of --random, --every, --cron/],
    ['half a span', ['name=x', '--random', '10m'], /--random "10m" is not MIN-MAX/],
    ['a fault that is not there', ['name=x', '--fault', 'proces-kill'], /did you mean "process-kill"/],
    ['a mode that is not there', ['name=x', '--mode', 'some'], /mode/],
    ['a parameter that is not there', ['name=x', '--param', 'sginal=SIGTERM'], /did you mean "signal"/],
    ['no selector', [], /missing required argument 'selector'/],
    ['a wrong window', ['name=x', '--days', 'Mon-Fro'], /Fro/],
    ['a wrong cron', ['name=x', '--cron', '61 * * * *'], /61/],
  ] as const)('%s: exit 2', async ([, args, message], { place }) => {
    const { code, stderr } = await place.run(['monkey', ...args]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});

describe.concurrent('serve', () => {
  /** A daemon with its API on a free port. */
  async function serve(place: Place, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const running = place.zashiki(['serve', '--port', '0', ...args], { env });
    const [, url = ''] = await lists(running, /listening on (http:\S+)/);
    const token = () => env.ZASHIKI_TOKEN ?? readFileSync(join(place.state, 'token'), 'utf8').trim();
    const call = (path: string, init: RequestInit = {}) =>
      fetch(`${url}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${token()}`, 'content-type': 'application/json', ...init.headers },
      });
    const post = (path: string, body: unknown) => call(path, { method: 'POST', body: JSON.stringify(body) });
    return { running, url, call, post };
  }

  test('a dry server: a token for all of the API, dry runs only', async ({ place }) => {
    const pid = await place.target();
    const { running, url, call, post } = await serve(place, []);
    expect(statSync(join(place.state, 'token')).mode & 0o777).toBe(0o600);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/api/v1/runs`)).status).toBe(401);
    expect((await call('/api/v1/runs', { headers: { authorization: 'Bearer wrong-wrong-wrong-wrong' } })).status).toBe(
      401,
    );
    const body = pausing(place, '10m');
    const dry = await post('/api/v1/runs?wait=true', { experiment: body });
    expect(await dry.json()).toMatchObject({ verdict: { outcome: 'held', unverified: true } });
    const real = await post('/api/v1/runs', { experiment: body, execute: true });
    expect(real.status).toBe(409);
    expect(await real.json()).toMatchObject({ error: { code: 'refused' } });
    const wrong = await post('/api/v1/runs', { experiment: experiment('x', { method: [] }) });
    expect(wrong.status).toBe(400);
    expect(await wrong.json()).toMatchObject({
      error: { code: 'document-invalid', message: expect.stringContaining('method') },
    });
    expect(stateOf(pid)).toBe('S');
    await end(place, running);
  });

  test('an executing server: a real run, its events as they happen, the lever', async ({ place }) => {
    const pid = await place.target();
    const { running, call, post } = await serve(place, ['--execute'], { ZASHIKI_TOKEN: 'a-token-of-my-own-123' });
    const started = await post('/api/v1/runs', { experiment: pausing(place, '10m'), execute: true });
    expect(started.status).toBe(202);
    const { run } = (await started.json()) as { run: string };
    expect(started.headers.get('location')).toBe(`/api/v1/runs/${run}`);
    const stream = await call(`/api/v1/runs/${run}/events`);
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    const text = stream.text();
    await until(() => stateOf(pid) === 'T');
    expect(await (await call('/api/v1/runs')).json()).toMatchObject({ runs: [{ run, outcome: null }] });
    expect((await post('/api/v1/stop', { reason: 'enough' })).status).toBe(200);
    expect(stateOf(pid)).toBe('S');
    const seen = [...(await text).matchAll(/^event: (\S+)$/gm)].map(([, type]) => type);
    expect(seen).toEqual(place.events(run).map(({ type }) => type));
    expect(seen.at(-1)).toBe('run-finished');
    const refused = await post('/api/v1/runs?wait=true', { experiment: pausing(place, '50ms'), execute: true });
    expect(await refused.json()).toMatchObject({ verdict: { outcome: 'refused' } });
    expect((await post('/api/v1/stop/release', {})).status).toBe(200);
    const again = await post('/api/v1/runs?wait=true', { experiment: pausing(place, '50ms'), execute: true });
    expect(await again.json()).toMatchObject({ verdict: { outcome: 'held' } });
    await end(place, running);
  });

  test('programs in a document over the API need --allow-exec', async ({ place }) => {
    await place.target();
    const spec = { rollbacks: [{ exec: { command: ['true'] } }] };
    const closed = await serve(place, []);
    const refused = await closed.post('/api/v1/runs', { experiment: pausing(place, '50ms', spec) });
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ error: { message: expect.stringContaining('spec.rollbacks[0]') } });
    await end(place, closed.running);
    const open = await serve(place, ['--allow-exec']);
    expect((await open.post('/api/v1/runs?wait=true', { experiment: pausing(place, '50ms', spec) })).status).toBe(200);
    await end(place, open.running);
  });

  test('SIGTERM in the middle of a run over the API: recovered, exit 0', async ({ place }) => {
    const pid = await place.target();
    const { running, post } = await serve(place, ['--execute']);
    await post('/api/v1/runs', { experiment: pausing(place, '10m'), execute: true });
    await until(() => stateOf(pid) === 'T');
    await end(place, running);
    expect(stateOf(pid)).toBe('S');
  });

  test('a second daemon on the same state names the first: exit 5', async ({ place }) => {
    const { running } = await serve(place, []);
    const { code, stderr } = await place.run(['serve', '--port', '0']);
    expect(stderr).toContain(`another zashiki daemon (pid ${running.pid}) uses this state folder`);
    expect(code).toBe(5);
    await end(place, running);
  });

  test('a port that is taken, an open address, files that are wrong', async ({ place }) => {
    const { running, url } = await serve(place, []);
    const port = new URL(url).port;
    const other = join(place.dir, 'other');
    const taken = await place.run(['serve', '--port', port, '--state', other]);
    expect(taken.stderr).toContain(`127.0.0.1:${port} is already in use`);
    expect(taken.code).toBe(4);
    const none = await place.run(['serve', '--port', '99999', '--state', other]);
    expect(none.stderr).toContain('"99999" is not a port');
    expect(none.code).toBe(2);
    const broken = await place.run(['serve', place.write('broken.yaml', 'kind: Schedule'), '--state', other]);
    expect(broken.stderr).toContain('broken.yaml:1');
    const words = await place.run(['serve', '--chat-word', 'destroy=x', '--state', other]);
    expect(words.stderr).toContain('--chat-word without --chat-user');
    const counter = await place.run(['serve', '--counter', 'nonsense', '--state', other]);
    expect(counter.stderr).toContain('is not URL#PATH=EXPERIMENT');
    const unknown = await place.run([
      'serve',
      '--port',
      '0',
      '--counter',
      'http://127.0.0.1:1/x#n=nope',
      '--state',
      other,
    ]);
    expect(unknown.stderr).toContain('no experiment is called "nope"');
    expect([broken.code, words.code, counter.code, unknown.code]).toEqual([2, 2, 2, 2]);
    await end(place, running);
  });

  const everySecond = (method: readonly object[]) => ({
    apiVersion: 'zashiki.dev/v1',
    kind: 'Schedule',
    metadata: { name: 'often' },
    spec: { schedule: { every: '1s' }, experiment: { method } },
  });

  const fired = (place: Place) => {
    const folder = join(place.state, 'schedules');
    const entries = readdirSync(folder).flatMap((name) => jsonLines(readFileSync(join(folder, name), 'utf8')));
    return (entries as readonly { type: string; due: number; run: string }[]).filter(({ type }) => type === 'fired');
  };

  test('a schedule survives kill -9 and a restart: nothing fires twice, nothing stays broken', async ({ place }) => {
    const pid = await place.target();
    const file = place.write('often.json', everySecond([hit(place, 'process-pause', { duration: '400ms' })]));
    const args = ['serve', file, '--no-http', '--execute'];
    const first = place.zashiki(args);
    await until(() => fired(place).length >= 2 && stateOf(pid) === 'T');
    signal(first.pid, 'SIGKILL');
    await first.ended;
    const before = fired(place).length;
    const second = place.zashiki(args);
    await until(() => fired(place).length >= before + 2);
    await end(place, second);
    expect(stateOf(pid)).toBe('S');
    const all = fired(place);
    expect(new Set(all.map(({ due }) => due)).size).toBe(all.length);
    expect(new Set(all.map(({ run }) => run)).size).toBe(all.length);
    const known = place.runs().map((run) => place.events(run));
    for (const events of known) expect(finishes(events)).toBe(true);
  });

  test('a schedule is for the daemon: run says so', async ({ place }) => {
    const file = place.write('often.json', everySecond([{ pause: '1s' }]));
    const { code, stderr } = await place.run(['run', file, '--yes']);
    expect(stderr).toContain(`zashiki serve ${file}`);
    expect(code).toBe(2);
  });

  test('chat words and counters run the experiments of the files', async ({ place }) => {
    const pids = [await place.target('chat'), await place.target('count')];
    const kill = (role: string) =>
      experiment(`kill-${role}`, {
        method: [{ fault: 'process-kill', target: { host: { env: { [place.mark]: role } } } }],
      });
    place.write('drills/chat.json', kill('chat'));
    place.write('drills/count.json', kill('count'));
    let likes = 1;
    const peer = createServer((_, answer) => answer.end(JSON.stringify({ data: { likes } })));
    await new Promise<void>((done) => peer.listen(0, '127.0.0.1', done));
    try {
      const { port } = peer.address() as AddressInfo;
      const { running, call } = await serve(
        place,
        [
          ...['drills', '--execute', '--chat-word', 'destroy=kill-chat', '--chat-user', 'U1', '--counter-every', '1s'],
          ...['--counter', `http://127.0.0.1:${port}/#data.likes=kill-count`],
        ],
        { ZASHIKI_CHAT_TOKEN: 'the-bot-is-the-only-one' },
      );
      const say = async (text: string, user = 'U1') => {
        const headers = { authorization: 'Bearer the-bot-is-the-only-one' };
        const answer = await call('/triggers/chat', { method: 'POST', body: JSON.stringify({ text, user }), headers });
        return answer.status === 204 ? '' : ((await answer.json()) as { text: string }).text;
      };
      expect(await say('destroy', 'U2')).not.toMatch(/\d{4}/);
      const [code = ''] = /\b\d{4}\b/.exec(await say('destroy')) ?? [];
      expect(lives(pids[0] ?? 0)).toBe(true);
      expect(await say(`confirm ${code}`)).not.toContain('not good');
      await until(() => !lives(pids[0] ?? 0));
      expect(lives(pids[1] ?? 0)).toBe(true);
      likes = 3;
      await until(() => !lives(pids[1] ?? 0));
      await end(place, running);
      const authors = place.runs().map((run) => {
        const started = place.events(run).find((e): e is EventOf<'run-started'> => e.type === 'run-started');
        return started?.author.user;
      });
      expect(authors).toEqual([expect.stringContaining('U1'), 'counter at 3']);
    } finally {
      peer.close();
      peer.closeAllConnections();
    }
  });
});

describe.concurrent('nightmare-monkey', () => {
  test('is what the program is when it is called by that name', async ({ place }) => {
    const link = join(place.dir, 'nightmare-monkey');
    symlinkSync(cli, link);
    const [named, command] = await Promise.all([
      place.start(process.execPath, [link, '--help']).ended,
      place.run(['nightmare-monkey', '--help']),
    ]);
    expect(named.stdout).toContain('nightmare-monkey [global options]');
    expect(named.stdout).toBe(command.stdout);
    const direct = await place.start(link, ['--version']).ended;
    expect(direct.stdout).toMatch(/^Nightmare Monkey version .*\n$/);
    expect(direct.stderr).toBe('');
    expect([named.code, command.code, direct.code]).toEqual([0, 0, 0]);
  });
});
