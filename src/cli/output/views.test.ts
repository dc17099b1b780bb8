import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { diffRuns } from '../../core/diff.ts';
import type { JournalEvent } from '../../core/events.ts';
import * as scenarios from '../../report/scenarios.ts';
import { renderDiff } from './diff-view.ts';
import { openView } from './index.ts';
import { liveView } from './live-view.ts';
import { renderPlan } from './plan-view.ts';
import { renderRun, renderRuns } from './runs-view.ts';
import { renderSeries } from './series-view.ts';
import { displayWidth } from './table.ts';
import { renderVerdict } from './verdict-view.ts';

const style = { color: false, width: 100 };
const secrets = /shop-worker-2|shop-store|4712|4702|process-kill|process-pause|stopped/;

/** A stream that keeps what is written. */
function page(size: { isTTY?: boolean; columns?: number; rows?: number } = {}) {
  let text = '';
  const listeners = new Set<() => void>();
  return {
    ...size,
    write: (more: string) => {
      text += more;
      return true;
    },
    on: (_event: 'resize', listener: () => void) => void listeners.add(listener),
    off: (_event: 'resize', listener: () => void) => void listeners.delete(listener),
    resize: () => {
      for (const listener of listeners) listener();
    },
    get text() {
      return text;
    },
    get listeners() {
      return listeners.size;
    },
  };
}

