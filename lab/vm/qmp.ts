import type { Duplex } from 'node:stream';

/** QEMU's monitor: one request, one answer. Throws an `Error` with QEMU's words when it refuses. */
export type Monitor = (execute: string, args?: Readonly<Record<string, unknown>>) => Promise<unknown>;

interface Message {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

/** Speak QMP over a stream; events and the greeting are passed over. */
export function monitor(stream: Duplex): Monitor {
  const waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void; what: string }[] = [];
  let rest = '';
  let ended = false;
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const message = JSON.parse(line) as Message;
      if (!('return' in message) && !message.error) continue;
      const asked = waiting.shift();
      if (message.error) asked?.reject(new Error(`QEMU refused ${asked.what}: ${message.error.desc}`));
      else asked?.resolve(message.return);
    }
  });
  const end = () => {
    ended = true;
    for (const asked of waiting.splice(0)) asked.reject(new Error(`QEMU ended before it answered ${asked.what}`));
  };
  stream.on('error', end);
  stream.on('close', end);
  return (execute, args = {}) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(new Error(`QEMU has ended, no ${execute}`));
      waiting.push({ resolve, reject, what: execute });
      stream.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    });
}
