/** What we use of docker-modem 5.0. */
declare module 'docker-modem' {
  import type { Agent } from 'node:http';
  import type { Duplex, Readable, Writable } from 'node:stream';

  interface Dial {
    /** Ends with `?` when `options._query` is to be appended. */
    path: string;
    method: string;
    options?: { _query?: object; _body?: unknown };
    statusCodes: Record<number, true | string>;
    abortSignal?: AbortSignal | undefined;
    authconfig?: { base64: string } | undefined;
    isStream?: boolean;
    /** Ask for a raw connection: the answer is its socket. */
    hijack?: boolean;
    openStdin?: boolean;
    headers?: Record<string, string>;
  }

  export default class Modem {
    constructor(options: {
      socketPath?: string | undefined;
      protocol?: 'http' | 'https';
      host?: string | undefined;
      port?: number | string;
      version?: string | undefined;
      ca?: string | string[] | undefined;
      cert?: string | undefined;
      key?: string | undefined;
      agent?: Agent | undefined;
      headers?: Record<string, string>;
    });
    version: string | undefined;
    dial(
      options: Dial,
      callback: (
        error: (Error & { statusCode?: number; json?: unknown; code?: string }) | null,
        answer: unknown,
      ) => void,
    ): void;
    demuxStream(from: Readable | Duplex, stdout: Writable, stderr: Writable): void;
  }
}
