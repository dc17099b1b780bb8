import type { Socket } from 'node:net';
import type { Wire, WireReader } from './wire.ts';
import { resetOf } from './wire-socket.ts';

// What Node's own net module uses beneath a socket. Found where it is and left alone where it is not.
interface StreamHandle {
  onread: (this: unknown) => void;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: WriteRequest, buffer: Uint8Array): number;
}
interface WriteRequest {
  oncomplete: (status: number) => void;
  buffer: Uint8Array;
  handle: StreamHandle;
}
interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

const bufferSize = 64 * 1024;
const endOfFile = -4095;

/** Buffers that nobody uses now. Made anew for each connection, they would keep the garbage collector busy. */
const spare: Uint8Array[] = [];
const mostSpare = 256;

/**
 * A wire on the handle of a socket: one buffer per direction that is read into and written from again and again, and
 * no stream between. The socket still owns the handle, ends it and closes it. Undefined where Node does not offer it.
 */
export function handleWire(socket: Socket): Wire | undefined {
  const handle = (socket as unknown as { _handle: StreamHandle | null })._handle;
  const stream = binding();
  if (!stream || !handle || typeof handle.useUserBuffer !== 'function') return undefined;
  const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = stream;
  let how: 'reset' | 'closed' = 'closed';
  let mine: Uint8Array | undefined;
  const gone = (code: number) => {
    if (code === resetCode) how = 'reset';
    socket.destroy();
  };
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') how = 'reset';
  });
  return {
    start(reader: WireReader) {
      if (socket.destroyed) return queueMicrotask(() => reader.closed(how));
      socket.on('close', () => reader.closed(how));
      // Out of a slab of its own: the kernel writes into it while others run.
      const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(bufferSize);
      mine = buffer;
      handle.useUserBuffer(buffer);
      handle.onread = () => {
        const count = streamBaseState[kReadBytesOrError] ?? 0;
        if (count > 0) reader.data(count === bufferSize ? buffer : buffer.subarray(0, count));
        else if (count === endOfFile) {
          handle.readStop();
          reader.end();
        } else if (count < 0) gone(count);
      };
      handle.readStart();
    },
    pause: () => void (socket.destroyed || handle.readStop()),
    resume: () => void (socket.destroyed || handle.readStart()),
    write(chunk, drained) {
      if (socket.destroyed) return true;
      const request = new WriteWrap();
      request.handle = handle;
      const code = handle.writeBuffer(request, chunk);
      if (code !== 0) {
        gone(code);
        return true;
      }
      if (!streamBaseState[kLastWriteWasAsync]) return true;
      request.buffer = chunk;
      request.oncomplete = (status) => {
        if (status < 0) gone(status);
        drained();
      };
      return false;
    },
    end: () => void socket.end(),
    reset: resetOf(socket),
    destroy: () => void socket.destroy(),
    release() {
      if (mine && spare.length < mostSpare) spare.push(mine);
      mine = undefined;
    },
  };
}

/** libuv's name for ECONNRESET. */
const resetCode = process.platform === 'darwin' ? -54 : process.platform === 'win32' ? -4077 : -104;

let found: StreamBinding | null | undefined;

/** `net` has no public way to this; an older or newer Node, or its permission model, may refuse. */
function binding(): StreamBinding | undefined {
  if (found === undefined) found = seek();
  return found ?? undefined;
}

function seek(): StreamBinding | null {
  try {
    const open = (process as unknown as { binding?: (name: string) => Partial<StreamBinding> }).binding;
    const stream = open?.('stream_wrap');
    const whole =
      typeof stream?.WriteWrap === 'function' &&
      ArrayBuffer.isView(stream.streamBaseState) &&
      typeof stream.kReadBytesOrError === 'number' &&
      typeof stream.kLastWriteWasAsync === 'number';
    return whole ? (stream as StreamBinding) : null;
  } catch {
    return null;
  }
}
