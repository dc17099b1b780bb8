/** Thrown in place of the call at which an inject is cut short. */
export class InjectCut extends Error {}

/**
 * Gives every object that passes through a shared count of calls: the first `calls` are let through, the next throws,
 * and so do all after it, as if the process had ended there.
 */
export function cutAfter(calls: number): <T extends object>(of: T) => T {
  let left = calls;
  return (of) =>
    new Proxy(of, {
      get(object, name, receiver) {
        const value: unknown = Reflect.get(object, name, receiver);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (name === 'mono' || name === 'now') return Reflect.apply(value, object, args);
          if (left-- <= 0) throw new InjectCut(`cut at ${String(name)}`);
          return Reflect.apply(value, object, args);
        };
      },
    });
}
