// Fails when a source file is longer than 400 lines.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ceiling = 400;
const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => join('src', name));
const long = files
  .map((file) => ({ file, lines: readFileSync(file, 'utf8').split('\n').length - 1 }))
  .filter(({ lines }) => lines > ceiling);
for (const { file, lines } of long)
  console.error(`${file}: ${lines} lines, the ceiling is ${ceiling}: split it by noun`);
process.exitCode = long.length ? 1 : 0;
