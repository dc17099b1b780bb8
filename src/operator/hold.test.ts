import { expect, test } from 'vitest';
import { openBoard } from './board.ts';
import { openHold } from './hold.ts';
import type { Injection } from './record.ts';

const injection = (more: Partial<Injection> = {}): Injection => ({
  step: 'method[0]',
  fault: 'cpu-stress',
  target: { platform: 'kubernetes', id: 'pod:shop/web-0', name: 'web-0', identity: { uid: 'u' } },
  like: 'x',
  tag: 'k1.2',
  phase: 'on',
  reversible: true,
  since: 0,
  tries: 0,
  undo: { agent: { run: 'r', injection: 'k1.2' } },
  ...more,
});

function holding() {
  const clock = { at: 0, mono: () => clock.at };
  const board = openBoard();
  board.put('one', { a: injection() });
  const hold = openHold(board, clock, 1000);
  hold.heard('one');
  return { board, clock, hold, wanted: () => hold.wanted('one', injection()) };
}

test('held on for as long as its resource has it and is read', () => {
  const { clock, hold, wanted } = holding();
  expect(wanted()).toBe(true);
  expect(hold.wanted('other', injection())).toBe(false);
  clock.at = 1001;
  expect(wanted()).toBe(false);
  hold.heard('one');
  expect(wanted()).toBe(true);
  hold.drop('one');
  expect(wanted()).toBe(false);
});

test.each<[string, Record<string, Injection>]>([
  ['the resource has it no more', {}],
  ['it was seen to be off', { a: injection({ phase: 'off' }) }],
  ['it was given up', { a: injection({ phase: 'unverified' }) }],
  ['it was planned anew, by the same name', { a: injection({ undo: { agent: { run: 'r', injection: 'k1.2-2' } } }) }],
])('let go of when %s', (_, injections) => {
  const { board, wanted } = holding();
  board.put('one', injections);
  expect(wanted()).toBe(false);
});
