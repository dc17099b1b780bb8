import { open, stat } from 'node:fs/promises';
import { z } from 'zod';
import { Bytes, Duration } from '../core/fields.ts';
import { containsPattern, Pattern } from '../core/pattern.ts';
import { outOfBounds, quote } from './parts/bounds.ts';
import { defineProbe } from './probe.ts';

const mostRead = 64 * 1024;

type Value = {
  readonly exists: boolean;
  readonly size?: number;
  /** Milliseconds since the last change. */
  readonly age?: number;
  /** The first 64 KiB of a regular file. */
  readonly content?: string;
};

/** Looks at a file or folder of this host. */
export default defineProbe({
  id: 'file',
  summary: 'Look at a file: is it there, how big, how old, what does it hold.',
  params: z.strictObject({ path: z.string().min(1, 'must not be empty') }),
  tolerance: z
    .strictObject({
      exists: z.boolean().default(true),
      minSize: Bytes.optional(),
      maxSize: Bytes.optional(),
      contains: Pattern.optional().describe('Text, or `re2:…`, that occurs in the first 64 KiB.'),
      maxAge: Duration.optional().describe('Changed at most this long ago.'),
    })
    .prefault({}),
  async read({ path }, signal) {
    try {
      const found = await stat(path);
      const content = found.isFile() ? await head(path) : undefined;
      signal.throwIfAborted();
      const age = Math.max(0, Math.round(Date.now() - found.mtimeMs));
      return { value: { exists: true, size: found.size, age, ...(content === undefined ? {} : { content }) } };
    } catch (error) {
      signal.throwIfAborted();
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (code === 'ENOENT' || code === 'ENOTDIR') return { value: { exists: false } };
      if (code === 'EACCES' || code === 'EPERM') return { value: null, error: `no permission to read ${path}` };
      return { value: null, error: `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}` };
    }
  },
  judge(reading, tolerance) {
    if (reading.error !== undefined) return reading.error;
    const { exists, size = 0, age = 0, content } = reading.value as Value;
    if (exists !== tolerance.exists) return exists ? 'it exists' : 'it does not exist';
    if (!exists) return null;
    const why = outOfBounds(size, { min: tolerance.minSize, max: tolerance.maxSize });
    if (why !== null) return `size in bytes: ${why}`;
    if (tolerance.maxAge !== undefined && age > tolerance.maxAge) {
      return `last changed ${age} ms ago, at most ${tolerance.maxAge} ms wanted`;
    }
    if (tolerance.contains === undefined || containsPattern(tolerance.contains, content ?? '')) return null;
    const where = content === undefined ? 'it is not a regular file' : size > mostRead ? 'first 64 KiB' : 'content';
    return `${quote(tolerance.contains)} not found: ${where}${content === undefined ? '' : ` ${quote(content)}`}`;
  },
  brief(value) {
    if (value === null) return null;
    const { content: _content, ...rest } = value as Value;
    return rest;
  },
});

async function head(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostRead), 0, mostRead, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
