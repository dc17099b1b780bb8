import type { Client } from './client.ts';
import type { InspectedContainer, ListedContainer } from './types.ts';

/** So many containers may be in a chain of `container:`; more than that is a circle. */
const longest = 16;

const connected = (mode: string | undefined): string | undefined =>
  mode?.startsWith('container:') ? mode.slice('container:'.length) : undefined;

/** In whose network a container works. */
export interface NetworkPlace {
  /** In that of the machine; also said when that cannot be told, since the one that has it was removed. */
  readonly ofMachine: boolean;
  /** The whole id of the container that has it, when that is another one. */
  readonly holder?: string;
}

/** Follow `container:` from one container to the next, until one has a network of its own, or the machine's. */
export async function networkPlace(
  seen: InspectedContainer,
  inspect: (id: string) => Promise<InspectedContainer | undefined>,
): Promise<NetworkPlace> {
  let at = seen;
  for (let steps = 0; steps < longest; steps++) {
    const next = connected(at.HostConfig.NetworkMode);
    if (next === undefined) {
      const ofMachine = at.HostConfig.NetworkMode === 'host';
      return at === seen ? { ofMachine } : { ofMachine, holder: at.Id };
    }
    const found = await inspect(next);
    if (!found) return { ofMachine: true, ...(/^[0-9a-f]{64}$/.test(next) ? { holder: next } : {}) };
    at = found;
  }
  return { ofMachine: true };
}

/** Running containers that were started in the network of any of these, whatever has become of them since; and these. */
export async function networkSharers(client: Client, ids: readonly string[]): Promise<readonly ListedContainer[]> {
  const listed = await client.call<ListedContainer[]>('GET', '/containers/json');
  const known = new Set(ids);
  for (let before = -1; before !== known.size; ) {
    before = known.size;
    for (const { Id, HostConfig } of listed) {
      const next = connected(HostConfig?.NetworkMode);
      if (next === undefined) continue;
      const named = listed.find(({ Names }) => Names?.includes(`/${next.replace(/^\//, '')}`))?.Id ?? next;
      if ([...known].some((id) => id === named || (named.length >= 12 && id.startsWith(named)))) known.add(Id);
    }
  }
  return listed.filter(({ Id }) => known.has(Id));
}
