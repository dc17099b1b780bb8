import type { Socket } from 'node:net';

/** A ClientHello is not longer than this, and comes within this time. */
const longest = 16 * 1024;
const patience = 5000;

/**
 * The server name that a TLS client asks for, without decrypting anything; undefined when it gives none or does not
 * speak TLS. What was read is put back. Rejects when the client sends nothing in 5 s, or the proxy is stopped.
 */
export function readServerName(client: Socket, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const late = setTimeout(() => fail(new Error('no ClientHello')), patience);
    const settle = () => {
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      client.off('data', more);
      client.off('end', gone);
      client.off('close', gone);
      client.pause();
    };
    const done = () => {
      settle();
      if (seen.length > 0) client.unshift(seen);
      const hello = parseClientHello(seen);
      resolve(typeof hello === 'string' ? hello : undefined);
    };
    function fail(error: Error): void {
      settle();
      reject(error);
    }
    const gone = () => fail(new Error('the client is gone'));
    const stop = () => fail(new Error('the proxy was stopped'));
    function more(data: Buffer): void {
      seen = Buffer.concat([seen, data]);
      if (seen.length >= longest || parseClientHello(seen) !== 'more') done();
    }
    signal.addEventListener('abort', stop);
    client.on('data', more);
    client.once('end', gone);
    client.once('close', gone);
    client.resume();
  });
}

/** Where a name goes: the entry of that name, else of `*.its-parent`, else the proxy's own upstream. */
export function upstreamFor(
  name: string | undefined,
  table: Readonly<Record<string, string>>,
  otherwise: string,
): string {
  if (name === undefined) return otherwise;
  const entries = new Map(Object.entries(table).map(([key, to]) => [key.toLowerCase(), to]));
  const wanted = name.toLowerCase();
  return entries.get(wanted) ?? entries.get(`*.${wanted.split('.').slice(1).join('.')}`) ?? otherwise;
}

/** The name as `{ name }`-less text, `null` when there is none, `more` when bytes are missing. */
export function parseClientHello(bytes: Uint8Array): string | null | 'more' {
  const handshake = handshakeOf(bytes);
  if (handshake === null || handshake === 'more') return handshake;
  const view = Buffer.from(handshake.buffer, handshake.byteOffset, handshake.byteLength);
  try {
    // Type, length, version and random come first.
    let at = 4 + 2 + 32;
    at += 1 + view.readUInt8(at);
    at += 2 + view.readUInt16BE(at);
    at += 1 + view.readUInt8(at);
    const end = at + 2 + view.readUInt16BE(at);
    at += 2;
    while (at + 4 <= end) {
      const [type, length] = [view.readUInt16BE(at), view.readUInt16BE(at + 2)];
      at += 4;
      // server_name: a list of entries, of which type 0 is a host name.
      if (type === 0 && view.readUInt8(at + 2) === 0) {
        const size = view.readUInt16BE(at + 3);
        return view.toString('latin1', at + 5, at + 5 + size);
      }
      at += length;
    }
    return null;
  } catch {
    return null;
  }
}

/** The ClientHello message, put together from its records. */
function handshakeOf(bytes: Uint8Array): Uint8Array | null | 'more' {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length > 0 && view[0] !== 22) return null;
  const parts: Buffer[] = [];
  let [at, have] = [0, 0];
  while (at + 5 <= view.length) {
    if (view[at] !== 22) return null;
    const length = view.readUInt16BE(at + 3);
    const part = view.subarray(at + 5, at + 5 + length);
    parts.push(part);
    have += part.length;
    at += 5 + length;
    const message = Buffer.concat(parts, have);
    if (message.length >= 4) {
      if (message[0] !== 1) return null;
      const whole = 4 + message.readUIntBE(1, 3);
      if (message.length >= whole) return message.subarray(0, whole);
    }
  }
  return 'more';
}
