import { expect, test } from 'vitest';
import { ContainerSignal, intentOf } from './signals.ts';

test.each([
  ['term', 'SIGTERM'],
  ['SIGABRT', 'SIGABRT'],
  [9, 'SIGKILL'],
  ['1', 'SIGHUP'],
  ['SIGRTMIN+3', 'SIGRTMIN+3'],
  ['rtmax-1', 'SIGRTMAX-1'],
  ['RTMIN', 'SIGRTMIN'],
  [37, 'SIGRTMIN+3'],
  ['34', 'SIGRTMIN'],
  [64, 'SIGRTMAX'],
  [63, 'SIGRTMAX-1'],
] as const)('%s is %s to a container', (given, name) => {
  expect(ContainerSignal.parse(given)).toBe(name);
});

test.each(['SIGTREM', '65', 0, 'RTMIN+31', 'RTMIN-1', '', 'SIG', 32])('%s is no signal', (given) => {
  expect(ContainerSignal.safeParse(given).success).toBe(false);
});

test('a real-time signal need not end anything', () => {
  expect(intentOf('SIGRTMIN+3')).toBe('any');
});
