import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadFile, loadFiles, loadOrThrow } from './load.ts';

let folder: string;
const good = (name: string) =>
  `apiVersion: zashiki.dev/v1\nkind: Experiment\nmetadata: { name: ${name} }\nspec: { method: [{ pause: 1s }] }\n`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zashiki-load-'));
  mkdirSync(join(folder, 'set/inner'), { recursive: true });
  mkdirSync(join(folder, 'set/.hidden'), { recursive: true });
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'set/b.yaml'), good('b'));
  writeFileSync(join(folder, 'set/a.yml'), good('a'));
  writeFileSync(join(folder, 'set/inner/c.json'), JSON.stringify({ apiVersion: 'zashiki.dev/v1' }));
  writeFileSync(join(folder, 'set/.hidden/d.yaml'), 'no');
  writeFileSync(join(folder, 'set/notes.txt'), 'no');
  writeFileSync(join(folder, 'latin1.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xe9]));
  writeFileSync(join(folder, 'bom.yaml'), `\ufeff${good('bom')}`);
  writeFileSync(join(folder, 'crlf.yaml'), good('crlf').replace('1s', 'x').replaceAll('\n', '\r\n'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a folder: all documents below it in order of name, problems with their file', async () => {
  const { documents, problems } = await loadFiles([join(folder, 'set')]);
  expect(documents.map((document) => document.kind === 'Experiment' && document.experiment.metadata.name)).toEqual([
    'a',
    'b',
  ]);
  expect(problems).toMatchObject([{ file: join(folder, 'set/inner/c.json'), path: 'kind' }]);
});

test('a byte order mark and Windows line ends are fine', async () => {
  expect(await loadFile(join(folder, 'bom.yaml'))).toMatchObject({ documents: [{ kind: 'Experiment' }], problems: [] });
  const { problems } = await loadFile(join(folder, 'crlf.yaml'));
  expect(problems).toMatchObject([{ line: 4, column: 27, path: 'spec.method[0].pause' }]);
});

test.each([
  ['nowhere.yaml', 'there is no such file'],
  ['latin1.yaml', 'it is not text in UTF-8'],
  ['empty', 'holds no .yaml, .yml or .json file'],
])('%s cannot be read: %s', async (name, why) => {
  const loading = loadFiles([join(folder, name)]);
  await expect(loading).rejects.toMatchObject({ code: 'file-unreadable' });
  await expect(loading).rejects.toThrow(why);
});

test('loadOrThrow throws all problems at once, at the first of them', async () => {
  const loading = loadOrThrow([join(folder, 'crlf.yaml'), join(folder, 'set/inner/c.json')]);
  await expect(loading).rejects.toMatchObject({ code: 'document-invalid', at: { line: 4, column: 27 } });
  await expect(loading).rejects.toThrow(/2 problems found\n.*crlf\.yaml:4:27 .*\n.*c\.json:1:1 /);
});
