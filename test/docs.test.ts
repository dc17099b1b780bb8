import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { experimentExamples } from '../scripts/docs/experiment.ts';
import { readMatrix, targetKinds } from '../scripts/docs/matrix.ts';
import { referencePages, stalePages } from '../scripts/gen-docs.ts';
import { errorTable } from '../src/core/errors.ts';
import { faults } from '../src/faults/index.ts';
import { probes } from '../src/probes/index.ts';
import { formatProblems, readDocuments } from '../src/spec/index.ts';

const root = resolve(import.meta.dirname, '..');
let pages: Readonly<Record<string, string>>;
beforeAll(async () => {
  pages = await referencePages();
});

test('docs/reference is what the sources say (else: npm run docs)', () => {
  expect(stalePages(pages)).toEqual([]);
});

test('the same sources give the same bytes', async () => {
  expect(await referencePages()).toEqual(pages);
});

test('every error, fault and probe has its place', () => {
  for (const code of Object.keys(errorTable)) expect(pages['errors.md']).toContain(`| \`${code}\` |`);
  for (const { id } of faults) expect(pages['faults.md']).toContain(`\n## ${id}\n`);
  for (const { id } of probes) expect(pages['probes.md']).toContain(`\n## ${id}\n`);
});

test('the matrix names faults of the catalogue and kinds of targets', () => {
  const known = new Set(faults.map(({ id }) => id));
  const cells = readMatrix().machines.flatMap(({ shown }) => shown.map((cell) => cell.split(' ')));
  expect(cells.length).toBeGreaterThan(0);
  expect(cells.filter(([fault = '', kind = '']) => !known.has(fault) || !(kind in targetKinds))).toEqual([]);
});

test('every link leads somewhere', () => {
  const anchors = (text: string) =>
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    );
  for (const [name, text] of Object.entries(pages)) {
    for (const [, link = ''] of text.matchAll(/\]\(([^)]+)\)/g)) {
      const [file, anchor] = link.split('#');
      const target = file ? join('docs/reference', file) : join('docs/reference', name);
      expect(existsSync(join(root, target)), `${name}: ${link}`).toBe(true);
      const inside = file === '' ? text : dirname(target) === 'docs/reference' ? pages[file ?? ''] : undefined;
      if (anchor && inside !== undefined) expect(anchors(inside), `${name}: ${link}`).toContain(anchor);
    }
  }
});

test.each(experimentExamples)('an example of the page is valid', async (text) => {
  const { documents, problems } = await readDocuments(text, 'experiment.md');
  expect(formatProblems(problems)).toBe('');
  expect(documents).toHaveLength(1);
});
