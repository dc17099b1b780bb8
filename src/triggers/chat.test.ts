import { expect, test } from 'vitest';
import { type ChatWord, createChat } from './chat.ts';

const words: readonly ChatWord[] = [
  { word: 'Break the shop', action: { kind: 'run', experiment: 'shop' }, reply: 'as you wish' },
  { word: 're2:(destroy)|(デストロイ)', action: { kind: 'run', experiment: 'monkey' }, confirm: false },
  { word: 'stop', action: { kind: 'stop' }, confirm: true },
  { word: 'go on', action: { kind: 'release' } },
];

function chat() {
  const time = { now: 0 };
  let drawn = 4821;
  const made = createChat({
    words,
    users: ['U1', 'U2'],
    clock: { mono: () => time.now },
    drawCode: () => String(drawn++),
  });
  const hear = (user: string, text: string) => made.hear({ user, text });
  return { hear, time };
}

test('a word asks back, and confirm by the same user acts once', () => {
  const { hear } = chat();
  expect(hear('U1', '  break the SHOP ')).toEqual({
    kind: 'ask',
    text: 'Run shop? Say `confirm 4821` within 60 s.',
  });
  expect(hear('U1', 'Confirm 4821')).toEqual({
    kind: 'act',
    action: { kind: 'run', experiment: 'shop' },
    reply: 'as you wish',
  });
  expect(hear('U1', 'confirm 4821').kind).toBe('refused');
});

test('a code is not good for another user, and stays good for its own', () => {
  const { hear } = chat();
  hear('U1', 'break the shop');
  expect(hear('U2', 'confirm 4821').kind).toBe('refused');
  expect(hear('U1', 'confirm 4821').kind).toBe('act');
});

test('a code is good for 60 s', () => {
  const { hear, time } = chat();
  hear('U1', 'break the shop');
  time.now = 60_000;
  expect(hear('U1', 'confirm 4821').kind).toBe('act');
  hear('U1', 'break the shop');
  time.now = 120_001;
  expect(hear('U1', 'confirm 4822').kind).toBe('refused');
});

test('a wrong code ends it: there is no guessing', () => {
  const { hear } = chat();
  hear('U1', 'break the shop');
  expect(hear('U1', 'confirm 1111').kind).toBe('refused');
  expect(hear('U1', 'confirm 4821').kind).toBe('refused');
});

test('asking again makes the first code void', () => {
  const { hear } = chat();
  hear('U1', 'break the shop');
  hear('U1', 'go on');
  expect(hear('U1', 'confirm 4821').kind).toBe('refused');
});

test('stop never asks, even when it is told to', () => {
  const { hear } = chat();
  expect(hear('U1', 'STOP')).toMatchObject({ kind: 'act', action: { kind: 'stop' } });
});

test('a typo does nothing; part of a word does nothing; a pattern is found anywhere', () => {
  const { hear } = chat();
  expect(hear('U1', 'brake the shop').kind).toBe('unknown');
  expect(hear('U1', 'please do not break the shop').kind).toBe('unknown');
  expect(hear('U1', 'stopp').kind).toBe('unknown');
  expect(hear('U1', 'そろそろデストロイ')).toMatchObject({ kind: 'act', action: { experiment: 'monkey' } });
});

test('only users on the list may, exactly as written; unknown words are told to anyone', () => {
  const { hear } = chat();
  expect(hear('u1', 'stop')).toEqual({ kind: 'refused', text: 'u1 may not do this. Nothing was done.' });
  expect(hear('U9', 'confirm 4821').kind).toBe('refused');
  expect(hear('U9', 'hello').kind).toBe('unknown');
});

test('a bad pattern is refused at the start', () => {
  expect(() =>
    createChat({
      words: [{ word: 're2:(', action: { kind: 'stop' } }],
      users: [],
      clock: { mono: () => 0 },
      drawCode: () => '1',
    }),
  ).toThrow('RE2');
});
