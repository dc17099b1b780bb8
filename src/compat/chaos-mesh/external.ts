import { isIP } from 'node:net';

/** One of `externalTargets`: an address, a network or a host name, and a port if wanted. */
export interface ExternalTarget {
  readonly peer: string;
  readonly port?: number;
}

/** `10.0.0.1`, `10.0.0.0/8`, `example.com:443`, `[fd00::1]:53`; undefined when it is none of these. */
export function readExternalTarget(text: string): ExternalTarget | undefined {
  if (isNetwork(text)) return { peer: text };
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const [, peer = '', port] = bracketed ?? /^([^:]+)(?::(\d+))?$/.exec(text) ?? [];
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65535)) return undefined;
  if (bracketed ? isIP(peer) !== 6 : !isNetwork(peer) && !isHost(peer)) return undefined;
  return { peer, ...(port === undefined ? {} : { port: Number(port) }) };
}

/** What is wrong with it, and what to write. */
export function externalTargetError(text: string): string | undefined {
  if (readExternalTarget(text)) return undefined;
  if (/^\w+:\/\//.test(text)) {
    return 'not a target: no URL is meant; write the host name, with :port if only that port is meant, such as example.com:443';
  }
  return 'not a target: write an address, a network or a host name, with :port if only that port is meant, such as 10.0.0.0/8 or example.com:443';
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Numbers and dots alone were meant as an address. */
const isHost = (text: string): boolean =>
  text.length <= 253 &&
  /^[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?)*\.?$/.test(text) &&
  !/^[\d.]+$/.test(text);
