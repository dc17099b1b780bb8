import { pathToFileURL } from 'node:url';
import type { Transport } from '../../../remote/index.ts';
import { openClient } from '../client.ts';
import { agentTransport } from './transport.ts';

/** Questions to the agent on the node n1 of the cluster at a URL. */
export async function transportAt(server: string): Promise<Transport> {
  const { KubeConfig } = await import('../library.ts');
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server, skipTLSVerify: true }],
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  const client = openClient({ cluster: { files: ['/k'], context: 'x', server }, namespace: 'default', config });
  return agentTransport(client, { node: 'n1' });
}

// As a program: ask one thing.
const [, file = '', server = ''] = process.argv;
if (import.meta.url === pathToFileURL(file).href) {
  const transport = await transportAt(server);
  console.log(JSON.stringify(await transport('/v1/lease', { injections: [], lease: 1000 })));
}
