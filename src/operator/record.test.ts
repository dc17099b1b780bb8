import { describe, expect, test } from 'vitest';
import {
  advance,
  type Injection,
  injectionKey,
  mayBeOn,
  next,
  type Phase,
  type Result,
  recordId,
  type Wanted,
} from './record.ts';

const now = 1_000_000;
const target = { platform: 'kubernetes', id: 'pod:shop/web-0', name: 'web-0', identity: { uid: 'abcdef0123456789' } };
const injection = (more: Partial<Injection> = {}): Injection => ({
  step: 'method[0]',
  fault: 'pod-failure',
  target,
  like: 'x',
  tag: 'k1.2',
  phase: 'selected',
  reversible: true,
  since: now,
  tries: 0,
  ...more,
});
const seen = (yes: boolean, ago = 0) => ({ seen: { yes, detail: '', at: now - ago } });
const on: Wanted = { on: true };
const off: Wanted = { on: false };

describe('what is done next', () => {
  const table: readonly [string, Partial<Injection>, Wanted, string][] = [
    ['a new one is planned', {}, on, 'plan'],
    ['a new one that is not wanted is left alone', {}, off, 'nothing'],
    ['with its undo record written it is put on', { phase: 'intent' }, on, 'inject'],
    ['half done and not wanted: taken off without being finished', { phase: 'intent' }, off, 'recover'],
    ['on: looked at', { phase: 'on' }, on, 'observe'],
    ['seen just now: waits', { phase: 'on', ...seen(true) }, on, 'wait'],
    ['seen some time ago: looked at again', { phase: 'on', ...seen(true, 10_000) }, on, 'observe'],
    ['not seen: looked at again soon', { phase: 'on', ...seen(false, 1000), tries: 1 }, on, 'observe'],
    ['not seen for long: off, to be put on anew', { phase: 'on', ...seen(false), tries: 5 }, on, 'recover'],
    ['on and not wanted: taken off', { phase: 'on', ...seen(true) }, off, 'recover'],
    ['on, never seen, not wanted: taken off', { phase: 'on' }, off, 'recover'],
    ['taken off: verified', { phase: 'undone' }, off, 'verify'],
    ['taken off, wanted again: verified first', { phase: 'undone' }, on, 'verify'],
    ['off and wanted again: planned anew', { phase: 'off' }, on, 'plan'],
    ['off and gone: nothing to put it on', { phase: 'off', gone: true }, on, 'nothing'],
    ['off: done', { phase: 'off' }, off, 'nothing'],
    ['given up: left alone', { phase: 'unverified' }, on, 'nothing'],
    ['given up, deleted: done', { phase: 'unverified' }, off, 'nothing'],
    ['a kill that was done stays done', { phase: 'on', reversible: false, ...seen(true, 60_000) }, on, 'nothing'],
    ['a kill has nothing to take off', { phase: 'on', reversible: false }, off, 'nothing'],
    ['a kill that was not done yet is not done after deletion', { phase: 'intent', reversible: false }, off, 'nothing'],
    ['after a failure it waits', { phase: 'intent', notBefore: now + 1, tries: 1 }, on, 'wait'],
    ['then tries again', { phase: 'intent', notBefore: now, tries: 1 }, on, 'inject'],
    ['recovery waits after a failure, too', { phase: 'on', notBefore: now + 1, tries: 1 }, off, 'wait'],
    [
      'within patience it goes on',
      { phase: 'on', tries: 3 },
      { on: false, offSince: now - 59, patience: 60 },
      'recover',
    ],
    [
      'past it, it is said to be unverified',
      { phase: 'on', tries: 3 },
      { on: false, offSince: now - 60, patience: 60 },
      'give-up',
    ],
    ['but never before one attempt', { phase: 'on' }, { on: false, offSince: now - 600, patience: 60 }, 'recover'],
    ['without patience it goes on for ever', { phase: 'on', tries: 99 }, { on: false, offSince: 0 }, 'recover'],
    ['forced: one attempt', { phase: 'on' }, { on: false, forced: true }, 'recover'],
    [
      'forced: then it is let go',
      { phase: 'on', tries: 1, notBefore: now + 9 },
      { on: false, forced: true },
      'give-up',
    ],
  ];
  test.each(table)('%s', (_, given, wanted, expected) => {
    expect(next(injection(given), wanted, now).do).toBe(expected);
  });

  test('the end of a wait is told', () => {
    expect(next(injection({ phase: 'on', notBefore: now + 500, tries: 1 }), off, now)).toEqual({
      do: 'wait',
      until: now + 500,
    });
  });
});

