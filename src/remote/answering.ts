import type { Readable, Writable } from 'node:stream';
import { errorRecord, ZashikiError } from '../core/errors.ts';
import type { Json, JsonObject, Milliseconds } from '../core/model.ts';
import { cutLines } from './lines.ts';
import type { Transport } from './transport.ts';

/** No question is longer: an agent takes 8 MiB. */
const longestQuestion = 16 << 20;

type Id = string | number;

interface Question {
  readonly id: Id;
  readonly path: string;
  readonly body: JsonObject | null;
  readonly cancel: boolean;
}

/**
 * Pass on questions that come as lines of JSON, and write each answer as a line when it is there. Resolves at the end of
 * `input`, rejects when nothing has come for `silenceMs` or nobody reads the answers any more; what is open is aborted.
 */
export function answerLines(
  input: Readable,
  output: Writable,
  transport: Transport,
  silenceMs: Milliseconds = 30_000,
): Promise<void> {
  const open = new Map<Id, AbortController>();
  let isOver = false;
  return new Promise((done, failed) => {
    const end = (error?: Error) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(silence);
      for (const each of open.values()) each.abort(new Error('the line has ended'));
      input.destroy();
      if (error) failed(error);
      else done();
    };
    const say = (value: object) => void (isOver || output.write(`${JSON.stringify(value)}\n`));
    const ask = async ({ id, path, body }: Question) => {
      const stop = new AbortController();
      open.set(id, stop);
      const answer = await transport(path, body, stop.signal).catch((error: unknown) => ({
        error: errorRecord(error) as unknown as Json,
      }));
      open.delete(id);
      if (!stop.signal.aborted) say({ id, ...answer });
    };
    const take = (line: string) => {
      // The one who asks shows that the line is whole, and wants to see the same.
      if (line.trim() === '') return void output.write('\n');
      const question = read(line);
      if ('wrong' in question) return say({ id: question.id, error: { code: 'usage', message: question.wrong } });
      if (question.cancel) return open.get(question.id)?.abort(new Error('it was cancelled'));
      if (!open.has(question.id)) return void ask(question);
      say({ id: question.id, error: { code: 'usage', message: `question ${question.id} is still open` } });
    };
    const silence = setTimeout(() => end(gone(`nothing came on standard input for ${silenceMs / 1000} s`)), silenceMs);
    const cut = cutLines(take, longestQuestion, () => end(new ZashikiError('usage', 'a question is too long')));
    input.on('data', (chunk: Buffer) => {
      silence.refresh();
      cut(chunk);
    });
    input.once('end', () => end());
    input.once('close', () => end());
    input.once('error', (error) => end(gone(`standard input: ${error.message}`)));
    output.on('error', (error) => end(gone(`nobody reads the answers: ${error.message}`)));
  });
}

const gone = (message: string) => new ZashikiError('peer-unavailable', message);

function read(line: string): Question | { readonly id: Id | null; readonly wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { id: null, wrong: `the line is not JSON: ${(error as Error).message}` };
  }
  const { id, path, body = null, cancel } = (value ?? {}) as Record<string, unknown>;
  if (typeof id !== 'number' && typeof id !== 'string') return { id: null, wrong: '`id` must be a number or a text' };
  if (cancel === true) return { id, path: '', body: null, cancel };
  if (typeof path !== 'string' || !path.startsWith('/')) return { id, wrong: '`path` must begin with /' };
  if (typeof body !== 'object' || Array.isArray(body))
    return { id, wrong: '`body` must be an object, or null to read' };
  return { id, path, body: body as JsonObject | null, cancel: false };
}
