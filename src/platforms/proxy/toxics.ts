import type { Toxic, ToxicsCapability } from '../../capabilities/toxics.ts';
import { ZashikiError } from '../../core/errors.ts';
import { isGone, type ProxyAnswer, type ProxyClient, type ToxicAnswer } from '../../proxy/client.ts';

/** Toxics over the HTTP API. What undoes goes by the names alone, so that a proxy that was moved is undone too. */
export function toxicsCapability(
  client: ProxyClient,
  pinned: Pick<ProxyAnswer, 'name' | 'listen' | 'upstream'>,
): ToxicsCapability {
  const { name } = pinned;
  const path = (...more: readonly string[]) => ['proxies', name, ...more];
  const look = () => orGone(client.proxy(name), name);
  /** For what does harm: it must be this very proxy. */
  const lookForIt = async () => {
    const now = await look();
    if (now.listen === pinned.listen || now.upstream === pinned.upstream) return now;
    throw gone(name, 'was replaced');
  };
  return {
    list: async () => (await look()).toxics.map(asToxic),
    async put(toxic, ttl) {
      const { name: own, type, stream, toxicity, attributes } = toxic;
      const there = (await lookForIt()).toxics.find((other) => other.name === own);
      const change = { toxicity, attributes, ...(ttl === null ? {} : { ttl }) };
      if (there && there.type === type && there.stream.toLowerCase() === stream) {
        await orGone(client.call('POST', path('toxics', own), change), name);
        return;
      }
      if (there) await removeIt(client, path('toxics', own));
      await orGone(client.call('POST', path('toxics'), { name: own, type, stream, ...change }), name);
    },
    async remove(own) {
      const there = (await look()).toxics.some((toxic) => toxic.name === own);
      if (there) await removeIt(client, path('toxics', own));
    },
    enabled: async () => (await look()).enabled,
    async setEnabled(enabled, ttl) {
      const now = await (enabled ? look() : lookForIt());
      if (now.enabled === enabled && ttl === null) return;
      // The older method: Toxiproxy before 2.6 knows no PATCH.
      await orGone(client.call('POST', path(), { enabled, ...(ttl === null ? {} : { ttl }) }), name);
    },
    address: async () => (await look()).listen,
  };
}

/** Of two that remove it, one is told that it is not there. */
async function removeIt(client: ProxyClient, path: readonly string[]): Promise<void> {
  try {
    await client.call('DELETE', path);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

async function orGone<T>(answer: Promise<T>, name: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw isGone(error) ? gone(name, 'is gone') : error;
  }
}

const gone = (name: string, what: string) => new ZashikiError('target-gone', `the proxy ${name} ${what}`, {});

const asToxic = ({ name, type, stream, toxicity, attributes }: ToxicAnswer): Toxic => ({
  ...{ name, type, toxicity, attributes },
  stream: stream.toLowerCase() === 'upstream' ? 'upstream' : 'downstream',
});
