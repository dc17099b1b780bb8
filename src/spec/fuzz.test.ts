import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatProblems } from './problem.ts';
import { readDocuments, readValue } from './read.ts';

const root = resolve(import.meta.dirname, '../..');
const yamlBelow = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => readFileSync(join(root, folder, name), 'utf8'));
const corpus = [...yamlBelow('examples'), ...yamlBelow('test/broken')];

/** Whatever stands in the text: an answer, and every place inside the text. */
async function check(text: string): Promise<void> {
  const { documents, problems } = await readDocuments(text, 'f');
  expect(documents.length + problems.length).toBeGreaterThan(0);
  const lines = text.split(/\n/);
  for (const { line, column, message } of problems) {
    expect(message).not.toBe('');
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeGreaterThanOrEqual(1);
    // A byte order mark is not part of the first line for the parser, but it is for an editor that shows it.
    expect(column).toBeLessThanOrEqual((lines[(line ?? 0) - 1]?.length ?? 0) + 1);
  }
  formatProblems(problems, { color: true });
}

const runs = { numRuns: 300 };

test('any text', async () => {
  await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), check), runs);
});

test('any text of the characters that YAML is made of', async () => {
  const unit = fc.constantFrom(...'ab:-? \n\t{}[],&*!|>\'"%@`#\r<~.0', '---\n', '<<: ', 'spec:\n  ', '*a', '&a ');
  await fc.assert(fc.asyncProperty(fc.string({ unit, maxLength: 80 }), check), { numRuns: 1000 });
});

test('mutated documents', async () => {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(30),
    put: fc.oneof(
      fc.constantFrom('', '\n', '\t', ': ', '- ', '{', '}', '[', '"', '&a ', '*a', '<<: *a', '---\n', '~', '1e999'),
      fc.string({ maxLength: 6 }),
    ),
  });
  const mutated = fc
    .tuple(fc.constantFrom(...corpus), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([text, edits]) =>
      edits.reduce((now, { at, cut, put }) => {
        const from = Math.floor(at * now.length);
        return now.slice(0, from) + put + now.slice(from + cut);
      }, text),
    );
  await fc.assert(fc.asyncProperty(mutated, check), runs);
});

test('any value, as an API body', async () => {
  const base = { apiVersion: 'zashiki.dev/v1', kind: 'Experiment', metadata: { name: 'a' } };
  const key = fc.constantFrom('fault', 'pause', 'serial', 'target', 'host', 'mode', 'probe', 'http', 'params', 'when');
  const { node } = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue(),
      fc.dictionary(key, tie('node')),
      fc.array(tie('node'), { maxLength: 3 }),
    ),
  }));
  const spec = fc.dictionary(fc.constantFrom('method', 'guards', 'seed', 'stopWhen', 'rollbacks'), node);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.anything(),
        spec.map((value) => ({ ...base, spec: value })),
      ),
      async (value) => {
        const { documents, problems } = await readValue(value);
        expect(documents.length + problems.length).toBeGreaterThan(0);
        for (const problem of problems) expect(problem.line).toBeUndefined();
      },
    ),
    runs,
  );
});
