import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isError } from '../core/errors.ts';
import { seededRng } from '../core/rng.ts';
import type { ScheduleEntry } from '../core/schedule/state.ts';
import { fileNameFor, openScheduleFiles } from './schedule-store.ts';

const root = mkdtempSync(join(tmpdir(), 'zashiki-schedules-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folder = () => mkdtempSync(join(root, 'state-'));
const entry = (at: number): ScheduleEntry => ({ type: 'planned', at, group: '', next: at + 1, draw: 1 });

describe('files', () => {
  test('what was appended is read back, by another process too', () => {
    const place = join(folder(), 'not', 'there', 'yet');
    const files = openScheduleFiles(place);
    expect(files.read('shop')).toEqual([]);
    files.append('shop', entry(1));
    files.append('shop', entry(2));
    files.append('bar', entry(3));
    expect(openScheduleFiles(place).read('shop')).toEqual([entry(1), entry(2)]);
    files.close();
    files.append('shop', entry(4));
    expect(files.read('shop').length).toBe(3);
    files.close();
    expect(statSync(place).mode & 0o777).toBe(0o700);
  });

  test('replaced at once, and appended to afterwards', () => {
    const place = folder();
    const files = openScheduleFiles(place);
    for (let i = 0; i < 10; i += 1) files.append('shop', entry(i));
    files.replace('shop', [entry(8), entry(9)]);
    files.append('shop', entry(10));
    expect(files.read('shop')).toEqual([entry(8), entry(9), entry(10)]);
    expect(readdirSync(place)).toEqual(['shop.jsonl']);
    files.close();
  });

  test('a file that is cut at any byte loses at most its last entry, and what comes after is whole', () => {
    const place = folder();
    const path = join(place, 'shop.jsonl');
    const whole = [1, 2, 3].map((at) => `${JSON.stringify(entry(at))}\n`);
    fc.assert(
      fc.property(fc.nat(whole.join('').length), (length) => {
        writeFileSync(path, whole.join(''));
        truncateSync(path, length);
        const files = openScheduleFiles(place);
        files.append('shop', entry(9));
        files.close();
        const kept = [1, 2, 3].filter((n) => whole.slice(0, n).join('').trimEnd().length <= length);
        expect(files.read('shop')).toEqual([...kept.map(entry), entry(9)]);
      }),
      { numRuns: 60 },
    );
  });

  test('garbage in the middle is passed over', () => {
    const place = folder();
    const files = openScheduleFiles(place);
    files.append('shop', entry(1));
    appendFileSync(join(place, 'shop.jsonl'), '\0\0\0\n[1]\nnull\n{"type":"planned"}\n');
    files.append('shop', entry(2));
    expect(files.read('shop')).toEqual([entry(1), entry(2)]);
    files.close();
  });

  test('a name cannot leave the folder, and no two share a file', () => {
    const names = [
      'a',
      'A',
      '.',
      '..',
      '../a',
      '/etc/passwd',
      'a/b',
      'a_b',
      '',
      'ä',
      'x'.repeat(300),
      `${'x'.repeat(300)}y`,
    ];
    const files = names.map(fileNameFor);
    expect(new Set(files).size).toBe(names.length);
    expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(names.length);
    for (const file of files) expect(file).toMatch(/^[a-z0-9_-]*(\.[0-9a-f]{12})?\.jsonl$/);
    expect(fileNameFor('shop-1')).toBe('shop-1.jsonl');
  });

  test('a full disk is said', (context) => {
    if (!existsSync('/dev/full')) return context.skip('this system has no /dev/full');
    const place = folder();
    symlinkSync('/dev/full', join(place, 'shop.jsonl'));
    const files = openScheduleFiles(place);
    for (let i = 0; i < 2; i += 1) expect(() => files.append('shop', entry(1))).toThrow('ENOSPC');
    files.close();
  });

  test('a place that cannot be written is said', () => {
    const place = folder();
    writeFileSync(join(place, 'file'), '');
    const open = () => openScheduleFiles(join(place, 'file', 'below'));
    expect(open).toThrow('cannot be kept in');
    try {
      open();
    } catch (error) {
      expect(isError(error, 'state-unwritable')).toBe(true);
    }
  });
});

describe('a daemon that is killed ten times', () => {
  const program = join(root, 'daemon.mjs');
  const children = new Set<ChildProcess>();
  beforeAll(async () => {
    await build({
      entryPoints: [resolve(import.meta.dirname, '../../test/fixtures/schedule-daemon.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
  const linesOf = (path: string): string[] => {
    try {
      return readFileSync(path, 'utf8').split('\n').filter(Boolean);
    } catch {
      return [];
    }
  };

  /** Start it, let it run until it has fired more often, then a moment longer, and kill it. */
  async function oneLife(place: string, policy: string, longer: number): Promise<void> {
    const logs = ['rhythm', 'lot'].map((name) => join(place, `${name}.log`));
    const before = logs.map((log) => linesOf(log).length);
    const child = spawn(process.execPath, [program, place, policy], { stdio: ['ignore', 'ignore', 'pipe'] });
    children.add(child);
    let errors = '';
    child.stderr?.on('data', (chunk) => (errors += chunk));
    const ended = once(child, 'exit');
    for (let waited = 0; logs.some((log, i) => linesOf(log).length <= (before[i] ?? 0)); waited += 20) {
      if (child.exitCode !== null || waited > 30_000) throw new Error(`the daemon did not fire: ${errors}`);
      await pause(20);
    }
    await pause(longer);
    child.kill('SIGKILL');
    await ended;
    children.delete(child);
    expect(errors).toBe('');
  }

  test.concurrent.each(['skip', 'once', 'all'])(
    'no due time is fired twice, none is forgotten (%s)',
    async (policy) => {
      const place = folder();
      const chance = seededRng(7, policy);
      for (let life = 0; life < 10; life += 1) {
        // Some deaths are quick, some leave several due times behind.
        await oneLife(place, policy, chance.below(400));
        await pause(chance.below(3) === 0 ? 1500 + chance.below(1500) : chance.below(300));
      }
      for (const name of ['rhythm', 'lot']) {
        const entries = openScheduleFiles(place).read(name);
        const ran = linesOf(join(place, `${name}.log`)).map((line) => line.split(' '));
        const fired = entries.filter((one) => one.type === 'fired');

        expect(new Set(fired.map(({ due }) => due)).size).toBe(fired.length);
        expect(new Set(ran.map(([due]) => due)).size).toBe(ran.length);
        // Nothing ran that was not written down before, and what did not run is known.
        const written = new Set(fired.map(({ run }) => run));
        expect(ran.every(([, run]) => written.has(run ?? ''))).toBe(true);
        const began = new Set(ran.map(([, run]) => run));
        const interrupted = new Set(
          entries.flatMap((one) => (one.type === 'finished' && one.outcome === 'interrupted' ? [one.run] : [])),
        );
        const lost = fired.slice(0, -1).filter(({ run }) => !began.has(run));
        expect(lost.every(({ run }) => interrupted.has(run))).toBe(true);
        expect(fired.length).toBeGreaterThanOrEqual(10);
        if (name === 'lot') continue;

        const [anchor] = entries;
        const decided = entries.flatMap((one) =>
          one.type === 'fired' ? [{ due: one.due, count: 1 }] : one.type === 'missed' ? [one] : [],
        );
        const last = decided.at(-1)?.due ?? 0;
        expect(decided.reduce((sum, { count }) => sum + count, 0)).toBe((last - (anchor?.at ?? 0)) / 1000);
        const missed = entries.filter((one) => one.type === 'missed');
        // On a busy machine a run may outlast its second.
        if (policy === 'all') expect(missed.filter(({ reason }) => !reason.includes('Forbid'))).toEqual([]);
        else expect(missed.length).toBeGreaterThan(0);
      }
    },
    180_000,
  );
});
