/**
 * Takes memory until the OOM killer of a cgroup acts: `exhaust.js --below NAME --events FILE --above N --size BYTES
 * --room BYTES --score N --tell FILE --ttl MS`. It waits until its memory is accounted to the cgroup NAME or one below, so that not a
 * page is taken elsewhere, and ends as soon as `events` counts more than N kills (then it makes the file `tell`) or is
 * gone. The memory is that of a file without a name in /dev/shm: it is no part of our own size, by which the OOM killer
 * chooses. Where little of `room` is left it goes page by page: a small victim frees little, and what is taken beyond
 * that would cost the worker its own life before it has told.
 */
import { constants, ftruncateSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { endAfter, numberArgument, textArgument } from './parts/arguments.ts';

const [below, events, tell] = [textArgument('below', ''), textArgument('events', ''), textArgument('tell', '')];
const [above, size, room, score] = [
  numberArgument('above', 0),
  numberArgument('size', 0),
  numberArgument('room', 0),
  Number(textArgument('score', '0')),
];
endAfter(numberArgument('ttl', 0));

/** Not in Node's constants; the same number on all machines that it runs on. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
const [pieceBytes, pageBytes, patience] = [2 ** 20, 4096, 10_000];
const piece = Buffer.alloc(pieceBytes, 1);
const page = piece.subarray(0, pageBytes);
/** What is taken in large pieces: not the last of the room, which others may use meanwhile. */
const safely = room - 8 * pieceBytes;
const rest: Buffer[] = [];
const shared = unnamedFile();
let taken = 0;
const began = performance.now();

function inside(): boolean {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  const unified = lines.find((line) => line.startsWith('0::'));
  const line = lines.find((each) => each.split(':')[1]?.split(',').includes('memory')) ?? unified ?? '';
  return line.split('/').includes(below);
}

/** Read again and again, and so without waste: our own heap grows at the cost of the same cgroup. */
const counter = openSync(events, 'r');
const line = Buffer.alloc(1024);

function kills(): number {
  const count = line.toString('latin1', 0, readSync(counter, line, 0, line.length, 0));
  return Number(/^oom_kill (\d+)/m.exec(count)?.[1] ?? 0);
}

function wait(): void {
  if (inside()) {
    aim();
    take();
  } else if (performance.now() - began < patience) setTimeout(wait, 5);
  else process.exit(3);
}

/** Without CAP_SYS_RESOURCE our score can only be raised. */
function aim(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', String(score));
  } catch {
    // Then our size decides.
  }
}

function unnamedFile(): number | undefined {
  try {
    return openSync('/dev/shm', O_TMPFILE | constants.O_RDWR, 0o600);
  } catch {
    return undefined;
  }
}

function take(): void {
  if (kills() > above) {
    // Telling takes memory as well.
    if (shared !== undefined) ftruncateSync(shared, 0);
    writeFileSync(tell, 'true');
    process.exit(0);
  }
  if (taken >= size) return void setTimeout(take, 20);
  const next = taken < safely ? piece : page;
  taken += next.length;
  if (!writtenToShared(next)) {
    const own = Buffer.allocUnsafeSlow(next.length);
    for (let at = 0; at < own.length; at += pageBytes) own[at] = 1;
    rest.push(own);
  }
  setImmediate(take);
}

function writtenToShared(bytes: Buffer): boolean {
  if (shared === undefined) return false;
  try {
    return writeSync(shared, bytes) === bytes.length;
  } catch {
    return false;
  }
}

wait();
