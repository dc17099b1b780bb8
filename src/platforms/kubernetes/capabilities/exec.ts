import { Writable } from 'node:stream';
import type { ExecCapability } from '../../../capabilities/exec.ts';
import type { Finished } from '../../../capabilities/netns.ts';
import { ZashikiError } from '../../../core/errors.ts';
import type { Client } from '../client.ts';
import { type ObjectIdentity, told } from '../identity.ts';
import { explained, goneObject, isMissing, Refusal } from '../refusal.ts';

const longest = 30_000;
/** More output than this is cut. */
const mostBytes = 4 << 20;

/** Programs inside a pod's container, as the user that the container runs as. */
export const execCapability = (
  client: Client,
  identity: ObjectIdentity,
  container: string | undefined,
): ExecCapability => ({
  async run(argv, { user, timeoutMs, signal } = {}) {
    if (user !== undefined) {
      throw new ZashikiError('not-supported', 'in a pod, programs are run by the user of its container only', {
        hint: 'leave out `user`',
      });
    }
    return execIn(client, identity, container, argv, { timeoutMs, signal });
  },
});

interface Options {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the server says of how it ended. */
export interface ExecStatus {
  readonly status?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/**
 * Run a program there, over the API's websocket. One that takes longer than `timeoutMs` is left to itself, and has code
 * -1; one that cannot be started has 126 or 127. Throws `target-gone`, `permission-missing`, `peer-unavailable`.
 */
export async function execIn(
  client: Client,
  identity: ObjectIdentity,
  container: string | undefined,
  argv: readonly string[],
  { timeoutMs = longest, signal }: Options = {},
): Promise<Finished> {
  signal?.throwIfAborted();
  const { Exec } = await import('../library.ts');
  const stdout = collector();
  const stderr = collector();
  const { namespace, name } = identity;
  let socket: { close(): void; readonly onclose?: unknown } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let abort = () => {};
  try {
    const ended = new Promise<ExecStatus | 'late' | 'lost'>((resolve, reject) => {
      abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      timer = setTimeout(() => resolve('late'), timeoutMs);
      new Exec(client.config)
        .exec(namespace, name, container ?? '', [...argv], stdout.stream, stderr.stream, null, false, (status) =>
          resolve(status as ExecStatus),
        )
        .then((opened) => {
          socket = opened;
          // What the program said last may still be on its way when the status comes.
          opened.addEventListener('close', () => setTimeout(() => resolve('lost'), 50));
        }, reject);
    });
    const status = await ended.catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : refusedExec(error, client, identity);
    });
    if (status === 'lost') {
      throw new ZashikiError('peer-unavailable', `the connection to ${told(identity)} was lost while ${argv[0]} ran`);
    }
    return finished(status, argv, timeoutMs, stdout.text(), stderr.text());
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    socket?.close();
  }
}

/** What it came to. Throws `inject-failed` when it could not be run at all. */
export function finished(
  status: ExecStatus | 'late',
  argv: readonly string[],
  timeoutMs: number,
  stdout: string,
  stderr: string,
): Finished {
  if (status === 'late') {
    return { code: -1, stdout, stderr: `${stderr}${argv[0]} did not end within ${timeoutMs} ms, and may go on\n` };
  }
  if (status.status === 'Success') return { code: 0, stdout, stderr };
  const code = Number(status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message);
  if (Number.isInteger(code)) return { code, stdout, stderr };
  const message = status.message ?? 'the program could not be run';
  if (/not found|no such file|stat /i.test(message)) return { code: 127, stdout, stderr: `${stderr}${message}\n` };
  if (/permission denied|exec|OCI runtime/i.test(message))
    return { code: 126, stdout, stderr: `${stderr}${message}\n` };
  throw new ZashikiError('inject-failed', `${argv[0]} could not be run: ${message}`);
}

/** A websocket that is refused tells the HTTP status in its message only. */
export function refusedExec(error: unknown, { cluster }: Client, identity: ObjectIdentity): unknown {
  if (error instanceof ZashikiError) return error;
  const { message = String(error) } = (error ?? {}) as { message?: string };
  const status = Number(/Unexpected server response: (\d+)/.exec(message)?.[1]);
  const { namespace, name } = identity;
  if (status) {
    const refusal = new Refusal(status, JSON.stringify({ message: `HTTP ${status}` }));
    if (isMissing(refusal)) return goneObject(told(identity));
    const asked = { verb: 'create', resource: 'pods/exec', namespace, name };
    const why = explained(refusal, asked, cluster.context);
    if (why !== refusal) return why;
  }
  return new ZashikiError('peer-unavailable', `no program could be run in ${told(identity)}: ${message}`, {
    cause: error,
  });
}

function collector() {
  const chunks: Buffer[] = [];
  let size = 0;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size <= mostBytes) chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}
