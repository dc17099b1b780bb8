import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isKernelThread,
  isZombie,
  parseCgroup,
  parseLimits,
  parseStat,
  parseStatus,
  processState,
  splitNul,
  unitsOf,
} from './parse.ts';

const tail = 'S 7 9 9 0 -1 4194560 1 2 3 4 11 12 13 14 20 0 3 0 987654 1 2 3';
const stat = (comm: string, rest = tail) => parseStat(9, Buffer.from(`9 (${comm}) ${rest}\n`));

describe('stat', () => {
  test('reads the fields behind the name', () => {
    expect(stat('cat')).toMatchObject({ comm: 'cat', letter: 'S', ppid: 7, session: 9, utime: 11, stime: 12 });
    expect(stat('cat')).toMatchObject({ childTime: 27, threads: 3, startTime: '987654' });
  });

  test('takes any name', () => {
    for (const name of ['a) S 1 (b', ') (', '(((', ')))', '', ' ', 'x\ny', 'ねずみ']) {
      expect(stat(name)).toMatchObject({ comm: name, letter: 'S', ppid: 7, startTime: '987654' });
    }
    fc.assert(fc.property(fc.string({ maxLength: 15 }), (name) => stat(name).comm === Buffer.from(name).toString()));
  });

  test('knows kernel threads and zombies', () => {
    expect(isKernelThread(stat('kworker', tail.replace('4194560', '69238880')))).toBe(true);
    expect(isKernelThread(stat('cat'))).toBe(false);
    expect(isZombie(stat('x', tail.replace('S', 'Z').replace(' 0 3 0 ', ' 0 1 0 ')))).toBe(true);
    // Its first thread has ended, others go on.
    expect(isZombie(stat('x', tail.replace('S', 'Z')))).toBe(false);
  });

  test('says the state in words', () => {
    const states = [...'RSDITtZ'].map((letter) =>
      processState(stat('x', tail.replace('S', letter).replace(' 3 0 9', ' 1 0 9'))),
    );
    expect(states).toEqual(['running', 'sleeping', 'sleeping', 'sleeping', 'stopped', 'stopped', 'zombie']);
  });
});

test('status: users, groups, memory, umask, capabilities', () => {
  const text =
    'Name:\tUid:\nUmask:\t0027\nUid:\t1000\t0\t0\t0\nGid:\t5\t6\t6\t6\nGroups:\t4 24 \nVmRSS:\t     100 kB\nCapEff:\t00000000a80425fb\n';
  expect(parseStatus(text)).toEqual({
    realUid: 1000,
    uid: 0,
    realGid: 5,
    groups: [4, 24],
    rssBytes: 102_400,
    umask: 0o27,
    capabilities: 0xa80425fbn,
  });
});

test('cgroup: v1 and v2 lines, paths with colons', () => {
  expect(parseCgroup('4:cpu,cpuacct:/a\n1:name=systemd:/b:c\n0::/d e\n')).toEqual([
    { controllers: 'cpu,cpuacct', path: '/a' },
    { controllers: 'name=systemd', path: '/b:c' },
    { controllers: '', path: '/d e' },
  ]);
});

test('limits: numbers, unlimited, names of several words', () => {
  const text = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max cpu time              unlimited            unlimited            seconds   ',
    'Max open files            1024                 20000                files     ',
    'Max nice priority         0                    0                    ',
  ].join('\n');
  expect(parseLimits(text)).toEqual({
    'Max cpu time': { soft: -1, hard: -1 },
    'Max open files': { soft: 1024, hard: 20_000 },
    'Max nice priority': { soft: 0, hard: 0 },
  });
});

test('arguments: empty ones are kept, also the last', () => {
  expect(splitNul('')).toEqual([]);
  expect(splitNul('a\0\0b c\0\0')).toEqual(['a', '', 'b c', '']);
  expect(splitNul('title without an end')).toEqual(['title without an end']);
});

test('units of a cgroup path, outermost first', () => {
  expect(unitsOf('/system.slice/nginx.service')).toEqual(['system.slice', 'nginx.service']);
  const user = '/user.slice/user-1000.slice/user@1000.service/app.slice/_x.service/sub';
  expect(unitsOf(user)).toEqual(['user.slice', 'user-1000.slice', 'user@1000.service', 'app.slice', 'x.service']);
  expect(unitsOf('/docker/abc')).toEqual([]);
});
