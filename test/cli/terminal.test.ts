import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect } from 'vitest';
import { experiment, hit, pausing } from './documents.ts';
import { cli, lives, type Place, test as plain, type Running, signal, stateOf, until } from './place.ts';

const [showCursor, hideCursor] = ['\u001b[?25h', '\u001b[?25l'];
const [ctrlC, ctrlD, enter] = ['\u0003', '\u0004', '\r'];

interface Terminal extends Running {
  type(keys: string): void;
  /** Wait until this can be read on the screen. */
  reads(pattern: RegExp): Promise<RegExpExecArray>;
}

/** `zashiki ARGS…` on a pseudo terminal of its own, by script(1) of util-linux. */
function onTerminal(place: Place, args: readonly string[], env: NodeJS.ProcessEnv = {}): Terminal {
  const words = Object.fromEntries(args.map((word, index) => [`WORD_${index}`, word]));
  const command = ['exec "$NODE" "$CLI"', ...args.map((_, index) => `"$WORD_${index}"`)].join(' ');
  const running = place.start('script', ['-qec', `stty cols 100 rows 30; ${command}`, '/dev/null'], {
    env: { SHELL: '/bin/sh', NODE: process.execPath, CLI: cli, ...words, ...env },
    input: null,
  });
  return {
    ...running,
    type: (keys) => void running.child.stdin?.write(keys),
    reads: (pattern) => until(() => pattern.exec(running.stdout())),
  };
}

const test = plain.extend<{ terminal: typeof onTerminal }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures that are needed from the pattern
  terminal: async ({}, use) => use(onTerminal),
});
const there = ['/usr/bin/script', '/bin/script'].some((path) => existsSync(path));
const why = 'script(1) of util-linux is not installed: there is no pseudo terminal to test on';

/** The cursor was hidden, and the last word on it is that it is shown. */
const cursorIsBack = (text: string) =>
  text.includes(hideCursor) && text.lastIndexOf(showCursor) > text.lastIndexOf(hideCursor);

