import type { JsonObject } from '../../src/core/model.ts';
import type { Rng } from '../../src/core/ports.ts';
import { openProxyClient } from '../../src/proxy/client.ts';
import { openProxyServer } from '../../src/proxy/server.ts';
import type { Specimen } from './specimens.ts';

/** Parameters that make each fault on a proxy quick. */
const recipes: Readonly<Record<string, JsonObject>> = {
  'proxy-bandwidth': { rate: 10 },
  'proxy-down': {},
  'proxy-latency': { latency: '20ms' },
  'proxy-limit-data': { bytes: 100 },
  'proxy-reset-peer': { stream: 'upstream' },
  'proxy-slicer': { averageSize: 10 },
  'proxy-slow-close': { delay: '20ms' },
  'proxy-timeout': { timeout: '50ms' },
};

/** Faults that have a recipe for proxies. */
export const proxyFaults: readonly string[] = Object.keys(recipes);

/** A proxy of a server in this process, with a toxic of somebody else on it, and a neighbor. */
export async function makeProxySpecimen(fault: string, rng: Rng): Promise<Specimen> {
  const params = recipes[fault];
  if (!params) throw new Error(`no proxy specimen for the fault ${fault}: add it to test/crash/proxies.ts`);
  const server = await openProxyServer({ port: 0 });
  const client = openProxyClient({ url: server.url });
  for (const name of ['victim', 'neighbor']) {
    await client.call('POST', ['proxies'], { name, listen: '127.0.0.1:0', upstream: '127.0.0.1:9' });
    const foreign = { name: 'theirs', type: 'latency', attributes: { latency: 5 } };
    await client.call('POST', ['proxies', name, 'toxics'], foreign);
  }
  const duration = rng.below(2) === 0 ? { duration: 30 + rng.below(60) } : {};
  return {
    fault,
    step: {
      ...{ kind: 'fault', fault, mode: 'one', resolve: 'plan', params, ...duration },
      target: { platform: 'proxy', selector: { url: server.url, name: 'victim' } },
    },
    snapshot: async () => JSON.parse(JSON.stringify(await client.proxies())) as unknown,
    end: () => server.close(),
  };
}
