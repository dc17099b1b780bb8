import { expect, test } from 'vitest';
import { parseCommandLine, UsageError } from './command-line.ts';

const defaults = { checkout: true, out: [], env: {}, verbose: false };

test('options end at the first word that is none; all after it is the command, as it is', () => {
  expect(parseCommandLine(['tc', '--verbose', 'qdisc'])).toEqual({
    do: 'run',
    argv: ['tc', '--verbose', 'qdisc'],
    options: defaults,
  });
  expect(parseCommandLine(['--', '--odd', 'a b'])).toEqual({ do: 'run', argv: ['--odd', 'a b'], options: defaults });
});

test('all options', () => {
  const line = '--bare --verbose --timeout 90 --env A=b=c --env B= --out /var/log:logs --out /run/x sh -c ls';
  expect(parseCommandLine(line.split(' '))).toEqual({
    do: 'run',
    argv: ['sh', '-c', 'ls'],
    options: {
      checkout: false,
      verbose: true,
      timeoutS: 90,
      env: { A: 'b=c', B: '' },
      out: [
        { from: '/var/log', to: 'logs' },
        { from: '/run/x', to: 'lab-results' },
      ],
    },
  });
});

test('what is no command: build, status, clean, help, shell', () => {
  expect(parseCommandLine(['--build'])).toEqual({ do: 'build' });
  expect(parseCommandLine(['--status'])).toEqual({ do: 'status' });
  expect(parseCommandLine(['--clean'])).toEqual({ do: 'clean' });
  expect(parseCommandLine(['--shell', '--help'])).toEqual({ do: 'help' });
  expect(parseCommandLine(['--bare', '--shell'])).toEqual({ do: 'shell', options: { ...defaults, checkout: false } });
});

test.each([
  ['', 'no command'],
  ['--', 'no command'],
  ['--fast ls', 'no option --fast'],
  ['--build --clean', '--build and --clean at once'],
  ['--shell ls', '--shell takes no command, there is ls'],
  ['--out', '--out needs a value'],
  ['--out logs ls', '--out needs an absolute path of the guest, not logs'],
  ['--env 1A=b ls', '--env needs NAME=VALUE, not 1A=b'],
  ['--env A ls', '--env needs NAME=VALUE, not A'],
  ['--timeout soon ls', '--timeout needs seconds, not soon'],
  ['--timeout -1 ls', '--timeout needs seconds, not -1'],
])('%j: %s', (line, message) => {
  expect(() => parseCommandLine(line.split(' ').filter(Boolean))).toThrow(new UsageError(message));
});
