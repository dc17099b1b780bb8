import type { Duplex } from 'node:stream';
import { encodeFrame, encodeOrder, exitCodeOf, frameReader, type Order } from './frames.ts';

/** The guest's side of a command: its output as it comes, its input if it gets one. */
export interface Wires {
  readonly onOut?: (bytes: Buffer) => void;
  readonly onErr?: (bytes: Buffer) => void;
  readonly input?: AsyncIterable<Buffer | string> | Iterable<Uint8Array>;
}

/** The agent in the guest. One command at a time; a second one waits for the first. */
export interface Agent {
  /** Resolves once the guest answers. */
  ping(): Promise<void>;
  /** Run a program; resolves with its exit code (127: no such program). Rejects when the guest is lost. */
  run(order: Order, wires?: Wires): Promise<number>;
}

/** Talk to the agent over its port. */
export function agentOver(stream: Duplex): Agent {
  let onFrame: (kind: string, body: Buffer) => void = () => {};
  let fail: (error: Error) => void = () => {};
  let lost: Error | undefined;
  const lose = (error: Error) => {
    lost ??= error;
    fail(lost);
  };
  const read = frameReader();
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const { kind, body } of read(chunk)) onFrame(kind, body);
    } catch (error) {
      lose(error as Error);
    }
  });
  stream.on('error', (error) => lose(error));
  stream.on('close', () => lose(new Error('the guest has ended')));

  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> => {
    const mine = turn.then(
      () =>
        new Promise<T>((resolve, reject) => {
          if (lost) return reject(lost);
          fail = reject;
          work(resolve, reject);
        }),
    );
    turn = mine.catch(() => {});
    return mine;
  };

  return {
    ping: () =>
      inTurn<void>((resolve) => {
        onFrame = (kind) => kind === 'pong' && resolve();
        stream.write(encodeFrame('ping'));
      }),
    run: (order, { onOut, onErr, input } = {}) =>
      inTurn<number>((resolve, reject) => {
        let ended = false;
        onFrame = (kind, body) => {
          if (kind === 'out') onOut?.(body);
          else if (kind === 'err') onErr?.(body);
          else if (kind === 'end') {
            ended = true;
            resolve(exitCodeOf(body.toString()));
          }
        };
        stream.write(encodeFrame('run', encodeOrder(order)));
        feed(stream, input, () => ended).catch(reject);
      }),
  };
}

async function feed(stream: Duplex, input: Wires['input'], ended: () => boolean): Promise<void> {
  for await (const chunk of input ?? []) {
    if (ended()) return;
    const bytes = Buffer.from(chunk);
    // Small frames: the agent takes no bytes of a frame before all have come.
    for (let at = 0; at < bytes.length; at += 32_768) {
      if (!stream.write(encodeFrame('in', bytes.subarray(at, at + 32_768))))
        await new Promise((resolve) => stream.once('drain', resolve));
    }
  }
  if (!ended()) stream.write(encodeFrame('in'));
}
