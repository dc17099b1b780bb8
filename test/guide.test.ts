import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { formatProblems, readDocuments } from '../src/spec/index.ts';

const root = resolve(import.meta.dirname, '../docs/guide');

/** Whole documents in a guide; pieces of one are shown without a `kind`. */
const documents = readdirSync(root)
  .filter((page) => page.endsWith('.md'))
  .flatMap((page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/^```yaml\n(.*?)^```/gms)]
      .map(([, text = '']) => text)
      .filter((text) => /^kind:/m.test(text) && !/^apiVersion: rbac\./m.test(text))
      .map((text, index) => ({ page, index, text })),
  );

test.each(documents)('document $index of docs/guide/$page is valid', async ({ page, text }) => {
  const { problems } = await readDocuments(text, page);
  expect(formatProblems(problems)).toBe('');
});
