import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventBody, JournalEvent } from '../core/events.ts';
import type { Hypothesis, Json } from '../core/model.ts';
import { onTimeLine } from '../core/timeline.ts';
import { clip, codeSpan, escapeMarkdown, escapeXml } from './escape.ts';
import { eventLines } from './event-lines.ts';
import { answers, me, script, startOf, threeUp, worker } from './fixtures.ts';
import { verdictSentence } from './phrases.ts';
import { seriesOf } from './readings.ts';
import { columns, niceCeiling, thin, tickLabel, timeTicks } from './scale.ts';
import * as scenarios from './scenarios.ts';
import { sealEvents } from './seal.ts';
import { tellStory } from './story.ts';

describe('escaping', () => {
  const text = fc.string({ unit: 'binary', maxLength: 80 });

  test('no text can leave an attribute or an element', () => {
    fc.assert(
      fc.property(text, (given) => {
        const safe = escapeXml(given);
        expect(safe).not.toMatch(/[<>"']/);
        expect(safe).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/);
        expect(safe).not.toMatch(/[\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  test('no text can leave a Markdown cell or a code span', () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(escapeMarkdown(given)).not.toMatch(/[\n\r<>@]|(?<!\\)(?:\\\\)*[|`*[\]]/);
        const span = codeSpan(given);
        const fence = /^`+/.exec(span)?.[0] ?? '';
        expect(span.slice(fence.length, -fence.length)).not.toMatch(new RegExp(`(?<!\`)\`{${fence.length}}(?!\`)`));
        expect(span).not.toMatch(/[\n\r]/);
      }),
    );
  });

  test('clip cuts at a character, not inside one', () => {
    expect(clip('abc', 3)).toBe('abc');
    expect(clip('abcd', 3)).toBe('ab…');
    expect(clip('👻👻👻👻', 3)).toBe('👻👻…');
  });
});

describe('what is drawn of a reading', () => {
  const read = (probe: string, tolerance: Json, value: Json, ok = true) => {
    const hypothesis: Hypothesis = { ...answers, probe: { id: probe, params: {} }, tolerance };
    const event = {
      type: 'probe',
      of: 'hypothesis',
      index: 0,
      phase: 'before',
      ok,
      value,
      took: 7,
      seq: 1,
      at: 0,
      mono: 0,
    } as const;
    const { samples, series } = seriesOf([{ t: 0, event }], hypothesis);
    return { number: samples[0]?.number ?? null, band: series?.band ?? null, unit: series?.unit };
  };

  test('each probe has its number and its limits', () => {
    expect(read('http', { latency: '300ms' }, { status: 200, latency: 12 })).toEqual({
      number: 12,
      band: { max: 300 },
      unit: 'ms',
    });
    expect(read('tcp', { latency: 50 }, { connects: true, latency: 3 })).toEqual({
      number: 3,
      band: { max: 50 },
      unit: 'ms',
    });
    expect(read('process', { count: 3 }, { count: 2 })).toEqual({ number: 2, band: { min: 3, max: 3 }, unit: '' });
    expect(read('process', { count: { min: 1 } }, { count: 2 })).toEqual({ number: 2, band: { min: 1 }, unit: '' });
    expect(read('exec', { numeric: { max: 5 } }, { code: 0, stdout: '4', stderr: '' })).toMatchObject({
      number: 4,
      band: { max: 5 },
    });
    expect(read('file', { maxSize: 2048 }, { exists: true, size: 1024, age: 5 })).toEqual({
      number: 1024,
      band: { max: 2048 },
      unit: 'B',
    });
    expect(read('prometheus', { max: 2, reduce: 'sum' }, { count: 2, values: ['0.5', '1'] })).toMatchObject({
      number: 1.5,
      band: { max: 2 },
    });
  });

  test('what never came has no number, however long the wait was', () => {
    expect(read('http', { latency: '1s' }, { latency: 1000 }, false).number).toBeNull();
    expect(read('tcp', {}, { connects: false, latency: 900 }, false).number).toBeNull();
    expect(read('http', {}, null, false).number).toBeNull();
    expect(read('exec', {}, { code: 1, stdout: '4', stderr: '' }).number).toBeNull();
    expect(read('prometheus', {}, { count: 1, values: ['NaN'] }, false).number).toBeNull();
  });
});

describe('scales', () => {
  test('ticks are round, few and reach the end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 2, max: 12 }), (end, most) => {
        const ticks = timeTicks(end, most);
        expect(ticks.length).toBeLessThanOrEqual(most + 1);
        expect(ticks[0]).toBe(0);
        expect(Math.max(...ticks)).toBeLessThanOrEqual(end);
      }),
    );
    expect([tickLabel(500, 4000), tickLabel(150_000, 200_000), tickLabel(3_900_000, 5_000_000)]).toEqual([
      '0.5 s',
      '2:30',
      '1:05:00',
    ]);
    expect([niceCeiling(0), niceCeiling(7), niceCeiling(430), niceCeiling(0.07)]).toEqual([1, 8, 500, 0.08]);
  });

  test('thinning keeps the highest and the lowest, and few points', () => {
    const samples = Array.from({ length: 10_000 }, (_, t) => ({ t, ok: true, number: t === 5000 ? 999 : 10 }));
    const kept = thin(samples, 10_000, 200);
    expect(kept.length).toBeLessThanOrEqual(200);
    expect(kept.some(({ number }) => number === 999)).toBe(true);
    const sums = columns(samples, 10_000, 100).map(({ good, bad }) => good + bad);
    expect(sums.reduce((sum, each) => sum + each, 0)).toBe(10_000);
  });
});

describe('the story of a run', () => {
  test('ten thousand readings are told in a few lines of events', () => {
    const events = scenarios.long();
    const started = performance.now();
    const lines = eventLines(onTimeLine(events), ['the shop answers', 'three workers are up']);
    expect(lines.length).toBeLessThan(events.length / 2);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test('each way to be skipped has a sentence of its own', () => {
    const skip = (...bodies: readonly EventBody[]) => {
      const out = script();
      out.at(0, startOf('x', {}, [{ fault: 'process-kill', on: [worker(2)] }]));
      for (const [index, body] of bodies.entries()) out.at(index + 1, body);
      out.at(99, { type: 'run-finished', outcome: 'skipped', unverified: false, reasons: [], author: me });
      return verdictSentence(tellStory(out.events));
    };
    const intent: EventBody = {
      type: 'intent',
      injection: 'i1',
      step: 'method[0]',
      fault: 'process-kill',
      target: worker(2),
      params: {},
      reversible: false,
      undo: null,
      claims: [],
      capabilities: [],
    } as never;
    const method: EventBody = { type: 'phase', phase: 'method' };
    const error = { code: 'target-gone', message: 'gone' } as const;
    expect(verdictSentence(tellStory(scenarios.skipped()))).toMatch(/not steady to begin with/);
    expect(skip(method)).toMatch(/^Nothing could be injected/);
    expect(skip(method, intent, { type: 'inject-failed', injection: 'i1', error })).toBe(
      'The fault could not be injected, so nothing was judged.',
    );
    expect(skip(method, intent, { type: 'observed', injection: 'i1', real: false, detail: 'still there' })).toMatch(
      /^The fault had no effect/,
    );
    expect(skip({ type: 'aborted', reason: 'stopped by Ctrl-C', author: me })).toMatch(/stopped before anything/);
  });

  test('states of injections', () => {
    const states = (events: readonly JournalEvent[]) => tellStory(events).injections.map(({ state }) => state);
    expect(states(scenarios.held())).toEqual(['done', 'verified']);
    expect(states(scenarios.incomplete())).toEqual(['outstanding']);
    expect(states(scenarios.crashed())).toEqual(['on']);
    expect(states(scenarios.crashedThenReaped())).toEqual(['verified']);
    const cut = scenarios.deviated();
    expect(states(cut.slice(0, cut.findIndex(({ type }) => type === 'intent') + 1))).toEqual(['planned']);
  });

  test('a sealed event tells nothing of fault, target or what was seen', () => {
    const going = JSON.stringify(sealEvents(scenarios.sealed(false)));
    for (const secret of [
      'shop-worker',
      'shop-store',
      '4712',
      '4702',
      'process-kill',
      'SIGKILL',
      'stopped',
      '--seed',
    ]) {
      // The hypotheses are not secret; one of them counts the workers.
      expect(going.replaceAll('re2:shop-worker', '')).not.toContain(secret);
    }
    expect(going).toContain(threeUp.name);
    expect(sealEvents(scenarios.sealed(true))).toEqual(scenarios.sealed(true));
  });
});
