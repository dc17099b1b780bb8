import type { Catalogue } from '../../src/core/ports.ts';

/** The same catalogue; `moment` is called before and after each call of a fault, a handle, or a rollback. */
export function watchedCatalogue(real: Catalogue, moment: () => void): Catalogue {
  const watched = <T extends object>(thing: T): T =>
    new Proxy(thing, {
      get(object, key) {
        const value: unknown = Reflect.get(object, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          moment();
          const result: unknown = value.apply(object, args);
          if (!(result instanceof Promise)) {
            moment();
            return result;
          }
          return result.then((settled) => {
            moment();
            return settled;
          });
        };
      },
    });
  const handles = (on: unknown) =>
    Object.fromEntries(Object.entries(on as object).map(([name, capability]) => [name, watched(capability as object)]));
  const platform = (thing: object) =>
    new Proxy(thing, {
      get(object, key) {
        const value: unknown = Reflect.get(object, key);
        if (key === 'attach') return async (target: never) => handles(await (value as (t: never) => unknown)(target));
        return value;
      },
    });
  return {
    ...real,
    fault: (id) => watched(real.fault(id)),
    platform: async (id) => platform(await real.platform(id)) as Awaited<ReturnType<Catalogue['platform']>>,
    rollback: async (...args) => {
      moment();
      const result = await real.rollback(...args);
      moment();
      return result;
    },
  };
}
