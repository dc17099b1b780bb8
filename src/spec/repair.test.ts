import { expect, test } from 'vitest';
import { formatProblems, readDocuments } from './index.ts';
import { repairIndent } from './repair.ts';

// A block that is indented by one, and a key that is indented by two.
const text = `apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata:
 name: kill
spec:
 action: pod-kill
 mode: one
 selector:
   labelSelectors:
     "app.kubernetes.io/component": "store"
  scheduler:
    cron: "@every 1m"
`;

test('a key at a column of its own is moved to those that it goes with, with all below it', () => {
  const corrected = text.replace('  scheduler:\n    cron', ' scheduler:\n   cron');
  expect(repairIndent(text, 11)).toEqual({ text: corrected, line: 11, from: 3, to: 2 });
});

test('the problem says where, and the corrected text follows', async () => {
  const { documents, problems } = await readDocuments(text, 'kill.yaml');
  expect(documents).toEqual([]);
  expect(problems).toMatchObject([{ line: 11, column: 3 }]);
  const told = formatProblems(problems);
  expect(told).toContain('kill.yaml:11:3  not valid YAML: this key stands in column 3');
  expect(told).toContain('corrected:\n    apiVersion');
  expect(told).toContain('\n     scheduler:\n       cron: "@every 1m"');
});

test('deeper by mistake, too', () => {
  const given = 'a:\n  b: 1\n   c: 2\n';
  expect(repairIndent(given, 3)?.text).toBe('a:\n  b: 1\n  c: 2\n');
});

test.each([
  ['what no move cures', 'a: [1\n  b: 2\n', 2],
  ['no such line', 'a: 1\n', 7],
  ['an empty line', 'a: 1\n\n', 2],
])('nothing for %s', (_, given, line) => {
  expect(repairIndent(given, line)).toBeUndefined();
});
