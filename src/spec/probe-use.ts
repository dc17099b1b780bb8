import type { Json, JsonObject, ProbeSpec } from '../core/model.ts';
import { asMap, check, type Desk, listed, unknownName } from './desk.ts';
import type { Path } from './problem.ts';

/** A probe and the tolerance that its readings are held against. */
export interface ProbeUse {
  readonly probe: ProbeSpec;
  readonly tolerance: Json;
}

/**
 * Read `probe` and `tolerance` of a map. Both are kept as they were written; the probe's own schemas read them again
 * at use. A tolerance that was not given is null.
 */
export function readProbeUse(desk: Desk, map: Readonly<Record<string, unknown>>, path: Path): ProbeUse | undefined {
  const { probes } = desk.vocabulary;
  const at = [...path, 'probe'];
  const named = asMap(desk, map.probe, at, `a map with one probe (${listed([...probes.keys()])})`);
  if (!named) return undefined;
  const ids = Object.keys(named);
  const [id] = ids;
  if (id === undefined || ids.length > 1) {
    desk.add(
      at,
      `needs exactly one probe, ${id === undefined ? 'and has none' : `and has ${ids.join(' and ')}`}; known: ${listed([...probes.keys()])}`,
    );
    return undefined;
  }
  const probe = probes.get(id);
  if (!probe) {
    desk.add([...at, id], unknownName('probe', id, probes.keys()), 'key');
    return undefined;
  }
  const params = named[id] ?? {};
  const before = desk.count();
  check(desk, probe.params, params, [...at, id]);
  const selected = probe.selects === undefined ? undefined : desk.vocabulary.platforms.get(probe.selects);
  if (selected && desk.count() === before) check(desk, selected.selector, params, [...at, id]);
  check(desk, probe.tolerance, map.tolerance ?? undefined, [...path, 'tolerance']);
  return { probe: { id, params: params as JsonObject }, tolerance: (map.tolerance ?? null) as Json };
}