describe('what comes of it', () => {
  const planned: Result = { did: 'planned', undo: { a: 1 }, claims: ['c'], ttl: 5, tag: 'k1.2' };
  const table: readonly [string, Partial<Injection>, Result, Partial<Injection>][] = [
    ['planned', {}, planned, { phase: 'intent', undo: { a: 1 }, claims: ['c'], ttl: 5 }],
    ['injected', { phase: 'intent', tries: 2, error: 'x' }, { did: 'injected' }, { phase: 'on', tries: 0 }],
    [
      'seen',
      { phase: 'on' },
      { did: 'observed', yes: true, detail: 'd' },
      { phase: 'on', seen: { yes: true, detail: 'd', at: now } },
    ],
    ['not seen', { phase: 'on', tries: 1 }, { did: 'observed', yes: false, detail: 'd' }, { phase: 'on', tries: 2 }],
    ['recovered', { phase: 'on' }, { did: 'recovered' }, { phase: 'undone' }],
    ['verified', { phase: 'undone' }, { did: 'verified', yes: true, detail: '' }, { phase: 'off' }],
    [
      'not as before: undone once more, later',
      { phase: 'undone' },
      { did: 'verified', yes: false, detail: 'd' },
      { phase: 'on', tries: 1, notBefore: now + 1000, error: 'not as before: d' },
    ],
    ['gone', { phase: 'on' }, { did: 'gone' }, { phase: 'off', gone: true }],
    ['gone before a kill', { reversible: false }, { did: 'gone' }, { phase: 'off', gone: true }],
    [
      'gone by a kill',
      { reversible: false, phase: 'intent' },
      { did: 'gone' },
      { phase: 'on', gone: true, seen: { yes: true, detail: 'it is gone', at: now } },
    ],
    [
      'failed',
      { phase: 'intent', tries: 2 },
      { did: 'failed', error: 'e' },
      { phase: 'intent', tries: 3, error: 'e', notBefore: now + 4000 },
    ],
    ['gave up', { phase: 'on' }, { did: 'gave-up', reason: 'r' }, { phase: 'unverified', error: 'r' }],
    ['cut short', { phase: 'on', tries: 3 }, { did: 'cut-short' }, { phase: 'on', tries: 3 }],
  ];
  test.each(table)('%s', (_, given, result, expected) => {
    expect(advance(injection(given), result, now)).toMatchObject(expected);
  });

  test('a success forgets what failed before', () => {
    const failed = advance(injection({ phase: 'intent' }), { did: 'failed', error: 'e' }, now);
    expect(advance(failed, { did: 'injected' }, now)).not.toHaveProperty('error');
    expect(advance(failed, { did: 'injected' }, now)).not.toHaveProperty('notBefore');
  });
});

test('from every phase, whatever fails on the way, it ends off or said to be unverified', () => {
  const phases: readonly Phase[] = ['selected', 'intent', 'on', 'undone', 'off', 'unverified'];
  const answers: readonly (readonly [Result, Result])[] = [
    [{ did: 'recovered' }, { did: 'verified', yes: true, detail: '' }],
    [{ did: 'recovered' }, { did: 'verified', yes: false, detail: '' }],
    [
      { did: 'failed', error: 'e' },
      { did: 'failed', error: 'e' },
    ],
    [{ did: 'gone' }, { did: 'gone' }],
  ];
  for (const phase of phases) {
    for (const [recovered, verified] of answers) {
      let one = injection({ phase });
      let time = now;
      let moves = 0;
      for (; moves < 100; moves++) {
        const move = next(one, { on: false, offSince: now, patience: 60_000 }, time);
        if (move.do === 'nothing') break;
        if (move.do === 'wait') time = move.until;
        else if (move.do === 'give-up') one = advance(one, { did: 'gave-up', reason: move.reason }, time);
        else one = advance(one, move.do === 'verify' ? verified : recovered, time);
      }
      expect(moves, `${phase} never ends`).toBeLessThan(100);
      expect(mayBeOn(one), `${phase} ${JSON.stringify(recovered)}`).toBe(false);
    }
  }
});

test('names as Chaos Mesh has them', () => {
  expect(recordId(target)).toBe('shop/web-0');
  expect(recordId({ ...target, id: 'container:shop/web-0/app' })).toBe('shop/web-0/app');
  expect(injectionKey(injection())).toBe('method[0]/shop/web-0/abcdef01/x');
});
