import { ZashikiError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { Catalogue, FaultPort, PlatformPort, ProbePort } from '../core/ports.ts';
import { faults } from '../faults/index.ts';
import { platforms } from '../platforms/index.ts';
import { probes } from '../probes/index.ts';
import { delegating } from './delegate.ts';
import { runRollback } from './rollback.ts';

/** All faults, platforms and probes of this build, found by id. */
export function openCatalogue(): Catalogue {
  const faultsById = new Map<string, FaultPort>(faults.map((fault) => [fault.id, delegating(fault as FaultPort)]));
  const probesById = new Map<string, ProbePort>(probes.map((probe) => [probe.id, probe as ProbePort]));
  return {
    fault: (id) => faultsById.get(id) ?? unknown('unknown-fault', 'fault', id, faultsById.keys()),
    probe: (id) => probesById.get(id) ?? unknown('document-invalid', 'probe', id, probesById.keys()),
    platform: async (id) => {
      const load = platforms[id] ?? unknown('unknown-platform', 'platform', id, Object.keys(platforms));
      return (await load()) as PlatformPort;
    },
    rollback: runRollback,
  };
}

function unknown(
  code: 'unknown-fault' | 'unknown-platform' | 'document-invalid',
  what: string,
  id: string,
  known: Iterable<string>,
): never {
  const names = [...known];
  const near = nearest(id, names);
  const hint = near ? `did you mean "${near}"?` : `known: ${names.join(', ')}`;
  throw new ZashikiError(code, `unknown ${what} "${id}"`, { hint });
}
