import { TimedOut } from './deadline.ts';

const sentences: Readonly<Record<string, (peer: string, host: string) => string>> = {
  ECONNREFUSED: (peer) => `connection refused by ${peer}`,
  ECONNRESET: (peer) => `connection reset by ${peer}`,
  EPIPE: (peer) => `connection closed by ${peer} while sending`,
  ETIMEDOUT: (peer) => `no connection to ${peer}: timed out`,
  EHOSTUNREACH: (peer) => `no route to ${peer}`,
  ENETUNREACH: (peer) => `network unreachable on the way to ${peer}`,
  EADDRNOTAVAIL: (peer) => `no local address left for a connection to ${peer}`,
  EMFILE: () => 'too many open files in this process',
  ENOTFOUND: (_peer, host) => `host name not found: ${host}`,
  EAI_AGAIN: (_peer, host) => `host name lookup failed for now: ${host}`,
};

const codeOf = (error: unknown): string =>
  error && typeof error === 'object' && 'code' in error && typeof error.code === 'string' ? error.code : '';

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const isTls = (code: string): boolean =>
  /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS_|HOSTNAME_MISMATCH|ERR_SSL_|EPROTO)/.test(code);

/** One sentence for a person about a failed exchange with `host:port`. */
export function networkSentence(error: unknown, host: string, port: number): string {
  const peer = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
  if (error instanceof TimedOut) return `${error.message} from ${peer}`;
  const code = codeOf(error);
  const message = messageOf(error);
  if (message === 'socket hang up' || message === 'aborted')
    return `connection closed by ${peer} before the full answer`;
  if (/^(ERR_SSL_WRONG_VERSION|EPROTO)/.test(code)) return `no TLS spoken by ${peer}: ${message.split('\n')[0]}`;
  if (isTls(code)) return `TLS certificate of ${peer} is not accepted: ${message} (insecure: true skips this check)`;
  if (code.startsWith('HPE_')) return `not an HTTP answer from ${peer}: ${message}`;
  return sentences[code]?.(peer, host) ?? `no answer from ${peer}: ${message}${code ? ` (${code})` : ''}`;
}
