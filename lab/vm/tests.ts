/** What `npm run test:vm -- …` is asked to do. */
export interface TestOptions {
  /** `vm`: what CI runs. `docker`: all tests of Docker, with the guest's engine and cgroup v2. `all`: both. */
  readonly kind: 'vm' | 'docker' | 'all';
  /** Only files whose path contains one of these; none: all. */
  readonly filters: readonly string[];
  /** A fresh clone for every file. Default: one for all. */
  readonly each: boolean;
  /** Folder for the results as JUnit; none: they are only shown. */
  readonly results?: string;
  readonly timeoutS: number;
  /** Let test/matrix write down what it sees, and bring that out. */
  readonly record: boolean;
  /** Let test/matrix try one way of the faults on packets, and nothing else. */
  readonly via?: string;
}

/** Tests of Docker that show what only cgroup v2 shows; they belong to `vm`. */
const underCgroup2: readonly string[] = ['src/faults/container-bounds.docker.test.ts'];

/** The text of `--help`. */
export const testHelp = `Runs the tests that need a whole kernel, inside a throw-away guest.

Usage: npm run test:vm -- [options] [PART OF A PATH …]

Options:
  --docker           all tests of Docker (*.docker.test.ts), under cgroup v2, instead (an hour and more)
  --all              those and the usual ones
  --record           test/matrix writes docs/reference/matrix.json; then npm run docs makes the page
  --via WAY          test/matrix tries only faults on packets, in this way (netem), and keeps what it knew of others
  --each             a fresh guest for every file
  --results FOLDER   write JUnit files there
  --timeout SECONDS  end it after this time (default 1800)
`;

/** Read the command line of `test:vm`. Throws an `Error` that says what is wrong; undefined: help is wanted. */
export function parseTestLine(args: readonly string[]): TestOptions | undefined {
  let options: TestOptions = { kind: 'vm', filters: [], each: false, timeoutS: 1800, record: false };
  const left = [...args];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === '-h' || word === '--help') return undefined;
    if (word === '--docker') options = { ...options, kind: 'docker' };
    else if (word === '--all') options = { ...options, kind: 'all' };
    else if (word === '--record') options = { ...options, record: true };
    else if (word === '--each') options = { ...options, each: true };
    else if (word === '--results' || word === '--timeout' || word === '--via') {
      const value = left.shift();
      if (!value) throw new Error(`${word} needs a value`);
      if (word === '--results') options = { ...options, results: value };
      else if (word === '--via') options = { ...options, via: value };
      else if (!(Number(value) > 0)) throw new Error(`--timeout needs seconds, not ${value}`);
      else options = { ...options, timeoutS: Number(value) };
    } else if (word.startsWith('-')) throw new Error(`no option ${word}`);
    else options = { ...options, filters: [...options.filters, word] };
  }
  return options;
}

/** The files that these options mean, sorted. */
export function chooseFiles(all: readonly string[], { kind, filters }: Pick<TestOptions, 'kind' | 'filters'>) {
  const kinds = kind === 'all' ? ['vm', 'docker'] : [kind];
  return all
    .filter(
      (name) => kinds.some((one) => name.endsWith(`.${one}.test.ts`)) || (kind === 'vm' && underCgroup2.includes(name)),
    )
    .filter((name) => filters.length === 0 || filters.some((part) => name.includes(part)))
    .sort();
}

/** How many tests ended how. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Count the tests in vitest's JUnit file. An empty or broken file counts none. */
export function countTests(junit: string): Count {
  const cases = junit.split('<testcase ').slice(1);
  const skipped = cases.filter((text) => text.includes('<skipped')).length;
  const failed = cases.filter((text) => /<(failure|error)\b/.test(text)).length;
  return { passed: cases.length - skipped - failed, failed, skipped };
}

/** The sum of several counts. */
export function sum(counts: readonly Count[]): Count {
  const add = (name: keyof Count) => counts.reduce((total, count) => total + count[name], 0);
  return { passed: add('passed'), failed: add('failed'), skipped: add('skipped') };
}
