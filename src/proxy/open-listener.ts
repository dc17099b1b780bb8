import type { Address } from './address.ts';
import type { Listener, ListenerOptions } from './listener.ts';
import { listenDatagrams } from './listener-datagram.ts';
import { listenStream } from './listener-stream.ts';

/** Bind it. Throws a problem when it cannot be. */
export function openListener(address: Address, options: ListenerOptions): Promise<Listener> {
  return address.kind === 'udp' ? listenDatagrams(address, options) : listenStream(address, options);
}
