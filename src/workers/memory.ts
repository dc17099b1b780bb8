/**
 * Takes memory and keeps it in use: `memory.js --size BYTES --ttl MS`. Used where stress-ng is not installed. Every
 * page is written, in pieces so that the ttl is kept, and touched again every second so that it is not swapped out.
 */
import { endAfter, numberArgument } from './parts/arguments.ts';

const size = numberArgument('size', 256 * 2 ** 20);
endAfter(numberArgument('ttl', 0));

const [pieceBytes, pageBytes] = [16 * 2 ** 20, 4096];
const pieces: Buffer[] = [];

function take(): void {
  const left = size - pieces.length * pieceBytes;
  if (left <= 0) {
    setInterval(touch, 1000);
    return;
  }
  const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, left));
  for (let at = 0; at < piece.length; at += pageBytes) piece[at] = 1 + (at % 251);
  pieces.push(piece);
  setImmediate(take);
}

function touch(): void {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += pageBytes) piece[at] = ((piece[at] ?? 0) + 1) & 0xff;
  }
}

take();
