import { ZashikiError } from '../../core/errors.ts';
import type { Target, TargetRef } from '../../core/model.ts';
import { compilePattern } from '../../core/pattern.ts';
import {
  defaultUrl,
  isGone,
  normalUrl,
  openProxyClient,
  type ProxyAnswer,
  type ProxyClient,
} from '../../proxy/client.ts';
import { definePlatform } from '../platform.ts';
import { ProxySelector } from './selector.ts';
import { toxicsCapability } from './toxics.ts';

/** Proxies of a running `zashiki proxy` or Toxiproxy (v2), found by its URL and ordered by name. */
export default definePlatform({
  id: 'proxy',
  summary: 'Proxies of a running `zashiki proxy` or Toxiproxy.',
  selector: ProxySelector,
  capabilities: ['toxics'],
  async discover(selector, signal) {
    signal?.throwIfAborted();
    const client = openClient(urlOf(selector), signal);
    const wanted = (['name', 'listen', 'upstream'] as const).flatMap((key) => {
      const given = selector[key];
      const tests = [given ?? []].flat().map(compilePattern);
      return tests.length > 0 ? [(proxy: ProxyAnswer) => tests.some((test) => test(proxy[key]))] : [];
    });
    const found = (await client.proxies()).filter((proxy) => wanted.every((test) => test(proxy)));
    return found.map((proxy) => asTarget(proxy, client.url)).sort((a, b) => (a.id < b.id ? -1 : 1));
  },
  offers: () => ['toxics'],
  async check(target) {
    const { url, name, listen, upstream } = pinned(target);
    try {
      const now = await openClient(url).proxy(name);
      // One that moved but still leads to the same, or leads elsewhere from the same place, is still this one.
      return now.listen === listen || now.upstream === upstream ? 'same' : 'gone';
    } catch (error) {
      if (isGone(error)) return 'gone';
      throw error;
    }
  },
  async spare() {
    return null;
  },
  async attach(target) {
    const { url, name, listen, upstream } = pinned(target);
    return { toxics: toxicsCapability(openClient(url), { name, listen, upstream }) };
  },
});

function openClient(url: string, signal?: AbortSignal): ProxyClient {
  return openProxyClient({ url, token: process.env.ZASHIKI_PROXY_TOKEN || undefined, signal });
}

const urlOf = (selector: ProxySelector): string =>
  selector.url ?? (process.env.ZASHIKI_PROXY_URL || process.env.TOXIPROXY_URL || defaultUrl);

function asTarget({ name, listen, upstream, enabled, toxics }: ProxyAnswer, url: string): Target {
  const state = enabled ? (toxics.length === 1 ? '1 toxic' : `${toxics.length} toxics`) : 'disabled';
  return {
    platform: 'proxy',
    id: `${url}/proxies/${encodeURIComponent(name)}`,
    name,
    identity: { url, name, listen, upstream },
    about: `${listen} to ${upstream}, ${state}`.slice(0, 120),
    labels: {},
  };
}

/** What pins a proxy. Throws `plan-invalid` for an identity that is none. */
function pinned({ name: shown, identity }: TargetRef) {
  const text = (key: string): string => {
    const value = identity[key];
    if (typeof value === 'string' && value !== '') return value;
    throw new ZashikiError('plan-invalid', `the target ${shown} has no ${key}`, { hint: 'make the plan anew' });
  };
  return { url: normalUrl(text('url')), name: text('name'), listen: text('listen'), upstream: text('upstream') };
}
