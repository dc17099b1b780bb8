import { createCipheriv, createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { writeWhole } from './disk.ts';

/** Size of the pieces in which ranges are read and written. */
const piece = 1 << 20;

/** A stretch of a file, in bytes. */
export type Range = { readonly start: number; readonly length: number };

/** The pieces of a range, in order. */
export function* piecesOf({ start, length }: Range): Generator<Range> {
  for (let done = 0; done < length; done += piece)
    yield { start: start + done, length: Math.min(piece, length - done) };
}

/** The bytes of a range; shorter when the file ends before. */
export async function readRange(file: FileHandle, { start, length }: Range): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await file.read(buffer, got, length - got, start + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return buffer.subarray(0, got);
}

/** Write all of it at this place. */
export async function writeAt(file: FileHandle, bytes: Buffer, start: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, start + done);
    done += bytesWritten;
  }
}

/** Copy a range into a new file of its own: on disk, and there whole or not at all. */
export async function saveRange(from: FileHandle, range: Range, to: string): Promise<void> {
  await writeWhole(to, async (copy) => {
    for (const part of piecesOf(range)) await writeAt(copy, await readRange(from, part), part.start - range.start);
  });
}

/** SHA-256 of a range of a file, in hex. */
export async function hashRange(
  file: FileHandle,
  range: Range,
  change: (bytes: Buffer, at: number) => Buffer = (bytes) => bytes,
): Promise<string> {
  const hash = createHash('sha256');
  for (const part of piecesOf(range)) hash.update(change(await readRange(file, part), part.start));
  return hash.digest('hex');
}

/** The bytes with every one changed, always in the same way for a key and a place in the file. Twice is not at all. */
export function flipped(bytes: Buffer, key: string, start: number): Buffer {
  const skip = start % 16;
  const counter = Buffer.alloc(16);
  counter.writeBigUInt64BE(BigInt((start - skip) / 16), 8);
  const secret = createHash('sha256').update(key).digest().subarray(0, 16);
  const stream = createCipheriv('aes-128-ctr', secret, counter).update(Buffer.alloc(skip + bytes.length));
  const out = Buffer.allocUnsafe(bytes.length);
  // A mask of 0 would leave the byte as it is.
  for (let i = 0; i < out.length; i++) out[i] = (bytes[i] as number) ^ (stream[skip + i] || 0xff);
  return out;
}
