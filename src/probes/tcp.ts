import { connect } from 'node:net';
import { z } from 'zod';
import { Duration, DurationOr } from '../core/fields.ts';
import { containsPattern, Pattern } from '../core/pattern.ts';
import { quote } from './parts/bounds.ts';
import { since, withDeadline } from './parts/deadline.ts';
import { networkSentence } from './parts/network-error.ts';
import { defineProbe } from './probe.ts';

const mostReceived = 64 * 1024;

type Value = {
  readonly connects: boolean;
  readonly latency: number;
  /** The first of what came, at most 200 characters; only with `expect`. */
  readonly received?: string;
  /** Why it does not connect, or why the answer is not the expected one. */
  readonly why?: string;
};

/** Opens a TCP connection, and with `expect` waits for an answer. */
export default defineProbe({
  id: 'tcp',
  summary: 'Open a TCP connection; optionally send a text and expect an answer.',
  params: z.strictObject({
    host: z.string().min(1, 'must not be empty').default('127.0.0.1'),
    port: z.int('a port is a whole number').min(1, 'a port is 1 to 65535').max(65_535, 'a port is 1 to 65535'),
    timeout: DurationOr('1s').describe('For the connection and the expected answer together.'),
    send: z.string().optional().describe('Sent once connected, UTF-8.'),
    expect: Pattern.optional().describe('Text, or `re2:…`, that must occur in the first 64 KiB of the answer.'),
  }),
  tolerance: z
    .strictObject({
      connects: z.boolean().default(true).describe('False: nobody must listen there.'),
      latency: Duration.optional().describe('The longest time until connected (with `expect`: until the answer).'),
    })
    .prefault({}),
  async read({ host, port, timeout, send, expect }, signal) {
    const from = performance.now();
    const state = { connected: false, received: '' };
    try {
      await withDeadline(timeout, signal, (inner) => converse({ host, port, send, expect }, state, inner));
      return { value: { connects: true, latency: since(from), ...sample(expect, state.received) } };
    } catch (error) {
      signal.throwIfAborted();
      if (nameFailed(error)) return { value: null, error: networkSentence(error, host, port) };
      const why =
        state.connected && expect !== undefined
          ? `${quote(expect)} did not come from ${host}:${port}, but ${quote(state.received)}`
          : networkSentence(error, host, port);
      return { value: { connects: state.connected, latency: since(from), ...sample(expect, state.received), why } };
    }
  },
  judge(reading, tolerance) {
    if (reading.error !== undefined) return reading.error;
    const { connects, latency, why } = reading.value as Value;
    if (!tolerance.connects) return connects ? 'a connection was accepted, none wanted' : null;
    if (why !== undefined) return why;
    if (tolerance.latency !== undefined && latency > tolerance.latency) {
      return `took ${latency} ms, at most ${tolerance.latency} ms wanted`;
    }
    return null;
  },
});

interface Exchange {
  readonly host: string;
  readonly port: number;
  readonly send: string | undefined;
  readonly expect: string | undefined;
}

/** Resolves when connected (with `expect`: when it came); rejects on refusal, on the end without it, on abort. */
function converse(
  { host, port, send, expect }: Exchange,
  state: { connected: boolean; received: string },
  signal: AbortSignal,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port });
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', aborted);
      socket.destroy();
      settle();
    };
    const aborted = () => end(() => reject(signal.reason));
    signal.addEventListener('abort', aborted, { once: true });
    socket.setEncoding('utf8');
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('connect', () => {
      state.connected = true;
      if (send !== undefined) socket.write(send);
      if (expect === undefined) end(resolve);
    });
    socket.on('data', (chunk: string) => {
      state.received = (state.received + chunk).slice(0, mostReceived);
      if (expect !== undefined && containsPattern(expect, state.received)) end(resolve);
    });
    socket.on('end', () => end(() => reject(new Error('ended'))));
  });
}

const sample = (expect: string | undefined, received: string): { received?: string } =>
  expect === undefined ? {} : { received: received.slice(0, 200) };

const nameFailed = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN');
