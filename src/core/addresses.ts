import { ZashikiError } from './errors.ts';
import type { JsonObject } from './model.ts';
import type { Catalogue } from './ports.ts';

/**
 * The IP addresses of all targets that match a selector, each once, sorted. Throws `not-supported` for a platform
 * whose targets have none.
 */
export function addressesIn(catalogue: Catalogue) {
  return async (platformId: string, selector: JsonObject): Promise<readonly string[]> => {
    const platform = await catalogue.platform(platformId);
    const { addresses } = platform;
    if (!addresses) {
      throw new ZashikiError('not-supported', `targets of the platform ${platformId} have no addresses of their own`, {
        hint: 'name the peers by address, CIDR or host name',
      });
    }
    const targets = await platform.discover(platform.selector.parse(selector) as never);
    const found = await Promise.all(targets.map((target) => addresses.call(platform, target)));
    return [...new Set(found.flat())].sort();
  };
}
