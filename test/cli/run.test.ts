import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { JournalEvent } from '../../src/core/events.ts';
import { counting, experiment, hit, pausing } from './documents.ts';
import { jsonLines, lives, stateOf, test, until } from './place.ts';

const finished = (events: readonly JournalEvent[]) => events.findLast((event) => event.type === 'run-finished');

describe.concurrent('the outcomes and their exit codes', () => {
  test('held: 0, the target goes on, and no process of ours is left', async ({ place }) => {
    const pid = await place.target();
    const { code, stdout, stderr } = await place.run(['run', place.write('x.json', pausing(place)), '--yes']);
    expect(stderr).toBe('');
    expect(stdout).toContain(`pid:${pid}`);
    expect(stdout).toMatch(/Held/);
    expect(code).toBe(0);
    expect(stateOf(pid)).toBe('S');
    expect(finished(place.events())).toMatchObject({ outcome: 'held', unverified: false });
    await until(() => place.helpers().length === 0);
  });

  test('deviated: 1', async ({ place }) => {
    await place.target();
    const spec = {
      steadyStateHypothesis: [counting(place, { min: 1 }, { recoversWithin: '300ms' })],
      method: [hit(place, 'process-kill')],
    };
    const { code, stdout } = await place.run(['run', place.write('x.json', experiment('gone', spec)), '--yes']);
    expect(stdout).toMatch(/Deviated/);
    expect(code).toBe(1);
  });

  test('rollback-incomplete: 3, and it wins over deviated', async ({ place }) => {
    await place.target();
    const spec = {
      steadyStateHypothesis: [counting(place, { min: 1 }, { recoversWithin: '300ms' })],
      method: [hit(place, 'process-kill')],
      rollbacks: [{ name: 'in vain', exec: { command: ['false'] } }],
    };
    const { code, stdout } = await place.run(['run', place.write('x.json', experiment('stuck', spec)), '--yes']);
    expect(stdout).toContain('in vain');
    expect(code).toBe(3);
  });

  test('skipped: 4, and nothing was injected', async ({ place }) => {
    const pid = await place.target();
    const spec = { steadyStateHypothesis: [counting(place, { min: 2 })], method: [hit(place, 'process-kill')] };
    const { code, stdout } = await place.run(['run', place.write('x.json', experiment('ill', spec)), '--yes']);
    expect(stdout).toMatch(/Skipped/);
    expect(code).toBe(4);
    expect(lives(pid)).toBe(true);
    expect(place.events().filter(({ type }) => type === 'intent')).toEqual([]);
  });

  test('refused: 5, with the reason, and nothing was injected', async ({ place }) => {
    const pids = [await place.target(), await place.target()];
    const spec = { method: [hit(place, 'process-kill', { mode: 'all' })], guards: { blastRadius: 1 } };
    const { code, stdout } = await place.run(['run', place.write('x.json', experiment('big', spec)), '--yes']);
    expect(stdout).toMatch(/would hit 2 targets .*at most 1 allowed/);
    expect(code).toBe(5);
    expect(pids.every(lives)).toBe(true);
    expect(finished(place.events())).toMatchObject({ outcome: 'refused' });
  });

  test('no target at all is refused: 5', async ({ place }) => {
    const { code, stdout } = await place.run(['run', place.write('x.json', pausing(place)), '--yes']);
    expect(stdout).toContain('no target matches');
    expect(code).toBe(5);
  });

  test('of several experiments the worst counts, and each is run', async ({ place }) => {
    await place.target();
    const ill = experiment('ill', {
      steadyStateHypothesis: [counting(place, { min: 9 })],
      method: [hit(place, 'process-pause', { duration: '1s' })],
    });
    place.write('drills/1.json', ill);
    place.write('drills/2.json', pausing(place, '50ms'));
    const { code } = await place.run(['run', 'drills', '--yes']);
    expect(code).toBe(4);
    const outcomes = place.runs().map((run) => finished(place.events(run))?.outcome);
    expect(outcomes).toEqual(['skipped', 'held']);
  });
});

