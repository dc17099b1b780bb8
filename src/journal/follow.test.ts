import { appendFileSync, closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from './fixtures/fixtures.ts';
import { followJournal } from './follow.ts';

let path = '';
let remove = () => {};
beforeEach(() => {
  const temporary = temporaryFolder();
  remove = temporary.remove;
  path = join(temporary.folder, 'journal.jsonl');
});
afterEach(() => remove());

const line = (message: string) => `${JSON.stringify({ seq: 1, at: 0, mono: 0, type: 'warning', message })}\n`;
const messages = (events: readonly object[]) => events.map((event) => (event as { message: string }).message);

test('new events are added as they come; a half line waits for its end, or is taken back', () => {
  writeFileSync(path, line('one'));
  const read = followJournal(path);
  expect(messages(read())).toEqual(['one']);
  appendFileSync(path, line('two') + line('three').slice(0, 20));
  expect(messages(read())).toEqual(['one', 'two']);
  appendFileSync(path, line('three').slice(20));
  expect(messages(read())).toEqual(['one', 'two', 'three']);
  const whole = line('one') + line('two') + line('three');
  appendFileSync(path, '{"type":"warning","message":"never wri');
  expect(read()).toHaveLength(3);
  truncateSync(path, Buffer.byteLength(whole));
  appendFileSync(path, line('four'));
  expect(messages(read())).toEqual(['one', 'two', 'three', 'four']);
});

test('what was read is not read again', () => {
  writeFileSync(path, line('one'));
  const read = followJournal(path);
  read();
  const fd = openSync(path, 'r+');
  writeSync(fd, 'x'.repeat(10), 0);
  closeSync(fd);
  appendFileSync(path, line('two'));
  expect(messages(read())).toEqual(['one', 'two']);
});
