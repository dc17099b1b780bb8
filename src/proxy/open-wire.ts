import type { Socket } from 'node:net';
import type { Wire, WireKind } from './wire.ts';
import { handleWire } from './wire-handle.ts';
import { socketWire } from './wire-socket.ts';

/** Take over a connected, paused socket that nobody has read from. */
export function openWire(socket: Socket, kind: WireKind = 'fast'): Wire {
  return (kind === 'fast' && handleWire(socket)) || socketWire(socket);
}
