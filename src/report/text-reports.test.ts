import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { isError } from '../core/errors.ts';
import type { JournalEvent } from '../core/events.ts';
import { renderReport, reportFormats } from './index.ts';
import { runReport } from './json.ts';
import { junitReport, junitReports } from './junit.ts';
import { markdownReport } from './markdown.ts';
import * as scenarios from './scenarios.ts';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

const all: Readonly<Record<string, () => readonly JournalEvent[]>> = {
  held: scenarios.held,
  deviated: scenarios.deviated,
  skipped: scenarios.skipped,
  refused: scenarios.refused,
  dryRun: scenarios.dryRun,
  crashed: scenarios.crashed,
  incomplete: scenarios.incomplete,
  sealed: () => scenarios.sealed(false),
  unverified: scenarios.unverified,
  hostile: scenarios.hostile,
  empty: () => [],
};

/** A small strict reader: nesting, quoting and characters must be right; returns the element names with attributes. */
function parseXml(
  text: string,
): readonly { readonly name: string; readonly attributes: string; readonly inner: string }[] {
  const bad = [...text].find((char) => {
    const code = char.codePointAt(0) ?? 0;
    return (
      (code < 0x20 && !'\t\n\r'.includes(char)) ||
      code === 0xfffe ||
      code === 0xffff ||
      (code >= 0xd800 && code <= 0xdfff)
    );
  });
  if (bad !== undefined) throw new Error(`forbidden character U+${bad.codePointAt(0)?.toString(16)}`);
  const found: { name: string; attributes: string; inner: string }[] = [];
  const open: { name: string; from: number; at: number }[] = [];
  let rest = text.replace(/^<\?xml [^?]*\?>\n/, '');
  let at = 0;
  const source = rest;
  while (rest !== '') {
    const tag = /^<(\/?)([a-z]+)((?:\s[a-zA-Z]+="[^"<]*")*)(\/?)>/.exec(rest);
    const step = tag?.[0] ?? /^[^<]+/.exec(rest)?.[0];
    if (step === undefined) throw new Error(`not XML: ${rest.slice(0, 80)}`);
    if (/&(?!(amp|lt|gt|quot|#39);)/.test(step)) throw new Error(`loose ampersand: ${step.slice(0, 80)}`);
    if (tag?.[1]) {
      const last = open.pop();
      if (!last || last.name !== tag[2]) throw new Error(`</${tag[2]}> closes <${last?.name}>`);
      const entry = found[last.at];
      if (entry) entry.inner = source.slice(last.from, at);
    } else if (tag) {
      found.push({ name: tag[2] ?? '', attributes: tag[3] ?? '', inner: '' });
      if (!tag[4]) open.push({ name: tag[2] ?? '', from: at + step.length, at: found.length - 1 });
    }
    at += step.length;
    rest = rest.slice(step.length);
  }
  if (open.length > 0) throw new Error(`never closed: ${open.map(({ name }) => name).join(' ')}`);
  return found;
}

describe('JUnit', () => {
  test.each(Object.entries(all))('%s is well-formed and counts right', (_name, events) => {
    const elements = parseXml(junitReport(events()));
    const suite = elements.find(({ name }) => name === 'testsuite');
    const number = (key: string) => Number(new RegExp(`${key}="(\\d+)"`).exec(suite?.attributes ?? '')?.[1]);
    expect(number('tests')).toBe(elements.filter(({ name }) => name === 'testcase').length);
    expect(number('failures')).toBe(elements.filter(({ name }) => name === 'failure').length);
    expect(number('skipped')).toBe(elements.filter(({ name }) => name === 'skipped').length);
  });

  test('one case for each hypothesis and one for the clean-up, with the reason of a failure', () => {
    const elements = parseXml(junitReport(scenarios.deviated()));
    const cases = elements.filter(({ name }) => name === 'testcase');
    expect(cases.map(({ attributes }) => /name="([^"]*)"/.exec(attributes)?.[1])).toEqual([
      'the shop answers',
      'three workers are up',
      'clean-up',
    ]);
    expect(cases[0]?.inner).toMatch(/<failure message="only .*% of the readings were good while the fault was on/);
    expect(cases[0]?.inner).toContain('not steady again within 5 s');
    expect([cases[1]?.inner, cases[2]?.inner]).toEqual(['', '']);
  });

  test('held passes, skipped and refused skip, what is left behind fails, no verdict fails', () => {
    expect(junitReport(scenarios.held())).toContain('failures="0" errors="0" skipped="0"');
    expect(junitReport(scenarios.skipped())).toContain(
      '<skipped message="skipped: not steady before: the shop answers',
    );
    expect(junitReport(scenarios.refused())).toContain('failures="0" errors="0" skipped="2"');
    expect(junitReport(scenarios.incomplete())).toMatch(/name="clean-up".*\n<failure message="disk-fill on shop-store/);
    expect(junitReport(scenarios.crashed())).toMatch(
      /name="clean-up".*\n<failure message="process-pause on shop-store/,
    );
    expect(junitReport(scenarios.crashedThenReaped())).toMatch(/name="the run".*\n<failure/);
  });

  test('several runs are several suites', () => {
    const elements = parseXml(junitReports([scenarios.held(), scenarios.deviated()]));
    expect(elements.filter(({ name }) => name === 'testsuite')).toHaveLength(2);
  });

  test('a real XML parser agrees', async (ctx) => {
    if (!executablePath)
      return ctx.skip('SKIPPED: no Chromium, so the JUnit files were only read by the small reader above');
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      for (const events of Object.values(all)) {
        const script = `new DOMParser().parseFromString(${JSON.stringify(junitReport(events()))}, 'application/xml').querySelector('parsererror')?.textContent ?? ''`;
        expect(await page.evaluate(script)).toBe('');
      }
    } finally {
      await browser.close();
    }
  });
});

describe('Markdown', () => {
  test('verdict, tables and replay', () => {
    const text = markdownReport(scenarios.held());
    expect(text).toContain('undone and verified');
    const ended = scenarios.held().map((event) => (event.type === 'recovered' ? { ...event, how: 'gone' } : event));
    expect(markdownReport(ended as readonly JournalEvent[])).toMatch(/\| gone with its target \|/);
    expect(markdownReport(ended as readonly JournalEvent[])).not.toContain('undone and verified');
    expect(text).toMatch(/^## ✔ Held: shop-survives-a-crash\n\nThe system took the fault/);
    expect(text).toMatch(/\| the shop answers \| ✔ held \| 9\d(\.\d)?% \(≥ 80%\) \|/);
    expect(text).toMatch(/`[▁▂▃▄▅▆▇█× ]{10,}`/);
    expect(text).toContain('`zashiki run shop.yaml --seed 7`');
  });

  test.each(Object.entries(all))(
    '%s: every table row has as many cells as its head, in bounded size',
    (_name, events) => {
      const text = markdownReport(events());
      expect(text.length).toBeLessThan(60_000);
      const cells = (line: string) => line.replace(/\\\|/g, '').split('|').length;
      for (const block of text.split('\n\n')) {
        const rows = block.split('\n').filter((line) => line.startsWith('|'));
        expect(new Set(rows.map(cells)).size).toBeLessThanOrEqual(1);
      }
    },
  );

  test('hostile names make no markup, no mention, no new line', () => {
    const outside = markdownReport(scenarios.hostile()).replace(/(`+)[^\n]*?\1/g, '');
    expect(outside).not.toMatch(/<script|<img/);
    expect(outside).not.toContain('@team');
    expect(outside).not.toMatch(/^# h/m);
    expect(outside).not.toContain('\u001b');
  });
});

describe('JSON', () => {
  test('the keys that others rely on', () => {
    const report = runReport(scenarios.held());
    expect(report).toMatchObject({
      version: 1,
      run: '20261120T051207-k3x9',
      experiment: 'shop-survives-a-crash',
      startedAt: '2026-11-20T05:12:07.412Z',
      host: 'build-7.example',
      author: { role: 'run', user: 'aiko' },
      seed: 7,
      replay: 'zashiki run shop.yaml --seed 7',
      verdict: { outcome: 'held', exitCode: 0, unverified: false },
      outstanding: [],
    });
    expect(report.recoveryMs).toBeGreaterThan(1000);
    expect(report.hypotheses.map(({ name, judged }) => [name, judged])).toEqual([
      ['the shop answers', 'good'],
      ['three workers are up', 'good'],
    ]);
    expect(report.injections).toMatchObject([
      { id: 'i1', fault: 'process-kill', state: 'done', target: { id: 'pid:4712' }, injectedAtMs: 2040 },
      { id: 'i2', fault: 'process-pause', state: 'verified', recoveredAtMs: 10_000, recoveredBy: 'run' },
    ]);
  });

  test('outstanding, refused, dry and sealed', () => {
    expect(runReport(scenarios.incomplete())).toMatchObject({ outstanding: ['i1'], verdict: { exitCode: 3 } });
    expect(runReport(scenarios.crashed())).toMatchObject({
      outstanding: ['i1'],
      verdict: { outcome: null, exitCode: null },
    });
    expect(runReport(scenarios.crashedThenReaped())).toMatchObject({
      outstanding: [],
      injections: [{ recoveredBy: 'reaper' }],
    });
    expect(runReport(scenarios.refused()).refusals.map(({ guard }) => guard)).toEqual(['window', 'blastRadius']);
    expect(runReport(scenarios.dryRun()).wouldInject).toMatchObject([
      { fault: 'process-kill', target: { id: 'pid:4712' } },
    ]);
    const sealed = JSON.stringify(runReport(scenarios.sealed(false)));
    expect(sealed).not.toMatch(/shop-worker-2|shop-store|process-kill|--seed/);
  });
});

describe('renderReport', () => {
  test.each(reportFormats)('%s: one run, several runs, no run', (format) => {
    const one = renderReport(format, scenarios.held());
    expect(one.length).toBeGreaterThan(100);
    expect(renderReport(format, [scenarios.held()])).toBe(one);
    expect(renderReport(format, [scenarios.held(), scenarios.deviated()])).not.toBe(one);
    expect(renderReport(format, []).length).toBeGreaterThan(0);
  });

  test('a format that does not exist is a usage error that names the formats', () => {
    try {
      renderReport('docx', scenarios.held());
      expect.unreachable();
    } catch (error) {
      expect(isError(error, 'usage')).toBe(true);
      expect(error).toMatchObject({ hint: 'formats: html, markdown, junit, json, svg' });
    }
  });
});
