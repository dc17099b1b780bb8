import { expect, test } from 'vitest';
import { help, parseCommandLine } from './command-line.ts';

test('a command, with options before it', () => {
  expect(parseCommandLine(['--name', 'mine', '--keep', 'kubectl', 'get', '-A', 'pods'])).toEqual({
    do: 'run',
    argv: ['kubectl', 'get', '-A', 'pods'],
    options: { name: 'mine', keep: true, images: [] },
  });
  expect(parseCommandLine(['--', '--odd'])).toMatchObject({ argv: ['--odd'] });
});

test('images to import, ours under any name', () => {
  expect(parseCommandLine(['--ours', '--image', 'a.tar', '--image', 'b.tar'])).toMatchObject({
    options: { ours: 'zashiki/zashiki:dev', images: ['a.tar', 'b.tar'] },
  });
  expect(parseCommandLine(['--ours=zashiki/zashiki:mine'])).toMatchObject({
    options: { ours: 'zashiki/zashiki:mine' },
  });
});

test('what is removed beside the cluster itself is said', () => {
  expect(help).toMatch(/--clean [^-]*cache of built programs\s+and images that all clusters share/);
});

test('a node, with or without a command', () => {
  expect(parseCommandLine(['--node', 'n1'])).toMatchObject({ argv: [], options: { special: 'node', node: 'n1' } });
  expect(parseCommandLine(['--node', 'n1', 'ps'])).toMatchObject({ argv: ['ps'] });
});

test.each([
  [[], /no command/],
  [['--nmae', 'x'], /no option --nmae/],
  [['--name'], /--name needs a value/],
  [['--status', '--down'], /at once/],
  [['--shell', 'ls'], /takes no command, there is ls/],
])('%j is a mistake', (args, message) => {
  expect(() => parseCommandLine(args)).toThrow(message);
});

test('help wins', () => {
  expect(parseCommandLine(['--keep', '--help', '--nmae'])).toEqual({ do: 'help' });
});
