import { expect, test } from 'vitest';
import { recordingPeer } from '../../../test/fixtures/recording-peer.ts';
import { ZashikiError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { container, events, none, played } from './fixtures/script-engine.ts';
import { slackHook } from './slack.ts';

const { intent, injected, failed, observed, recovered, verified, would, skipped, refused } = events;
const id = (name: string) => String(container(name).identity.id);
const killed = [intent('i1', 'web'), injected('i1'), observed('i1', true, 'ended')];
const line = (message: string, name: string, more = '', dry = false) =>
  `level=info msg="${message}" dryrun=${dry} id=${id(name)} name=/${name}${more}`;

/** Time that passes only in sleeps, and in runs as far as a test says. */
function steppingClock(): Clock & { mono(): number; at: number; readonly slept: number[] } {
  const clock = {
    at: 0,
    slept: [] as number[],
    now: () => 1_800_000_000_000 + clock.at,
    mono: () => clock.at,
    async sleep(ms: number, signal?: AbortSignal) {
      signal?.throwIfAborted();
      clock.slept.push(ms);
      clock.at += ms;
    },
  };
  return clock;
}

test('PU-11 a good run says nothing unless it is asked to', async () => {
  const quiet = await played(['kill', 'web'], [killed]);
  expect([quiet.code, quiet.log, quiet.stdout]).toEqual([0, [], '']);
  const told = await played(['-l', 'info', 'kill', 'web'], [killed]);
  expect([told.code, told.log]).toEqual([0, [line('killing container', 'web', ' signal=SIGKILL')]]);
});

test('PU-17 begin and end of what lasts', async () => {
  const run = [...killed, recovered('i1'), verified('i1', true)];
  const { log } = await played(['-l', 'INFO', 'pause', '-d', '5s', 'web'], [run]);
  expect(log).toEqual([line('pausing container', 'web'), line('stop pausing container', 'web')]);
});

test('PU-10 a dry run is told without being asked, and asks the engine for nothing real', async () => {
  const { log, code, requests } = await played(['--dry-run', 'pause', '-d', '5s', 'web'], [[would('web')]]);
  expect(log).toEqual([line('pausing container', 'web', '', true), line('stop pausing container', 'web', '', true)]);
  expect([code, requests.map(({ execute }) => execute)]).toEqual([0, [false]]);
  const silent = await played(['--dry', '-l', 'warning', 'kill', 'web'], [[would('web')]]);
  expect([silent.log, silent.requests[0]?.execute]).toEqual([[], false]);
  expect((await played(['kill', 'web'], [[]], { env: { 'DRY-RUN': '1' } })).requests[0]?.execute).toBe(false);
});

test('PU-13 nobody matches: a warning and 0, or 1 when asked for', async () => {
  const warning = 'level=warning msg="no containers found"';
  expect(await played(['kill', 'web'], [[none]])).toMatchObject({ code: 0, log: [warning] });
  expect(await played(['--strict', 'kill', 'web'], [[none]])).toMatchObject({
    code: 1,
    log: [warning, 'level=fatal msg="running kill: error running chaos command: no containers found"'],
  });
  expect(await played(['--allow-bad-pattern', 'kill', 're2:('], [[]])).toMatchObject({
    code: 0,
    log: [warning],
    requests: [],
  });
});

test('PU-05 a pattern that is no pattern is an error: 2', async () => {
  const { code, log, requests } = await played(['kill', 're2:('], [[]]);
  expect([code, requests]).toEqual([2, []]);
  expect(log[0]).toMatch(/^level=fatal msg="the pattern \\"re2:\(\\" is not an RE2 expression: /);
});

test('PU-14 an error is 1, and is told with all that led to it', async () => {
  const run = [intent('i1', 'web'), failed('i1', 'the engine said no')];
  expect(await played(['kill', 'web'], [run])).toMatchObject({
    code: 1,
    log: [
      'level=fatal msg="running kill: error running chaos command: failed to kill ctr: failed to kill container: the engine said no"',
    ],
  });
  const down = new ZashikiError('peer-unavailable', 'nobody answers', { hint: 'start it' });
  expect(await played(['stop', 'web'], [down])).toMatchObject({
    code: 1,
    log: ['level=fatal msg="running stop: error running chaos command: nobody answers; start it"'],
  });
  expect((await played(['kill', 'web'], [[refused('the stop lever is pulled')]])).code).toBe(1);
  expect((await played(['kill', 'web'], [[skipped('web (container:1): needs root')]])).code).toBe(1);
});

test('--skip-error makes a warning of it, and 0', async () => {
  const run = [intent('i1', 'web'), failed('i1', 'no')];
  const { code, log } = await played(['--skip-error', 'pause', '-d', '1s', 'web'], [run]);
  expect([code, log]).toEqual([0, ['level=warning msg="skipping error" error="failed to pause container: no"']]);
});

test('what may still be on is 3, whatever is skipped, and ends the repetition', async () => {
  const run = [...killed, recovered('i1'), verified('i1', false)];
  const { code, log, requests } = await played(
    ['--skip-error', '--interval', '5s', 'netem', '-d', '1s', 'delay', 'web'],
    [run],
    { clock: steppingClock() },
  );
  expect([code, requests.length]).toEqual([3, 1]);
  expect(log.at(-1)).toMatch(/^level=fatal msg="running delay: something may still be on: .*zashiki recover/);
});

test('a container that goes away meanwhile is a warning, not an error', async () => {
  const run = [skipped('web (container:1) is gone'), ...killed, recovered('i1', 'gone'), verified('i1', true)];
  const { code, log } = await played(['pause', '-d', '1s', 're2:.'], [run]);
  expect(code).toBe(0);
  expect(log).toEqual([
    'level=warning msg="web (container:1) is gone (container may have been removed)"',
    `level=warning msg="nothing to undo (container may have been removed)" id=${id('web')} name=/web`,
  ]);
});

test('exec logs what the program said, and fails as it does', async () => {
  const said = (detail: string, real = true) => [intent('i1', 'web'), injected('i1'), observed('i1', real, detail)];
  const good = await played(
    ['-l', 'info', 'exec', '-s', 'echo', '-a', 'hi', 'web'],
    [said('echo ended with exit code 0: hi\nthere')],
  );
  expect([good.code, good.log]).toEqual([
    0,
    [
      `level=info msg="exec container" command=echo dryrun=false id=${id('web')} name=/web`,
      `level=info msg="hi\\nthere" args="[hi]" command=echo dryrun=false id=${id('web')} name=/web`,
    ],
  ]);
  const bad = await played(['exec', '-s', 'ls', 'web'], [said('ls ended with exit code 2', false)]);
  expect([bad.code, bad.log]).toEqual([
    1,
    ['level=fatal msg="running exec: error running chaos command: exec failed ls: exit code 2"'],
  ]);
});

test('PU-09 the first run at once, then at each tick; a run that is late comes at once, ticks missed are dropped', async () => {
  const clock = steppingClock();
  const end = new AbortController();
  const starts: number[] = [];
  const { code } = await played(['--interval', '2s', 'kill', 'web'], [killed], {
    clock,
    end,
    onRun(round) {
      starts.push(clock.at);
      // The second one takes longer than two ticks.
      clock.at += round === 2 ? 5000 : 300;
      if (round === 5) end.abort();
    },
  });
  expect([code, starts]).toEqual([0, [0, 2000, 7000, 8000, 10_000]]);
});

test('PU-09, PU-14 an error in one run does not end the others', async () => {
  const clock = steppingClock();
  const end = new AbortController();
  const bad = [intent('i1', 'web'), failed('i1', 'no')];
  const { code, log, requests } = await played(
    ['--interval', '2s', 'kill', 'web'],
    [bad, new ZashikiError('peer-unavailable', 'down'), killed],
    { clock, end, onRun: (round) => round === 4 && end.abort() },
  );
  expect([code, requests.length]).toEqual([0, 4]);
  expect(log).toEqual([
    'level=warning msg="skipping error" error="failed to kill ctr: failed to kill container: no"',
    'level=warning msg="skipping error" error=down',
  ]);
});

test('PU-13 --strict and an interval: a round that finds nobody is an error of that round alone', async () => {
  const end = new AbortController();
  const { code, requests } = await played(['--strict', '-i', '1s', 'kill', 'web'], [[none], killed], {
    clock: steppingClock(),
    end,
    onRun: (round) => round === 3 && end.abort(),
  });
  expect([code, requests.length]).toEqual([0, 3]);
});

test('what would be the same at each tick ends it', async () => {
  const wrong = new ZashikiError('state-unwritable', 'the state folder is not ours');
  const { code, requests } = await played(['-i', '1s', 'kill', 'web'], [wrong], { clock: steppingClock() });
  expect([code, requests.length]).toEqual([1, 1]);
});

test('each round has a seed of its own', async () => {
  const end = new AbortController();
  const { requests } = await played(['--seed', '7', '-i', '1s', 'kill', 'web'], [killed], {
    clock: steppingClock(),
    end,
    onRun: (round) => round === 3 && end.abort(),
  });
  expect(requests.map(({ seed }) => seed)).toEqual([7, 8, 9]);
});

test('help and version to standard output; mistakes too, with the reason in the log', async () => {
  expect(await played(['--version'], [])).toMatchObject({
    code: 0,
    stdout: 'Pumba version 1.1.7 - [zashiki:0.1.0] none\n',
    log: [],
  });
  const wrong = await played(['--jsn', 'kill', 'web'], []);
  expect([wrong.code, wrong.log]).toEqual([1, ['level=fatal msg="flag provided but not defined: -jsn"']]);
  expect(wrong.stdout).toMatch(/^Incorrect Usage\. flag provided but not defined: -jsn\n\nNAME:\n {3}Pumba - /);
  expect(await played(['nope'], [])).toMatchObject({ code: 3, stdout: '', log: ["No help topic for 'nope'"] });
  expect(await played(['--runtime', 'x', 'nope'], [])).toMatchObject({
    code: 1,
    log: ['level=fatal msg="unsupported runtime: x"'],
  });
  expect(await played(['-j', 'kill'], [])).toMatchObject({
    code: 1,
    log: [expect.stringMatching(/^\{"level":"fatal","msg":"container name, list of names, or RE2 regex is required",/)],
  });
});

test('PU-28 Slack is told what is logged', async () => {
  const peer = await recordingPeer(() => ({ body: 'ok' }));
  try {
    await played(
      ['-l', 'info', '--slackhook', `${peer.url}/hook`, '--slackchannel', '#chaos', 'kill', 'web'],
      [killed, []],
    );
    await played(['--slackhook', peer.url, 'kill', 'web'], [[none]]);
  } finally {
    await peer.close();
  }
  expect(peer.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /hook', 'POST /']);
  expect(peer.requests.map(({ body }) => JSON.parse(body))).toEqual([
    {
      username: 'pumba_bot',
      icon_emoji: ':boar:',
      channel: '#chaos',
      attachments: [
        {
          fallback: 'killing container',
          color: 'good',
          pretext: 'killing container',
          text: 'Message fields',
          fields: [
            { title: 'dryrun', value: 'false', short: true },
            { title: 'id', value: id('web'), short: false },
            { title: 'name', value: '/web', short: true },
            { title: 'signal', value: 'SIGKILL', short: true },
          ],
        },
      ],
    },
    {
      username: 'pumba_bot',
      icon_emoji: ':boar:',
      channel: '#pumba',
      attachments: [{ fallback: 'no containers found', color: 'warning', text: 'no containers found' }],
    },
  ]);
});

test('PU-28 a Slack that does not answer holds up nobody: what is too much is dropped', async () => {
  const entry = { level: 'info', message: 'm', fields: {}, at: 0 } as const;
  const failures: string[] = [];
  const peer = await recordingPeer(() => new Promise(() => {}));
  const hook = slackHook(peer.url, '#c', (why) => void failures.push(why));
  for (let count = 0; count < 102; count++) hook.push(entry);
  await peer.received(1);
  await peer.close();
  expect(failures.slice(0, 2)).toEqual(Array(2).fill('100 messages wait already; this one is dropped'));
});

test('PU-28 a Slack that fails is a warning, and the address is not in it', async () => {
  const peer = await recordingPeer(() => ({ status: 500 }));
  try {
    const { code, log } = await played(['--slackhook', `${peer.url}/secret`, 'kill', 'web'], [[none]]);
    expect(code).toBe(0);
    expect(log).toEqual([
      'level=warning msg="no containers found"',
      expect.stringMatching(/^level=warning msg="Slack was not told: .*answered 500"$/),
    ]);
    expect(log.join()).not.toContain('secret');
  } finally {
    await peer.close();
  }
});
