import type { Injection } from './record.ts';
import type { ResourceStatus } from './resource.ts';

/** etcd takes 1.5 MiB in one request; document, names and what is still to be written of what is on need room as well. */
const most = 1_200_000;
/** What an injection may need when none is there to go by. */
const usual = 3000;

/**
 * How many more injections fit into the status of a resource. What does not fit must not be begun: its undo record could
 * not be written.
 */
export function roomIn(status: ResourceStatus | undefined, begun: readonly Injection[]): number {
  const bytes = sizeOf(status);
  const each = begun.length > 0 ? (sizeOf(begun) / begun.length) * 1.25 : usual;
  return Math.max(0, Math.floor((most - bytes) / each));
}

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value ?? null));

/** Why the rest waits. */
export const isFull = (begun: number, all: number): string =>
  `the status of this resource is full: ${begun} of ${all} targets have their turn; make several resources of it`;
