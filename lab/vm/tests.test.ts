import { expect, test } from 'vitest';
import { chooseFiles, countTests, parseTestLine, sum } from './tests.ts';

test('the command line of test:vm', () => {
  expect(parseTestLine([])).toEqual({ kind: 'vm', filters: [], each: false, timeoutS: 1800, record: false });
  expect(parseTestLine(['--docker', 'platforms', '--each', '--results', 'out', '--timeout', '60', 'faults'])).toEqual({
    kind: 'docker',
    filters: ['platforms', 'faults'],
    each: true,
    results: 'out',
    timeoutS: 60,
    record: false,
  });
  expect(parseTestLine(['--all', '--record'])).toMatchObject({ kind: 'all', record: true });
  expect(parseTestLine(['--record', '--via', 'netem'])).toMatchObject({ record: true, via: 'netem' });
  expect(parseTestLine(['--help'])).toBeUndefined();
  expect(() => parseTestLine(['--fast'])).toThrow('no option --fast');
  expect(() => parseTestLine(['--timeout', 'x'])).toThrow('--timeout needs seconds, not x');
  expect(() => parseTestLine(['--results'])).toThrow('--results needs a value');
});

test('only files of the kind, and of the parts that were named', () => {
  const all = ['src/b.vm.test.ts', 'src/a.test.ts', 'lab/vm/lab.vm.test.ts', 'src/a.docker.test.ts'];
  const bounds = 'src/faults/container-bounds.docker.test.ts';
  expect(chooseFiles(all, { kind: 'vm', filters: [] })).toEqual(['lab/vm/lab.vm.test.ts', 'src/b.vm.test.ts']);
  expect(chooseFiles(all, { kind: 'vm', filters: ['lab'] })).toEqual(['lab/vm/lab.vm.test.ts']);
  expect(chooseFiles(all, { kind: 'docker', filters: [] })).toEqual(['src/a.docker.test.ts']);
  expect(chooseFiles(all, { kind: 'all', filters: ['src/'] })).toEqual(['src/a.docker.test.ts', 'src/b.vm.test.ts']);
  expect(chooseFiles([...all, bounds], { kind: 'vm', filters: ['src/'] })).toEqual(['src/b.vm.test.ts', bounds]);
});

test('tests are counted from the JUnit file; none is none', () => {
  const junit = `<?xml version="1.0"?><testsuites><testsuite>
    <testcase name="a" time="1"></testcase>
    <testcase name="b"><failure message="x">…</failure></testcase>
    <testcase name="c"><skipped/></testcase>
    <testcase name="d"><system-out>fine</system-out></testcase></testsuite></testsuites>`;
  expect(countTests(junit)).toEqual({ passed: 2, failed: 1, skipped: 1 });
  expect(countTests('')).toEqual({ passed: 0, failed: 0, skipped: 0 });
  expect(sum([countTests(junit), countTests(junit)])).toEqual({ passed: 4, failed: 2, skipped: 2 });
});
