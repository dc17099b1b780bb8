import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readDockerfile } from './dockerfile.ts';

const own = readFileSync('deploy/Dockerfile', 'utf8');

test('a stage has all that it is built upon, and nothing of its sister', () => {
  const text = [
    '# a remark',
    'ARG BASE=debian',
    `FROM \${BASE} AS files`,
    'ARG TOOLS="one two"',
    'RUN echo a \\',
    '    && echo b',
    'COPY one two /into/',
    'LABEL a.b/c="x y" \\',
    '      d=e',
    'ENV A=b',
    'CMD ["--version"]',
    'FROM files AS left',
    'ENTRYPOINT ["/left"]',
    'CMD ["--help"]',
    'FROM files AS right',
    'ENTRYPOINT ["/right"]',
    '',
  ].join('\n');
  expect(readDockerfile(text, 'left')).toEqual({
    steps: [{ run: 'echo a && echo b' }, { copy: ['one', 'two'], to: '/into/' }],
    args: { TOOLS: 'one two' },
    env: { A: 'b' },
    labels: { 'a.b/c': 'x y', d: 'e' },
    entrypoint: ['/left'],
    cmd: ['--help'],
  });
  expect(readDockerfile(text, 'right').entrypoint).toEqual(['/right']);
  expect(readDockerfile(text, 'right').cmd).toBeUndefined();
  expect(readDockerfile(text, 'files').cmd).toEqual(['--version']);
  expect(readDockerfile(text, 'files').entrypoint).toBeUndefined();
});

test('what it does not know is an error, never left out', () => {
  expect(() => readDockerfile(`${own}\nVOLUME /data\n`, 'zashiki')).toThrow(/VOLUME \/data/);
  expect(() => readDockerfile(own, 'none')).toThrow(/no stage none .*zashiki/);
});
