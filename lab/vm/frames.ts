/** One message on the wire between the host and the agent in the guest: `KIND LENGTH\n`, then that many bytes. */
export interface Frame {
  readonly kind: string;
  readonly body: Buffer;
}

/** Longest header; more without a line end is no frame of ours. */
const longestHeader = 32;

/** A frame as bytes. `kind` is one lower-case word. */
export function encodeFrame(kind: string, body: Buffer | string = ''): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return Buffer.concat([Buffer.from(`${kind} ${bytes.length}\n`), bytes]);
}

/**
 * Reads frames out of a stream of bytes that is cut anywhere. Feed it every chunk; it returns the frames that are
 * complete by then. Throws an `Error` when the bytes are no frames (then the stream is lost).
 */
export function frameReader(): (chunk: Buffer) => readonly Frame[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: Frame[] = [];
    for (;;) {
      const lineEnd = rest.subarray(0, longestHeader).indexOf(10);
      if (lineEnd < 0 && rest.length < longestHeader) return frames;
      const header = /^([a-z]+) (\d+)$/.exec(rest.toString('latin1', 0, Math.max(lineEnd, 0)));
      if (!header) throw new Error(`no frame: ${JSON.stringify(rest.toString('latin1', 0, longestHeader))}`);
      const from = lineEnd + 1;
      const to = from + Number(header[2]);
      if (rest.length < to) return frames;
      frames.push({ kind: header[1] ?? '', body: Buffer.from(rest.subarray(from, to)) });
      rest = rest.subarray(to);
    }
  };
}

/** What the agent starts: an argument array, never a shell line. */
export interface Order {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** An order as the agent reads it: folder, variables, an empty field, arguments; each ended by NUL. */
export function encodeOrder({ argv, cwd, env }: Order): Buffer {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const fields = [cwd, ...variables, '', ...argv];
  if (argv.length === 0) throw new Error('an order needs a program');
  const wrong = fields.find((field) => field.includes('\0'));
  if (wrong !== undefined) throw new Error(`a NUL byte in ${JSON.stringify(wrong)}`);
  return Buffer.from(fields.map((field) => `${field}\0`).join(''));
}

/** The exit code in an `end` frame (`exit 3`, `signal 9`): 128 + number for a signal, as shells count. */
export function exitCodeOf(body: string): number {
  const [, how, number] = /^(exit|signal) (\d+)$/.exec(body) ?? [];
  if (number === undefined) throw new Error(`no way to end: ${JSON.stringify(body)}`);
  return how === 'signal' ? 128 + Number(number) : Number(number);
}
