import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JournalEvent } from '../core/events.ts';
import { htmlReport } from './html.ts';
import { pictureSvg } from './picture.ts';
import * as scenarios from './scenarios.ts';
import { htmlSummary } from './summary.ts';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

const all: Readonly<Record<string, () => readonly JournalEvent[]>> = {
  held: scenarios.held,
  deviated: scenarios.deviated,
  skipped: scenarios.skipped,
  refused: scenarios.refused,
  dryRun: scenarios.dryRun,
  crashed: scenarios.crashed,
  crashedThenReaped: scenarios.crashedThenReaped,
  incomplete: scenarios.incomplete,
  sealedRunning: () => scenarios.sealed(false),
  sealedOver: () => scenarios.sealed(true),
  unverified: scenarios.unverified,
  hostile: scenarios.hostile,
  long: scenarios.long,
  empty: () => [],
  oneEvent: () => scenarios.held().slice(0, 1),
  withoutStart: () => scenarios.held().slice(30),
};

describe('the page as text', () => {
  test.each(Object.entries(all))('%s: no script, no address to load, under 2 MB', (_name, events) => {
    const page = htmlReport(events());
    expect(page.startsWith('<!doctype html>')).toBe(true);
    expect(page).not.toMatch(/<(script|link|iframe|object|embed|img)/i);
    expect(page.replace(/"[^"]*"/g, '""')).not.toMatch(/<[^>]*\s(href|src|srcset|xlink:href)\s*=/i);
    expect(page).not.toMatch(/@import|url\(/i);
    expect(page.length).toBeLessThan(2_000_000);
  });

  test('a journal cut at any event still gives a page', () => {
    const events = scenarios.deviated();
    for (let end = 0; end <= events.length; end += 7) {
      expect(htmlReport(events.slice(0, end))).toContain('</html>');
      expect(pictureSvg(events.slice(0, end))).toContain('</svg>');
    }
  });

  test('a sealed drill hides fault, target, seed and replay until it ends', () => {
    const going = htmlReport(scenarios.sealed(false));
    for (const secret of ['shop-worker-2', 'shop-store', '4712', '4702', 'process-kill', 'process-pause', '--seed']) {
      expect(going).not.toContain(secret);
    }
    expect(going).toContain('sealed: targets are hidden');
    const over = htmlReport(scenarios.sealed(true));
    expect(over).toContain('shop-worker-2');
    expect(over).toContain('sealed drill');
  });

  test('what was refused, warned of and undone by whom is told', () => {
    expect(htmlReport(scenarios.refused())).toContain('the window is Mon-Fri 10:00-12:00');
    expect(htmlReport(scenarios.crashedThenReaped())).toContain('undone by reaper (aiko)');
    expect(htmlReport(scenarios.incomplete())).toContain('EROFS: read-only file system');
    expect(htmlReport(scenarios.deviated())).toContain('empty the queue');
  });
});

describe.runIf(executablePath)('the page in Chromium', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'zashiki-report-'));
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(name: string, text: string, width: number, dark = false) {
    const file = join(folder, name);
    writeFileSync(file, text);
    const context = await browser.newContext({
      viewport: { width, height: 800 },
      colorScheme: dark ? 'dark' : 'light',
    });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => void problems.push(message.text()));
    page.on('pageerror', (error) => void problems.push(String(error)));
    page.on('dialog', (dialog) => {
      problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(`file://${folder}`)) problems.push(`request: ${request.url()}`);
    });
    await page.goto(`file://${file}`);
    return { page, problems, close: () => context.close() };
  }

  test.each(Object.entries(all))(
    '%s: nothing wrong, nothing loaded, nothing runs over the edge',
    async (name, events) => {
      const { page, problems, close } = await open(`${name}.html`, htmlReport(events()), 1280);
      for (const width of [1280, 700, 480, 360]) {
        await page.setViewportSize({ width, height: 800 });
        expect(
          await page.evaluate('document.documentElement.scrollWidth - innerWidth'),
          `${width} px`,
        ).toBeLessThanOrEqual(0);
      }
      expect(await page.evaluate('document.querySelectorAll("script,img,iframe,object,link").length')).toBe(0);
      expect(await page.locator('h1').count()).toBe(1);
      expect(problems).toEqual([]);
      await close();
    },
  );

  test('hostile names are shown as they are, and do nothing', async () => {
    const { page, close } = await open('hostile.html', htmlReport(scenarios.hostile()), 1280);
    const heading = (await page.locator('h1').textContent()) ?? '';
    expect(heading).toContain(`<script>alert('x')</script><img src=x onerror=alert(1)>"'&]]>`);
    expect(heading).not.toContain('\u001b');
    expect(heading).not.toContain('\u202e');
    await close();
  });

  test('the verdict, the numbers and the picture are there to be found by anybody', async () => {
    const { page, close } = await open('held.html', htmlReport(scenarios.held()), 1280);
    expect(await page.getByRole('status').textContent()).toMatch(/^HeldThe system took the fault and was steady again/);
    const picture = page.getByRole('img').first();
    expect(await picture.getAttribute('aria-label')).toMatch(/process-pause on shop-store from .* s to 10 s/);
    expect(await page.locator('svg.zp .wash').count()).toBeGreaterThan(0);
    expect(await page.locator('svg.zp .stable').count()).toBeGreaterThan(0);
    expect(await page.locator('svg.zp .limit').count()).toBeGreaterThan(0);
    const table = page.getByRole('region', { name: 'What was done to what' });
    expect(await table.locator('tbody tr').count()).toBe(2);
    expect(await table.textContent()).toContain('undone and verified');
    await page.locator('summary').click();
    expect(await page.locator('details tbody tr').count()).toBeGreaterThan(20);
    await close();
  });

  test('text stands out from what is behind it, in light and in dark (WCAG AA)', async () => {
    for (const dark of [false, true]) {
      for (const name of ['held', 'deviated', 'refused', 'incomplete']) {
        const { page, close } = await open('contrast.html', htmlReport(all[name]?.() ?? []), 1280, dark);
        const worst = (await page.evaluate(contrastScript)) as { ratio: number; text: string };
        expect(worst.ratio, `${name} ${dark ? 'dark' : 'light'}: "${worst.text}"`).toBeGreaterThanOrEqual(4.5);
        await close();
      }
    }
  });

  test('the summary of repeated runs and the stand-alone picture draw without a complaint', async () => {
    const summary = await open('summary.html', htmlSummary(scenarios.repeated(12)), 480);
    expect(await summary.page.locator('.slim svg .dot').count()).toBe(12);
    expect(await summary.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    expect(summary.problems).toEqual([]);
    await summary.close();
    const svg = await open('picture.svg', pictureSvg(scenarios.hostile()), 1280);
    expect(await svg.page.evaluate('document.documentElement.nodeName')).toBe('svg');
    expect(await svg.page.evaluate('document.querySelectorAll("parsererror,script,img").length')).toBe(0);
    expect(svg.problems).toEqual([]);
    await svg.close();
  });
});

test('a browser to look with', (ctx) => {
  if (!executablePath) ctx.skip('SKIPPED: no Chromium at /usr/bin/chromium, so the report was not opened in a browser');
});

/** The least contrast of any visible text in the page's own colours (the picture has its own, checked by eye). */
const contrastScript = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const lum = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((s, c, i) => s + c * [0.2126, 0.7152, 0.0722][i], 0);
  let worst = { ratio: 99, text: '' };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(); const element = walker.currentNode.parentElement;
    if (!text || element.closest('svg,details') || element.getClientRects().length === 0) continue;
    let behind = element; while (behind && rgba(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
    const a = lum(rgba(getComputedStyle(element).color)); const b = lum(rgba(getComputedStyle(behind ?? document.body).backgroundColor));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst.ratio) worst = { ratio, text };
  }
  return worst;
})()`;
