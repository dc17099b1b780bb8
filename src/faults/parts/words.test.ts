import { expect, test } from 'vitest';
import { Command, splitWords } from './words.ts';

test.each([
  ['kill 1', ['kill', '1']],
  ['  nginx\t-s  reload ', ['nginx', '-s', 'reload']],
  [`sh -c 'echo $HOME | wc -c; exit 3'`, ['sh', '-c', 'echo $HOME | wc -c; exit 3']],
  [`touch "a b"'c d'\\ e`, ['touch', 'a bc d e']],
  [`printf "a\\"b\\\\c\\d"`, ['printf', 'a"b\\c\\d']],
  [`echo ''`, ['echo', '']],
  ['ls *.txt', ['ls', '*.txt']],
  [`echo \\$HOME \\;`, ['echo', '$HOME', ';']],
] as const)('%s is split as a shell would', (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

test.each([
  ['cat /etc/passwd | wc', /"\|" means something to a shell/],
  ['echo "$HOME"', /"\$" means something/],
  ['echo `id`', /"`" means something/],
  ['a > b', /">"/],
  [`echo 'open`, /quote ' is never closed/],
  ['echo \\', /ends with a backslash/],
  ['   ', /it is empty/],
])('%s is refused with the reason', (text, reason) => {
  expect(splitWords(text)).toMatch(reason);
  expect(Command.safeParse(text).error?.issues[0]?.message).toMatch(reason);
});

test('a list is taken as it is', () => {
  expect(Command.parse(['sh', '-c', 'a | b'])).toEqual(['sh', '-c', 'a | b']);
  expect(Command.safeParse([]).success).toBe(false);
});
