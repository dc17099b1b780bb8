import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { colorOn, painter } from './style.ts';
import { displayWidth, fillTo, plain, renderTable, truncate, wrap } from './table.ts';

describe('widths', () => {
  test('wide characters take two columns, combining marks none', () => {
    expect(['abc', '座敷童子', 'e\u0301', '👻', 'ｶﾞ', '한글', '', '→✔'].map(displayWidth)).toEqual([
      3, 8, 1, 2, 2, 4, 0, 2,
    ]);
  });

  test('cut text is never wider than asked, and filled text is exactly so', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.integer({ min: 0, max: 30 }), (text, width) => {
        expect(displayWidth(truncate(text, width))).toBeLessThanOrEqual(width);
        expect(displayWidth(fillTo(text, width))).toBe(width);
      }),
    );
    expect([truncate('abcdef', 4), truncate('座敷童子', 5), truncate('abc', 3)]).toEqual(['abc…', '座敷…', 'abc']);
  });

  test('lines are broken at spaces', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  });
});

test('text from outside cannot move the cursor, colour anything or start a line', () => {
  expect(plain('a\u001b[2Jb\r\nc\td\u202ee\u009bf')).toBe('a\ufffd[2Jb c d\ufffde\ufffdf');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      const shown = plain(text);
      expect([...shown].every((char) => char >= ' ' && !(char >= '\u007f' && char <= '\u009f'))).toBe(true);
      expect(stripVTControlCharacters(shown)).toBe(shown);
    }),
  );
});

describe('tables', () => {
  const paint = painter(false);

  test('columns stand under each other, also with wide characters', () => {
    const text = renderTable(
      ['Name', 'Port'],
      [
        ['座敷', '80'],
        ['web', '8080'],
      ],
      { paint, width: 40 },
    );
    expect(text.split('\n')).toEqual(['Name  Port', '座敷  80', 'web   8080']);
  });

  test('the widest column gives way until the line fits', () => {
    const text = renderTable(['Name', 'Why'], [['short', 'x'.repeat(200)]], { paint, width: 40 });
    expect(Math.max(...text.split('\n').map(displayWidth))).toBeLessThanOrEqual(40);
    expect(text).toContain('short');
    expect(text).toContain('…');
  });

  test('colour does not change the layout', () => {
    const rows = [[{ text: 'held', tone: 'good' as const }, 'a']];
    const colored = renderTable(['Verdict', 'Run'], rows, { paint: painter(true), width: 40 });
    expect(colored).toContain('\u001b[32mheld\u001b[39m');
    expect(stripVTControlCharacters(colored)).toBe(renderTable(['Verdict', 'Run'], rows, { paint, width: 40 }));
  });
});

test('colour: on a terminal, unless NO_COLOR or a dumb one; FORCE_COLOR decides first', () => {
  const tty = { isTTY: true };
  expect(colorOn(tty, {})).toBe(true);
  expect(colorOn({}, {})).toBe(false);
  expect(colorOn(tty, { NO_COLOR: '1' })).toBe(false);
  expect(colorOn(tty, { NO_COLOR: '' })).toBe(true);
  expect(colorOn(tty, { TERM: 'dumb' })).toBe(false);
  expect(colorOn({}, { FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(true);
  expect(colorOn(tty, { FORCE_COLOR: '0' })).toBe(false);
});
