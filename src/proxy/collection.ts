import { problems } from './problem.ts';
import { createProxy, type FaultProxy, type ProxyInput, type ProxySettings } from './proxy.ts';

/** All proxies of a server. */
export interface Collection {
  /** In the order of their names. */
  all(): readonly FaultProxy[];
  get(name: string): FaultProxy;
  add(name: string, input: ProxyInput): Promise<FaultProxy>;
  /** Untouched when one of this name listens and connects to the same; else it takes its place. */
  addOrReplace(name: string, input: ProxyInput): Promise<FaultProxy>;
  remove(name: string): Promise<void>;
  /** Every proxy enabled, every toxic off. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export function createCollection(settings: ProxySettings): Collection {
  const proxies = new Map<string, FaultProxy>();
  let queue: Promise<unknown> = Promise.resolve();
  function serial<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work);
    queue = result.catch(() => {});
    return result;
  }
  const get = (name: string): FaultProxy => {
    const proxy = proxies.get(name);
    if (!proxy) throw problems.proxyNotFound();
    return proxy;
  };
  const all = () => [...proxies.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

  async function begin(name: string, input: ProxyInput): Promise<FaultProxy> {
    const proxy = createProxy(name, input, settings);
    if (input.enabled) await proxy.start();
    else if (input.ttl) await proxy.update(input);
    proxies.set(name, proxy);
    return proxy;
  }

  return {
    all,
    get,
    add: (name, input) =>
      serial(async () => {
        if (proxies.has(name)) throw problems.proxyExists();
        return await begin(name, input);
      }),
    addOrReplace: (name, input) =>
      serial(async () => {
        const existing = proxies.get(name);
        if (existing) {
          if (!(await existing.differs(input))) return existing;
          await existing.stop();
        }
        return await begin(name, input);
      }),
    remove: (name) =>
      serial(async () => {
        await get(name).stop();
        proxies.delete(name);
      }),
    reset: () =>
      serial(async () => {
        for (const proxy of all()) {
          await proxy.start();
          await proxy.reset();
        }
      }),
    close: () => serial(async () => void (await Promise.all(all().map((proxy) => proxy.stop())))),
  };
}
