import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { problems } from './problem.ts';

/** Where a proxy listens, or where it connects to. */
export type Address =
  | { readonly kind: 'tcp' | 'udp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/**
 * Reads `host:port` (TCP, as Toxiproxy), `udp://host:port` or `unix:///path`. An empty text is any port on every
 * address, as in Toxiproxy. Throws a problem in the words of Go's resolver; `prefix` stands before them.
 */
export function parseAddress(text: string, prefix = ''): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (!path.startsWith('/')) throw problems.other(`${prefix}address ${text}: a socket path starts with /`);
    return { kind: 'unix', path };
  }
  const scheme = /^(tcp|udp):\/\//.exec(text);
  const bare = scheme ? text.slice(scheme[0].length) : text;
  const kind = scheme?.[1] === 'udp' ? 'udp' : 'tcp';
  if (bare === '') return { kind, host: '', port: 0 };
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(bare);
  if (!match) {
    const why = bare.includes(':') ? 'too many colons in address' : 'missing port in address';
    throw problems.other(`${prefix}address ${bare}: ${why}`);
  }
  const [host, port] = [match[1] ?? match[2] ?? '', match[3] ?? ''];
  if (!/^\d*$/.test(port)) throw problems.other(`${prefix}lookup ${kind}/${port}: unknown port`);
  if (Number(port) > 65_535) throw problems.other(`${prefix}address ${port}: invalid port`);
  return { kind, host, port: Number(port) };
}

/** As Toxiproxy prints it: `127.0.0.1:80`, `[::1]:80`; ours besides: `udp://…`, `unix:/path`. */
export function showAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${address.kind === 'udp' ? 'udp://' : ''}${host}:${address.port}`;
}

/** The address to bind: names are looked up (IPv4 first); no name, or 0.0.0.0, is every address. */
export async function resolveListen(address: Address): Promise<Address> {
  if (address.kind === 'unix') return address;
  const { host } = address;
  if (host === '' || host === '0.0.0.0') return { ...address, host: address.kind === 'udp' ? '0.0.0.0' : '::' };
  if (isIP(host)) return address;
  try {
    const found = await lookup(host, { all: true });
    const first = found.find(({ family }) => family === 4) ?? found[0];
    return { ...address, host: first?.address ?? host };
  } catch {
    throw problems.other(`lookup ${host}: no such host`);
  }
}

/** What the system said when a listener could not be bound, as Go words it. */
export function bindProblem(address: Address, error: NodeJS.ErrnoException): Error {
  const words: Readonly<Record<string, string>> = {
    EADDRINUSE: 'address already in use',
    EACCES: 'permission denied',
    EADDRNOTAVAIL: 'cannot assign requested address',
    ENOENT: 'no such file or directory',
  };
  const where = address.kind === 'unix' ? `unix ${address.path}` : `${address.kind} ${hostPort(address)}`;
  return problems.other(`listen ${where}: bind: ${words[error.code ?? ''] ?? error.message}`);
}

const hostPort = (address: Address & { kind: 'tcp' | 'udp' }) => showAddress({ ...address, kind: 'tcp' });
