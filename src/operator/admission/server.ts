import { createServer, type Server } from 'node:https';
import { errorRecord } from '../../core/errors.ts';
import type { Resource } from '../resource.ts';
import { type AdmissionRequest, type JudgePorts, judge } from './judge.ts';

/** A certificate and its key, as PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface AdmissionServer {
  readonly port: number;
  /** Use another certificate from now on. */
  renew(pair: Pair): void;
  close(): Promise<void>;
}

/** What a change is signed with: who asked for it. */
export const authorAnnotation = 'zashiki.dev/asked-by';
const largest = 4 * 1024 * 1024;

/** Answer the API server: `/validate`, `/default`, and `/healthz` for the kubelet. */
export async function serveAdmission({
  host,
  port,
  pair,
  ports,
}: {
  readonly host: string;
  readonly port: number;
  readonly pair: Pair;
  readonly ports: JudgePorts;
}): Promise<AdmissionServer> {
  const server = createServer({ ...pair, minVersion: 'TLSv1.2' }, (request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.method === 'GET' && request.url === '/healthz') return answer(200, { ok: true });
    const path = request.url?.split('?')[0];
    if (request.method !== 'POST' || (path !== '/validate' && path !== '/default'))
      return answer(404, { error: 'not found' });
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= largest) chunks.push(chunk);
      else request.destroy();
    });
    request.on('end', () => {
      review(Buffer.concat(chunks).toString(), path, ports).then(
        (body) => answer(200, body),
        (error: unknown) => answer(400, { error: errorRecord(error).message }),
      );
    });
  });
  server.requestTimeout = 15_000;
  await listening(server, host, port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    renew: (next) => server.setSecureContext({ ...next, minVersion: 'TLSv1.2' }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const listening = (server: Server, host: string, port: number) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });

async function review(text: string, path: string, ports: JudgePorts) {
  const { apiVersion, kind, request } = JSON.parse(text) as {
    apiVersion: string;
    kind: string;
    request: AdmissionRequest;
  };
  const { uid } = request;
  if (path === '/default') return { apiVersion, kind, response: { uid, allowed: true, ...patched(request) } };
  const { allowed, message, warnings } = await judge(request, ports);
  return {
    apiVersion,
    kind,
    response: {
      uid,
      allowed,
      ...(warnings?.length ? { warnings: warnings.map((line) => line.slice(0, 250)) } : {}),
      ...(allowed ? {} : { status: { code: 403, reason: 'Forbidden', message } }),
    },
  };
}

/** Write down who asked for it. What else has defaults gets them when it is read: the document stays as it was written. */
function patched({ object, userInfo, operation }: AdmissionRequest): object {
  if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return {};
  const { annotations } = object.metadata as Resource['metadata'];
  const who = userInfo.username ?? 'unknown';
  const path = `/metadata/annotations/${authorAnnotation.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const patch = [
    ...(annotations ? [] : [{ op: 'add', path: '/metadata/annotations', value: {} }]),
    { op: 'add', path, value: who },
  ];
  return { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}
