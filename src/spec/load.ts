import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ZashikiError } from '../core/errors.ts';
import type { Problem } from './problem.ts';
import { type Document, invalid, type Reading, readDocuments } from './read.ts';
import type { Registries } from './vocabulary.ts';

const mebibyte = 1024 * 1024;
const extensions = /\.(ya?ml|json)$/i;

/** Read one file; `-` is standard input. Throws `file-unreadable`. */
export async function loadFile(path: string, from?: Registries): Promise<Reading> {
  return readDocuments(contents(path, 2 * mebibyte), path === '-' ? '(stdin)' : path, from);
}

/**
 * Read files, folders (all .yaml, .yml and .json below them, in order of name) and `-`, standard input. Throws
 * `file-unreadable`, also for a folder without any such file.
 */
export async function loadFiles(paths: readonly string[], from?: Registries): Promise<Reading> {
  const documents: Document[] = [];
  const problems: Problem[] = [];
  for (const path of paths.flatMap(expand)) {
    const reading = await loadFile(path, from);
    documents.push(...reading.documents);
    problems.push(...reading.problems);
  }
  return { documents, problems };
}

/** Like `loadFiles`; throws `document-invalid` with all problems when there are any. */
export async function loadOrThrow(paths: readonly string[], from?: Registries): Promise<readonly Document[]> {
  const { documents, problems } = await loadFiles(paths, from);
  if (problems.length > 0) throw invalid(problems);
  return documents;
}

function expand(path: string): readonly string[] {
  if (path === '-') return [path];
  const files = guard(path, () => {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => extensions.test(name) && !/(^|[\\/])(\.|node_modules[\\/])/.test(name))
      .sort()
      .map((name) => join(path, name))
      .filter((file) => statSync(file).isFile());
  });
  if (files.length > 0) return files;
  throw new ZashikiError('file-unreadable', `${path} holds no .yaml, .yml or .json file`);
}

/** The text of a file, as UTF-8; `-` is standard input. Throws `file-unreadable`, also for more than `most` bytes. */
export function contents(path: string, most = 256 * mebibyte): string {
  return guard(path, () => new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(path, most)));
}

/** In pieces, so that a device or a pipe without an end is given up in time. */
function bytesOf(path: string, most: number): Buffer {
  const fd = path === '-' ? 0 : openSync(path, 'r');
  try {
    const pieces: Buffer[] = [];
    for (let total = 0; ; ) {
      const piece = Buffer.allocUnsafe(65_536);
      const got = readWaiting(fd, piece);
      if (got === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, got));
      total += got;
      if (total > most) throw new Error(`it is longer than ${most / mebibyte} MiB`);
    }
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}

/** A pipe that somebody has made non-blocking has nothing to give just now: that is not its end. */
function readWaiting(fd: number, piece: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, piece);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function guard<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = reasons[code ?? ''] ?? (cause as Error).message;
    throw new ZashikiError('file-unreadable', `cannot read ${path === '-' ? 'standard input' : path}: ${why}`, {
      cause,
    });
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not text in UTF-8',
};
