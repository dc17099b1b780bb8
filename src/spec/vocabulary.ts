import type { AnyFault } from '../faults/fault.ts';
import { faults } from '../faults/index.ts';
import { platforms } from '../platforms/index.ts';
import type { AnyPlatform } from '../platforms/platform.ts';
import { probes } from '../probes/index.ts';
import type { AnyProbe } from '../probes/probe.ts';
import type { Door } from './door.ts';

/** Everything that a document can name. Platforms are loaded when first named. */
export interface Registries {
  readonly faults: readonly AnyFault[];
  readonly probes: readonly AnyProbe[];
  readonly platforms: Readonly<Record<string, () => Promise<AnyPlatform>>>;
  /** Ways in for other tools' documents. */
  readonly doors?: readonly Door[];
}

/** The registries of this build. */
export const registries: Registries = { faults, probes, platforms };

/** The registries as the reader needs them: by id, and with the platforms at hand that the document names. */
export interface Vocabulary {
  readonly faults: ReadonlyMap<string, AnyFault>;
  readonly probes: ReadonlyMap<string, AnyProbe>;
  readonly platforms: ReadonlyMap<string, AnyPlatform>;
  readonly platformIds: readonly string[];
}

/** Load the platforms of `wanted` that exist; all of them when it is absent. */
export async function loadVocabulary(from: Registries = registries, wanted?: ReadonlySet<string>): Promise<Vocabulary> {
  const platformIds = Object.keys(from.platforms);
  const loaded = await Promise.all(
    platformIds.filter((id) => wanted?.has(id) ?? true).map(async (id) => [id, await from.platforms[id]?.()] as const),
  );
  return {
    faults: new Map(from.faults.map((fault) => [fault.id, fault])),
    probes: new Map(from.probes.map((probe) => [probe.id, probe])),
    platforms: new Map(loaded.filter((entry): entry is readonly [string, AnyPlatform] => entry[1] !== undefined)),
    platformIds,
  };
}

/** The platforms that a document may name: all keys below any `target`, and those whose selectors its probes use. */
export function namedPlatforms(value: unknown, from: Registries, found = new Set<string>()): ReadonlySet<string> {
  if (Array.isArray(value)) for (const item of value) namedPlatforms(item, from, found);
  else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      const inside = item !== null && typeof item === 'object' ? Object.keys(item) : [];
      if (key === 'target') for (const id of inside) found.add(id);
      if (key === 'probe') {
        for (const { id, selects } of from.probes) if (selects !== undefined && inside.includes(id)) found.add(selects);
      }
      namedPlatforms(item, from, found);
    }
  }
  return found;
}
