import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

/** The API server of a cluster, spoken to as its administrator, without any client library. */
export interface Api {
  /** One call; the answer as JSON. Rejects for status 400 and above. */
  // biome-ignore lint/suspicious/noExplicitAny: the answers have no types here
  call(method: string, path: string, body?: object): Promise<any>;
  /** Does it answer, and is it ready? */
  ready(): Promise<boolean>;
}

/** A caller by the keys of a kubeconfig file of the lab. */
export function apiOf(kubeconfig: string): Api {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8'));
  const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
  const { 'client-certificate-data': cert, 'client-key-data': key } = users[0].user;
  const bytes = (text: string) => Buffer.from(text, 'base64');
  const agent = new Agent({ ca: bytes(ca), cert: bytes(cert), key: bytes(key), keepAlive: false });
  const call = (method: string, path: string, body?: object) =>
    new Promise<string>((resolve, reject) => {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
      const headers = { accept: 'application/json', 'content-type': type };
      const outgoing = request(`${server}${path}`, { method, agent, headers, timeout: 10_000 }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 500;
          if (status < 400) resolve(text);
          else reject(new Error(`${method} ${path}: ${status} ${text.trim()}`));
        });
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer`)));
      outgoing.on('error', reject);
      outgoing.end(body ? JSON.stringify(body) : undefined);
    });
  return {
    call: async (method, path, body) => JSON.parse(await call(method, path, body)),
    ready: () =>
      call('GET', '/readyz').then(
        (text) => text === 'ok',
        () => false,
      ),
  };
}