describe.concurrent('the question before a run', () => {
  test.for([
    ['n', `n${enter}`],
    ['nothing', enter],
    ['Ctrl-D', ctrlD],
    ['Ctrl-C', ctrlC],
  ] as const)('%s: nothing was done', async ([, keys], { place, terminal, skip }) => {
    if (!there) return skip(why);
    const pid = await place.target();
    const file = place.write('x.json', experiment('kill', { method: [hit(place, 'process-kill')] }));
    const screen = terminal(place, ['run', file]);
    await screen.reads(/Inject these faults now\? \[y\/N\]/);
    expect(screen.stdout()).toContain(`pid:${pid}`);
    screen.type(keys);
    const { code, stdout } = await screen.ended;
    expect(stdout).toContain('Nothing was done.');
    expect(code).toBe(0);
    expect(place.runs()).toEqual([]);
    expect(lives(pid)).toBe(true);
  });

  test('y: it runs, live, and the cursor is back afterwards', async ({ place, terminal, skip }) => {
    if (!there) return skip(why);
    const pid = await place.target();
    const screen = terminal(place, ['run', place.write('x.json', pausing(place, '1s')), '--report', 'r.html']);
    await screen.reads(/Inject these faults now\? \[y\/N\]/);
    screen.type(`y${enter}`);
    const { code, stdout } = await screen.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('process-pause');
    expect(stdout).toMatch(/Held/);
    expect(stdout).toContain('Report: r.html');
    expect(cursorIsBack(stdout)).toBe(true);
    // Green for good; and no line is drawn by scrolling: the picture goes back up.
    expect(stdout).toContain('\u001b[32m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what moves the cursor is what this looks for
    expect(stdout).toMatch(/\u001b\[\d+A/);
    expect(stateOf(pid)).toBe('S');
  });
});

describe.concurrent('a run on a terminal', () => {
  test('Ctrl-C: recovered, the cursor is back', async ({ place, terminal, skip }) => {
    if (!there) return skip(why);
    const pid = await place.target();
    const screen = terminal(place, ['run', place.write('x.json', pausing(place, '10m')), '--yes']);
    await until(() => stateOf(pid) === 'T');
    screen.type(ctrlC);
    const { code, stdout } = await screen.ended;
    expect(stdout).toContain('SIGINT: recovering, then exiting');
    expect(cursorIsBack(stdout)).toBe(true);
    expect(code).toBe(1);
    expect(stateOf(pid)).toBe('S');
    await until(() => place.helpers().length === 0);
  });

  test('the terminal is closed: recovered by the run itself', async ({ place, terminal, skip }) => {
    if (!there) return skip(why);
    const pid = await place.target();
    const screen = terminal(place, ['run', place.write('x.json', pausing(place, '10m')), '--yes']);
    await until(() => stateOf(pid) === 'T' && place.events().some(({ type }) => type === 'observed'));
    signal(screen.pid, 'SIGKILL');
    await until(() => place.events().some(({ type }) => type === 'run-finished'));
    expect(stateOf(pid)).toBe('S');
    expect(place.events().at(-1)).toMatchObject({ author: { role: 'run' } });
    await until(() => place.helpers().length === 0);
  });

  test.for([
    ['TERM=dumb', { TERM: 'dumb' }, false],
    ['CI', { CI: 'true' }, true],
  ] as const)('%s: plain lines', async ([, env, colour], { place, terminal, skip }) => {
    if (!there) return skip(why);
    await place.target();
    const screen = terminal(place, ['run', place.write('x.json', pausing(place, '50ms')), '--yes'], env);
    const { code, stdout } = await screen.ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain(hideCursor);
    expect(stripVTControlCharacters(stdout)).toMatch(/recovered +process-pause/);
    expect(stdout.includes('\u001b[32m')).toBe(colour);
  });

  test('NO_COLOR: live, without colour', async ({ place, terminal, skip }) => {
    if (!there) return skip(why);
    await place.target();
    const file = place.write('x.json', pausing(place, '300ms'));
    const { code, stdout } = await terminal(place, ['run', file, '--yes'], { NO_COLOR: '1' }).ended;
    expect(code).toBe(0);
    expect(cursorIsBack(stdout)).toBe(true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what this looks for
    expect(stdout).not.toMatch(/\u001b\[[\d;]*m/);
  });

  test('-o json on a terminal: lines of JSON and nothing else', async ({ place, terminal, skip }) => {
    if (!there) return skip(why);
    await place.target();
    const file = place.write('x.json', pausing(place, '50ms'));
    const { stdout } = await terminal(place, ['run', file, '--yes', '-o', 'json']).ended;
    const lines = stdout.trim().split('\r\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(place.events());
  });
});

describe.concurrent('init on a terminal', () => {
  test('asks, and writes what was chosen', async ({ place, terminal, skip }) => {
    if (!there) return skip(why);
    const screen = terminal(place, ['init', '--name', 'my-service', '--fault', 'process-pause']);
    await screen.reads(/What shall happen/);
    screen.type(enter);
    await screen.reads(/Which URL/);
    screen.type(`http://127.0.0.1:8080/health${enter}`);
    const { code, stdout } = await screen.ended;
    expect(stdout).toContain('Wrote experiment.yaml');
    expect(stdout).not.toContain('Which processes');
    expect(stdout).toContain('no process matches {"name":"my-service"}');
    expect(stdout).toContain('This matches 0 processes');
    expect(code).toBe(0);
    const text = readFileSync(join(place.dir, 'experiment.yaml'), 'utf8');
    expect(text).toContain('name: "my-service"');
    expect(text).toContain('fault: process-pause');
    expect(text).toContain('http://127.0.0.1:8080/health');
    expect((await place.run(['validate', 'experiment.yaml'])).code).toBe(0);
  });

  test('Ctrl-C: nothing is written', async ({ place, terminal, skip }) => {
    if (!there) return skip(why);
    const screen = terminal(place, ['init']);
    await screen.reads(/Which processes/);
    screen.type(ctrlC);
    const { code, stdout } = await screen.ended;
    expect(stdout).toContain('nothing was written');
    expect(code).toBe(2);
    expect(existsSync(join(place.dir, 'experiment.yaml'))).toBe(false);
  });
});