/** What a terminal shows after this output: just the sequences that the live view uses. Throws on any other. */
function screenOf(text: string, columns: number): readonly string[] {
  const rows: string[] = [''];
  let [row, column] = [0, 0];
  let rest = text;
  while (rest !== '') {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this reads
    const sequence = /^\u001b\[(\??)(\d*)([a-zA-Z])/.exec(rest);
    if (sequence) {
      rest = rest.slice(sequence[0].length);
      const [, hidden, amount, kind] = sequence;
      if (hidden || kind === 'm') continue;
      if (kind === 'A') row = Math.max(0, row - Number(amount || 1));
      else if (kind === 'K') rows[row] = (rows[row] ?? '').slice(0, column);
      else if (kind === 'J') {
        rows[row] = (rows[row] ?? '').slice(0, column);
        rows.length = row + 1;
      } else throw new Error(`unexpected sequence ${JSON.stringify(sequence[0])}`);
      continue;
    }
    const char = [...rest][0] ?? '';
    rest = rest.slice(char.length);
    if (char === '\r') column = 0;
    else if (char === '\n') [row, column] = [row + 1, 0];
    else {
      if (column >= columns) throw new Error('a line ran over the edge');
      const line = [...(rows[row] ?? '').padEnd(column)];
      line[column] = char;
      rows[row] = line.join('');
      column += 1;
    }
    while (rows.length <= row) rows.push('');
  }
  return rows;
}

const context = (stdout: ReturnType<typeof page>, env: NodeJS.ProcessEnv = {}) => ({ stdout, stderr: page(), env });

function show(
  events: readonly JournalEvent[],
  stdout: ReturnType<typeof page>,
  json = false,
  env: NodeJS.ProcessEnv = {},
) {
  const view = openView({ context: context(stdout, env), json });
  for (const event of events) view.onEvent(event);
  view.close();
  view.close();
  return stdout.text;
}

describe('on a pipe', () => {
  test('one line per event that matters, then the verdict, no escape sequence', () => {
    const text = show(scenarios.held(), page());
    expect(stripVTControlCharacters(text)).toBe(text);
    const lines = text.split('\n');
    expect(lines.find((line) => line.includes('injected'))).toBe(
      '    2.04s  injected       process-kill → shop-worker-2 (pid:4712), took 4 ms',
    );
    expect(lines.filter((line) => /^ +[\d.]+s {2}(good|bad) /.test(line)).length).toBeLessThan(40);
    expect(text).toContain('✔ Held  shop-survives-a-crash');
    expect(text.match(/✔ Held/g)).toHaveLength(1);
  });

  test('a sealed run shows what was hit only when it is over', () => {
    const events = scenarios.sealed(true);
    const text = show(events, page());
    expect(text.slice(0, text.indexOf('✔ Held'))).not.toMatch(secrets);
    expect(show(scenarios.sealed(false), page())).not.toMatch(secrets);
  });

  test('JSON: every event as it is, one a line; sealed without what is hit', () => {
    const lines = show(scenarios.held(), page(), true).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(JSON.parse(JSON.stringify(scenarios.held())));
    const sealed = show(scenarios.sealed(false), page(), true);
    expect(sealed).not.toMatch(secrets);
  });

  test('hostile strings stay on their line and are not obeyed', () => {
    const text = show(scenarios.hostile(), page());
    expect(text).not.toContain('\u001b');
    expect(text).not.toMatch(/^# h/m);
  });
});

describe('on a terminal', () => {
  const live = (columns: number, rows: number, every = 5) => {
    const stdout = page({ isTTY: true, columns, rows });
    return { stdout, view: liveView(stdout, { color: true, every, mono: () => 0 }) };
  };

  test('openView picks the live view only where it can work', () => {
    const tty = { isTTY: true, columns: 80, rows: 24 };
    expect(show(scenarios.refused(), page(tty), false, { TERM: 'xterm' })).toContain('\u001b[?25l');
    expect(show(scenarios.refused(), page(tty), false, { TERM: 'dumb' })).not.toContain('\u001b');
    expect(show(scenarios.refused(), page(tty), false, { TERM: 'xterm', CI: 'true' })).not.toContain('\u001b[?25l');
    expect(show(scenarios.refused(), page())).not.toContain('\u001b');
  });

  test('frames are drawn over each other; the last one and the verdict stay; the cursor comes back', async () => {
    const { stdout, view } = live(100, 30);
    const events = scenarios.held();
    for (const [index, event] of events.entries()) {
      view.onEvent(event);
      if (index % 40 === 0) await delay(15);
    }
    expect(stdout.text.split('\u001b[?2026h').length).toBeGreaterThan(3);
    view.close();
    const screen = screenOf(stdout.text, 100);
    expect(screen.filter((line) => line.includes('shop-survives-a-crash  done'))).toHaveLength(1);
    expect(screen.filter((line) => line.startsWith('the shop answers  '))).toHaveLength(1);
    expect(screen.find((line) => line.startsWith('✔ process-pause'))).toContain('undone and verified');
    expect(screen.find((line) => line.startsWith('three workers'))).toMatch(/▼▪+▲▪+ /);
    expect(screen.some((line) => line.startsWith('✔ Held'))).toBe(true);
    expect(stdout.text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stdout.text.lastIndexOf('\u001b[?25l'));
    expect(stdout.listeners).toBe(0);
  });

  test('it is redrawn at most as often as asked, however many events come', async () => {
    const { stdout, view } = live(80, 24, 50);
    const started = performance.now();
    for (const event of scenarios.long(2000)) {
      view.onEvent(event);
      if (event.seq % 100 === 0) await delay(5);
    }
    const frames = stdout.text.split('\u001b[?2026h').length - 1;
    view.close();
    expect(frames).toBeGreaterThan(0);
    expect(frames).toBeLessThanOrEqual((performance.now() - started) / 50 + 1);
  });

  test.each([
    [40, 8],
    [60, 5],
    [200, 60],
  ])('%i × %i: no line runs over the edge, no frame is higher than the screen', async (columns, rows) => {
    for (const events of [scenarios.held(), scenarios.hostile(), scenarios.long(300)]) {
      const { stdout, view } = live(columns, rows);
      for (const event of events) view.onEvent(event);
      await delay(12);
      const frame = stdout.text.split('\u001b[?2026h').at(-1) ?? '';
      const lines = stripVTControlCharacters(frame).trimEnd().split('\n');
      view.close();
      expect(Math.max(...lines.map(displayWidth))).toBeLessThan(columns);
      expect(lines.length).toBeLessThan(rows);
    }
  });

  test('after a resize it redraws from where the picture begins now', () => {
    const { stdout, view } = live(100, 30);
    for (const event of scenarios.held().slice(0, 60)) view.onEvent(event);
    stdout.resize();
    const before = stdout.text.length;
    stdout.columns = 50;
    stdout.resize();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: how far up the cursor went
    const ups = /\u001b\[(\d+)A/.exec(stdout.text.slice(before));
    const lines = stripVTControlCharacters(stdout.text.slice(0, before)).trimEnd().split('\n').length;
    expect(Number(ups?.[1])).toBeGreaterThan(lines);
    view.close();
  });

  test('say puts a message above the picture', () => {
    const { stdout, view } = live(100, 30);
    for (const event of scenarios.held().slice(0, 60)) view.onEvent(event);
    stdout.resize();
    view.say('SIGINT: recovering, then exiting.\n');
    view.close();
    const screen = screenOf(stdout.text, 100);
    const at = screen.findIndex((line) => line.startsWith('SIGINT'));
    expect(at).toBeGreaterThanOrEqual(0);
    expect(screen.findIndex((line) => line.includes('the shop answers  '))).toBeGreaterThan(at);
    expect(screen.filter((line) => line.startsWith('SIGINT'))).toHaveLength(1);
  });

  test('a sealed run is sealed here too', async () => {
    const { stdout, view } = live(100, 30);
    for (const event of scenarios.sealed(false)) view.onEvent(event);
    await delay(12);
    view.close();
    expect(stdout.text).not.toMatch(secrets);
  });

  test('the cursor comes back when the process dies of an error', () => {
    const program = `
      const { liveView } = await import(${JSON.stringify(new URL('./live-view.ts', import.meta.url).href)});
      liveView(process.stdout, { color: false });
      setTimeout(() => { throw new Error('on purpose'); }, 50);
      setTimeout(() => {}, 60_000);`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', program];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
    expect(stderr).toContain('on purpose');
    expect(status).not.toBe(0);
    expect(stdout.endsWith('\u001b[?25h')).toBe(true);
  });
});

describe('the plan', () => {
  const info = () => ({ undoneBy: 'SIGCONT', reversible: true, summary: 'Freeze the process.' });
  const start = scenarios.held()[0];
  const plan = start?.type === 'run-started' ? start.plan : undefined;

  test('who is hit by what, of how many, for how long, how it is undone, seed and hash', () => {
    if (!plan) throw new Error('the fixture has no plan');
    const text = renderPlan(plan, info, style);
    for (const part of [
      'shop-survives-a-crash',
      'hits    shop-worker-2  host pid:4712',
      '3 candidates (one)',
      'spared  2 × our own process or one of its parents',
      'with    signal: SIGKILL',
      'for     4 s',
      'undone  SIGCONT',
      '2 targets in all; at most 50% of the candidates at a time',
      `${plan.seed}`,
      plan.hash,
    ]) {
      expect(text).toContain(part);
    }
  });

  test('a plan with many victims, none, or a fault that is not known here', () => {
    if (!plan) throw new Error('the fixture has no plan');
    const [first] = plan.steps;
    const victim = first?.victims[0];
    if (!first || !victim) throw new Error('the fixture has no victim');
    const many = Array.from({ length: 500 }, (_, n) => ({ ...victim, id: `pid:${n}` }));
    const unknown = () => {
      throw new Error('unknown fault');
    };
    const text = renderPlan(
      {
        ...plan,
        steps: [
          { ...first, victims: many },
          { ...first, victims: [] },
        ],
      },
      unknown,
      style,
    );
    expect(text).toContain('… and 488 more');
    expect(text).toContain('nothing: no candidate');
    expect(text.split('\n').length).toBeLessThan(50);
  });
});

describe('verdict, list, repetitions, comparison', () => {
  test('every verdict says its exit code and what to do', () => {
    const text = (events: readonly JournalEvent[]) => renderVerdict(events, style);
    expect(text(scenarios.held())).toContain('Exit code 0: held');
    expect(text(scenarios.deviated())).toContain('Exit code 1: deviated');
    expect(text(scenarios.incomplete())).toMatch(/Exit code 3[\s\S]*/);
    expect(text(scenarios.incomplete())).toContain('1 fault may still be in place; run: zashiki recover');
    expect(text(scenarios.skipped())).toContain('Exit code 4: skipped');
    expect(text(scenarios.refused())).toContain('Exit code 5: refused by a guard');
    expect(text(scenarios.dryRun())).toContain('○ process-kill → shop-worker-2 (pid:4712)');
    expect(text(scenarios.crashed())).not.toContain('Exit code');
    expect(text([])).toContain('No verdict');
    const ended = scenarios.held().map((event) => (event.type === 'recovered' ? { ...event, how: 'gone' } : event));
    expect(text(ended as readonly JournalEvent[])).toContain('2 faults injected, 1 gone with its target, 1 one-shot');
    expect(renderVerdict(scenarios.held(), { ...style, reports: ['out/report.html'] })).toContain(
      'Report: out/report.html',
    );
  });

  test('the list of runs', () => {
    const base = {
      startedAt: Date.UTC(2026, 10, 20),
      finishedAt: Date.UTC(2026, 10, 20, 0, 0, 9),
      dryRun: false,
      sealed: false,
    };
    const text = renderRuns(
      [
        { ...base, id: 'r1', experiment: 'a', outcome: 'held' },
        { ...base, id: 'r2', experiment: '', outcome: 'crashed', finishedAt: null, dryRun: true },
        { ...base, id: 'r3', experiment: 'b', outcome: 'rollback-incomplete', recoveredLater: true },
      ],
      style,
    );
    expect(text).toMatch(/r1 +✔ held +a +2026-11-\d\d \d\d:\d\d:\d\d +9 s/);
    expect(text).toMatch(/r2 +‼ crashed \(dry\) +– /);
    expect(text).toMatch(/r3 +rollback-incomplete, recovered later +b /);
  });

  test('one run in full', () => {
    const text = renderRun(scenarios.crashedThenReaped(), style);
    expect(text).toContain('recovered      process-pause → shop-store, by reaper (aiko)');
    expect(text).toMatch(/good readings in a row/);
  });

  test('repetitions: verdicts and quantiles', () => {
    const text = renderSeries(scenarios.repeated(8));
    expect(text).toMatch(/^8 runs {2}/);
    expect(text).toMatch(/the shop answers +\d(\.\d)? s \(\d(\.\d)? s – \d(\.\d)? s\)/);
    expect(renderSeries([])).toContain('0 runs');
  });

  test('comparison: what changed, and whether it is significant', () => {
    const runs = scenarios.repeated(8).map((events, index) => ({ id: `r${index}`, events }));
    const slow = runs.map(({ id, events }) => ({ id: `${id}s`, events }));
    const text = renderDiff(diffRuns(runs, slow), style);
    expect(text).toMatch(/the shop answers .* no \(p = 1\.000\)/);
    const other = renderDiff(
      diffRuns([{ id: 'a', events: scenarios.held() }], [{ id: 'b', events: scenarios.deviated() }]),
      style,
    );
    expect(other).toMatch(/verdict +held +deviated/);
    expect(other).toMatch(/too few runs \(1 and 1\)/);
  });
});
