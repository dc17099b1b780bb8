import { ZashikiError } from '../../../core/errors.ts';
import type { Endpoint, Runtime, RuntimeId } from '../runtime.ts';

/** How each kind of engine is opened; loaded when first used. */
const runtimes: Readonly<Partial<Record<RuntimeId, (endpoint: Endpoint) => Promise<Runtime>>>> = {
  docker: async (endpoint) => (await import('./engine/index.ts')).openEngine(endpoint),
  containerd: async (endpoint) => (await import('./containerd/index.ts')).openContainerd(endpoint),
  podman: async (endpoint) => (await import('./engine/index.ts')).openEngine(endpoint),
};

/** Engines that this process talks to: negotiating the version each time would double the calls. */
const open = new Map<string, Promise<Runtime>>();

/** The engine at this address. Throws `not-supported` for a kind that is not known. */
export function runtimeAt(kind: RuntimeId, endpoint: Endpoint): Promise<Runtime> {
  const key = JSON.stringify([kind, endpoint]);
  const known = open.get(key);
  if (known) return known;
  const opener = runtimes[kind];
  if (!opener) {
    throw new ZashikiError('not-supported', `containers of ${kind} cannot be reached`, {
      hint: `write one of these as the runtime: ${Object.keys(runtimes).join(', ')}`,
    });
  }
  const opening = opener(endpoint);
  open.set(key, opening);
  // What could not be opened is tried again next time.
  opening.catch(() => open.delete(key));
  return opening;
}