describe.concurrent('the flags', () => {
  test('without --yes and without a terminal: a clear error, exit 2', async ({ place }) => {
    const pid = await place.target();
    const { code, stderr } = await place.run(['run', place.write('x.json', pausing(place))]);
    expect(stderr).toMatch(/no terminal to ask on\n {2}add --yes/);
    expect(code).toBe(2);
    expect(place.runs()).toEqual([]);
    expect(stateOf(pid)).toBe('S');
  });

  test('--dry-run goes through it all and injects nothing; it needs no --yes', async ({ place }) => {
    const pid = await place.target();
    const spec = { steadyStateHypothesis: [counting(place, { min: 1 })], method: [hit(place, 'process-kill')] };
    const file = place.write('x.json', experiment('dry', spec));
    const { code, stdout } = await place.run(['run', file, '--dry-run']);
    expect(stdout).toMatch(/would/i);
    expect(code).toBe(0);
    expect(lives(pid)).toBe(true);
    const types = place.events().map(({ type }) => type);
    expect(types).toContain('would-inject');
    expect(types).not.toContain('intent');
    expect(types).not.toContain('reaper-started');
  });

  test('--environment opens the guard of this name', async ({ place }) => {
    await place.target();
    const file = place.write('x.json', pausing(place, '50ms', { guards: { environment: 'staging' } }));
    const closed = await place.run(['run', file, '--yes']);
    expect(closed.stdout).toContain('add --environment staging');
    const open = await place.run(['run', file, '--yes', '--environment', 'staging']);
    const byVariable = await place.run(['run', file, '--yes'], { env: { ZASHIKI_ENVIRONMENT: 'staging' } });
    expect([closed.code, open.code, byVariable.code]).toEqual([5, 0, 0]);
  });

  test('--state says where the journal goes', async ({ place }) => {
    await place.target();
    const other = join(place.dir, 'other');
    const { code } = await place.run(['run', place.write('x.json', pausing(place, '50ms')), '--yes', '--state', other]);
    expect(code).toBe(0);
    expect(place.runs()).toEqual([]);
    expect(existsSync(join(other, 'runs'))).toBe(true);
  });

  test('--seed picks the same victim again', async ({ place }) => {
    for (let i = 0; i < 6; i++) await place.target();
    const file = place.write('x.json', pausing(place, '20ms'));
    const victims = [];
    for (let i = 0; i < 2; i++) {
      await place.run(['run', file, '--yes', '--seed', '11']);
      victims.push(place.events().flatMap((event) => (event.type === 'intent' ? [event.target.id] : [])));
    }
    expect(victims[0]).toHaveLength(1);
    expect(victims[1]).toEqual(victims[0]);
  });

  test('--report writes all five forms, and folders on the way', async ({ place }) => {
    const pid = await place.target();
    const names = ['r/report.html', 'r/report.md', 'r/report.xml', 'r/report.json', 'r/report.svg'];
    const flags = names.flatMap((name) => ['--report', name]);
    const { code, stdout } = await place.run(['run', place.write('x.json', pausing(place)), '--yes', ...flags]);
    expect(code).toBe(0);
    const [html = '', markdown = '', junit = '', json = '', svg = ''] = names.map((name) =>
      readFileSync(join(place.dir, name), 'utf8'),
    );
    for (const name of names) expect(stdout).toContain(name);
    expect(html).toMatch(/^<!doctype html>/i);
    expect(html).toContain(`pid:${pid}`);
    expect(html).not.toMatch(/(src|href)="https?:/);
    expect(markdown).toContain('## ✔ Held: pausing');
    expect(markdown).toContain(`pid:${pid}`);
    expect(junit).toMatch(/<testsuites?[ >]/);
    expect(junit).not.toMatch(/<(failure|error)[ >]/);
    expect(JSON.stringify(JSON.parse(json))).toContain(`pid:${pid}`);
    expect(svg).toMatch(/<svg[ >]/);
  });

  test('a report that could not be written is told before anything is hit', async ({ place }) => {
    await place.target();
    const file = place.write('x.json', pausing(place));
    const bad = await place.run(['run', file, '--yes', '--report', 'report.doc']);
    const blocked = await place.run(['run', file, '--yes', '--report', join(file, 'report.html')]);
    expect(bad.stderr).toContain('.html .md .xml .json .svg');
    expect(blocked.stderr).toMatch(/cannot write .*report\.html/);
    expect([bad.code, blocked.code]).toEqual([2, 2]);
    expect(place.runs()).toEqual([]);
  });

  test('--repeat runs anew each time and sums up', async ({ place }) => {
    await place.target();
    const file = place.write('x.json', pausing(place, '50ms'));
    const { code, stdout } = await place.run([
      'run',
      file,
      '--yes',
      '--repeat',
      '3',
      '--seed',
      '5',
      '--report',
      'r.md',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/3 runs/);
    expect(stdout).toMatch(/p50/);
    const runs = place.runs();
    expect(runs).toHaveLength(3);
    const seeds = runs.map(
      (run) => place.events(run).flatMap((e) => (e.type === 'run-started' ? [e.plan.seed] : []))[0],
    );
    expect(seeds).toEqual([5, 6, 7]);
    const report = readFileSync(join(place.dir, 'r.md'), 'utf8');
    for (const run of runs) expect(report).toContain(run);
    expect((await place.run(['run', file, '--yes', '--repeat', '0'])).code).toBe(2);
  });

  test('-o json: one event a line on standard output and nothing else', async ({ place }) => {
    await place.target();
    const file = place.write('x.json', pausing(place));
    for (const flags of [['-o', 'json'], ['--json'], ['--output=json', '--repeat', '2', '--report', 'x.md']]) {
      const before = place.runs().length;
      const { code, stdout, stderr } = await place.run(['run', file, '--yes', ...flags]);
      expect(code).toBe(0);
      expect(stderr).toBe('');
      expect(stdout.endsWith('\n')).toBe(true);
      const lines = jsonLines(stdout) as JournalEvent[];
      expect(lines).toEqual(
        place
          .runs()
          .slice(before)
          .flatMap((run) => place.events(run)),
      );
      expect(lines[0]).toMatchObject({ type: 'run-started' });
      expect(lines.at(-1)).toMatchObject({ type: 'run-finished', outcome: 'held' });
    }
  });

  test.for([['--json'], ['-o', 'json'], ['--output=json'], ['-ojson']])(
    'errors are JSON on standard error with %s',
    async (flags, { place }) => {
      const missing = await place.run(['run', 'nowhere.yaml', '--yes', ...flags]);
      const flag = await place.run(['run', 'nowhere.yaml', '--yess', ...flags]);
      expect(JSON.parse(missing.stderr)).toMatchObject({
        error: { code: 'file-unreadable', message: 'cannot read nowhere.yaml: there is no such file' },
      });
      expect(JSON.parse(flag.stderr)).toMatchObject({
        error: {
          code: 'usage',
          message: "unknown option '--yess'",
          hint: expect.stringContaining('did you mean --yes?'),
        },
      });
      expect([missing.stdout, flag.stdout]).toEqual(['', '']);
      expect([missing.code, flag.code]).toEqual([2, 2]);
    },
  );
});

describe.concurrent('a sealed drill', () => {
  const secret = (place: { readonly mark: string }, pid: number) =>
    new RegExp(`pid:${pid}\\b|${place.mark}|process-pause`);

  test.for([[], ['-o', 'json']])('tells nobody what is hit until it is over %s', async (flags, { place }) => {
    const pid = await place.target();
    // The hypothesis is known to all, so it must not name the target here.
    const file = place.write(
      'x.json',
      experiment('drill', { method: [hit(place, 'process-pause', { duration: '90s' })] }),
    );
    const running = place.zashiki(['run', file, '--yes', '--sealed', ...flags]);
    await until(() => stateOf(pid) === 'T');
    const others = await Promise.all([
      place.run(['runs']),
      place.run(['runs', 'show', 'last']),
      place.run(['runs', 'show', 'last', '--json']),
      place.run(['report', 'last']),
      place.run(['report', 'last', '--json']),
      place.run(['diff', 'last', 'last', '--json']),
    ]);
    const during = running.stdout() + running.stderr();
    expect(stateOf(pid)).toBe('T');
    for (const { stdout, stderr } of others) expect(stdout + stderr).not.toMatch(secret(place, pid));
    expect(during).not.toMatch(secret(place, pid));
    running.child.kill('SIGINT');
    await running.ended;
    expect(stateOf(pid)).toBe('S');
    expect((await place.run(['runs', 'show', 'last'])).stdout).toContain(`pid:${pid}`);
  });
});
