import type { Door } from '../../spec/door.ts';

/** Lets documents of Chaos Mesh in, of any time. Small: what reads them is loaded when there is one. */
export const chaosMeshDoor: Door = {
  accepts: (apiVersion) => /^(chaos-mesh\.org|pingcap\.com)\//.test(apiVersion),
  load: async () => (await import('./front-door.ts')).readAtDoor,
};
