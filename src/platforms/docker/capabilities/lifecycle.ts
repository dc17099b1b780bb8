import type { LifecycleCapability } from '../../../capabilities/lifecycle.ts';
import type { ContainerIdentity } from '../identity.ts';
import type { Runtime } from '../runtime.ts';

/**
 * Start and end of one container, by its id alone: a container that was stopped, or that its runtime has started again
 * meanwhile, is still the one that a fault has to bring back.
 */
export function lifecycleCapability({ id }: ContainerIdentity, runtime: Runtime): LifecycleCapability {
  return {
    async state() {
      const seen = await runtime.inspect(id);
      return seen?.state ?? { status: 'gone', startedAt: '', exitCode: null, pid: null };
    },
    kill: (signal) => runtime.kill(id, signal),
    stop: (options) => runtime.stop(id, options),
    start: () => runtime.start(id),
    restart: ({ grace }) => runtime.restart(id, grace),
    pause: () => runtime.pause(id),
    unpause: () => runtime.unpause(id),
    remove: (options) => runtime.remove(id, options),
    async vanishes() {
      return (await runtime.inspect(id))?.vanishes ?? true;
    },
    blueprint: () => runtime.blueprint(id),
    recreate: (blueprint) => runtime.recreate(blueprint),
  };
}
