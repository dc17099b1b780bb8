/**
 * Delays, loses, doubles, corrupts and slows down the packets of one netfilter queue, where the kernel has no netem:
 * `packets.js --queue N --mark N --seed N --ttl MS --direction egress --effects JSON`. Packets pass untouched as soon as it ends. A verdict
 * comes up to about 1 ms after its time, never before. How it is built: src/faults/network/user-space.
 */
import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import type { Effects } from '../faults/network/effects.ts';
import { carrier } from '../faults/network/user-space/carrier.ts';
import { bindRequests, type FromKernel, readMessages, verdicts } from '../faults/network/user-space/nfqueue.ts';
import { relays } from '../faults/network/user-space/relay.ts';
import { numberArgument, textArgument } from './parts/arguments.ts';

const queue = numberArgument('queue', 0);
const ttl = numberArgument('ttl', 0);
const effects = JSON.parse(textArgument('effects', '{}')) as Effects;
/** More than the pipelines let wait, so that they decide what is too much, not the kernel. */
const room = 150_000;
/** The whole packet only where it is needed; its length is given with any part of it. */
const waits = effects.delay || effects.rate;
const whole = effects.corrupt || effects.duplicate || (waits && textArgument('direction', 'both') !== 'ingress');
const copy = whole ? 0xffff : effects.rate ? 20 : 0;

const relay = relays.find(({ program }) => program === textArgument('relay', 'perl'));
if (!relay) fail('--relay is not known');
try {
  // What we hold up must be held up by the effects alone.
  setPriority(-10);
} catch {
  // Without the right to it, a busy machine makes delays longer.
}

const life = ttl === 0 ? 0 : Math.ceil(ttl / 1000) + 5;
const link = spawn(relay.program, [...relay.args, textArgument('mark', '0'), String(life)], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
link.once('error', (error) => fail(`cannot start ${relay.program}: ${error.message}`));
link.once('exit', (code) => (code === 0 ? process.exit() : fail(`${relay.program} ended with code ${code}`)));
link.stdin.on('error', () => {});

const batch = verdicts(queue);
const packets = carrier(effects, numberArgument('seed', 0), batch);
const now = () => performance.now() * 1000;
const send = () => {
  const data = batch.take();
  if (data) link.stdin.write(data);
};

let timer: { readonly due: number; readonly handle: NodeJS.Timeout } | undefined;
function release(): void {
  const next = packets.release(now());
  send();
  if (next === timer?.due) return;
  clearTimeout(timer?.handle);
  timer = undefined;
  if (next === undefined) return;
  const handle = setTimeout(
    () => {
      timer = undefined;
      release();
    },
    Math.max(1, Math.ceil((next - now()) / 1000)),
  );
  timer = { due: next, handle };
}

let ending = false;
function receive(message: FromKernel): void {
  if ('packet' in message) ending ? batch.accept(message.packet.id) : packets.take(message.packet, now());
  else if (message.answer === 0) bound(message.to);
  else fail(`queue ${queue}: the kernel answers ${message.answer} to request ${message.to}`);
}

/** With --check it ends as soon as it has the queue: the kernel can do it. */
function bound(request: number): void {
  if (request === bindings.length && numberArgument('check', 0) > 0) end();
}

const bindings = bindRequests(queue, copy, room);
let rest: Buffer = Buffer.alloc(0);
link.stdout.on('data', (data: Buffer) => {
  rest = readMessages(rest.length === 0 ? data : Buffer.concat([rest, data]), receive);
  release();
});
for (const message of bindings) link.stdin.write(message);

/** What waits goes out at once, and what still comes in passes; then the queue is given back. */
function end(): void {
  ending = true;
  packets.release(Number.POSITIVE_INFINITY);
  send();
  setTimeout(() => link.stdin.end(), 50);
}
process.once('SIGTERM', end);
if (ttl > 0) {
  const until = performance.now() + ttl;
  const look = () => {
    const left = until - performance.now();
    if (left <= 0) end();
    // Node's timers hold 31 bits.
    else setTimeout(look, Math.min(left, 2 ** 30));
  };
  look();
}

function fail(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}
