import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatProblems, loadFile } from '../src/spec/index.ts';

/** Each file says in its first line what must be found: `# expect: line:column field words of the fix`. */
const folder = join(import.meta.dirname, 'broken');
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

test('there are twenty broken files', () => {
  expect(files).toHaveLength(20);
});

test.each(files)('%s: line, field and fix are named', async (name) => {
  const file = join(folder, name);
  const expected = /^# expect: (\d+):(\d+) (\S+) (.+)$/m.exec(readFileSync(file, 'utf8'));
  if (!expected) throw new Error(`${name} has no "# expect:" line`);
  const [, line, column, field, fix] = expected;
  const { documents, problems } = await loadFile(file);
  expect(documents).toEqual([]);
  const path = field === '-' ? '' : field;
  const said = problems.filter((problem) => problem.path === path && problem.message.includes(fix ?? ''));
  expect(said, formatProblems(problems)).toHaveLength(1);
  expect(said[0]).toMatchObject({ line: Number(line), column: Number(column) });
  expect(formatProblems(problems)).toContain(`${name}:${line}:${column}`);
});

test('a problem never speaks of itself alone', async () => {
  for (const name of files) {
    const { problems } = await loadFile(join(folder, name));
    for (const { message } of problems) expect(message).not.toMatch(/^(Invalid|not valid)( input)?$/i);
  }
});
