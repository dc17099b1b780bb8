import type { Socket } from 'node:net';
import type { Wire, WireReader } from './wire.ts';

/** A wire on Node's own stream interface. */
export function socketWire(socket: Socket): Wire {
  // Errors may come before anybody reads.
  let how: 'reset' | 'closed' = 'closed';
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') how = 'reset';
  });
  return {
    start(reader: WireReader) {
      socket.on('data', (chunk: Uint8Array) => reader.data(chunk));
      socket.on('end', () => reader.end());
      if (socket.closed) queueMicrotask(() => reader.closed(how));
      else socket.on('close', () => reader.closed(how));
      socket.resume();
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    write(chunk, drained) {
      if (socket.destroyed) return true;
      let waits = false;
      socket.write(chunk, () => {
        if (waits) drained();
      });
      waits = socket.writableLength > 0;
      return !waits;
    },
    end: () => void socket.end(),
    reset: resetOf(socket),
    destroy: () => void socket.destroy(),
    release() {},
  };
}

/** How to break this socket off: RST on TCP; others know no such thing and are closed. */
export function resetOf(socket: Socket): () => void {
  const tcp = socket.remoteFamily !== undefined;
  return () => {
    if (socket.destroyed) return;
    // The kernel takes no reset while a FIN is on its way out.
    if (!tcp || (socket.writableEnded && !socket.writableFinished)) socket.destroy();
    else socket.resetAndDestroy();
  };
}
