import { join } from 'node:path';
import type { TargetKind } from '../../scripts/docs/matrix.ts';
import type { JsonObject } from '../../src/core/model.ts';
import { seededRng } from '../../src/core/rng.ts';
import { recipes as onContainers } from '../crash/containers.ts';
import { recipes as onProcesses } from '../crash/specimens.ts';
import { proxyParams } from '../fixtures/proxy-target.ts';
import { recipeOf as onNetworks } from '../kill/recipes.ts';
import type { MadeTarget } from './targets.ts';

/** How a fault is tried on a target, or why there is nothing to try. */
export type Recipe =
  | { readonly params: JsonObject; readonly measured?: boolean; readonly program?: string }
  | { readonly never: string };

/** Those that leave nothing to be undone, which the crash tests therefore do not have. */
const oneShots: Readonly<Record<string, JsonObject>> = {
  'container-exec': { command: ['true'] },
  'container-kill': {},
  'container-remove': {},
  'container-start': {},
  'container-stop': { grace: '100ms' },
  'process-kill': {},
  'process-stop': { grace: '200ms' },
};

/** A container with one program has no files but that, and what is mounted. */
const withoutShell: Readonly<Record<string, (folder: string) => JsonObject>> = {
  'disk-fill': () => ({ path: '/' }),
  'file-corrupt': (folder) => ({ path: join(folder, 'data') }),
  'file-delete': (folder) => ({ path: join(folder, 'data') }),
  'file-permission': (folder) => ({ path: join(folder, 'data') }),
  'io-stress': () => ({ path: '/' }),
};

/** Whether the fault is for containers that do not run. */
export const wantsStopped = (fault: string): boolean => fault === 'container-start';

const programs: Readonly<Record<string, string>> = { stress: 'stress-ng' };

/** Small parameters for a fault on a target. Throws for a fault that has none: add it to where its neighbors are. */
export function recipeFor(fault: string, kind: TargetKind, on: Pick<MadeTarget, 'folder' | 'peer'>): Recipe {
  if (fault === 'container-exec' && kind === 'container-bare') return { never: 'there is no program to run in it' };
  const program = programs[fault];
  return { ...paramsFor(fault, kind, on), ...(program ? { program } : {}) };
}

function paramsFor(fault: string, kind: TargetKind, { folder, peer }: Pick<MadeTarget, 'folder' | 'peer'>) {
  const [rng, oneShot, proxy] = [seededRng(1, fault), oneShots[fault], proxyParams[fault]];
  if (oneShot) return { params: oneShot };
  if (proxy) return { params: proxy };
  if (fault.startsWith('network-')) {
    const { params, measured = true } = onNetworks(fault);
    return { params: { ...params, ...(measured && peer ? { probePeer: peer } : {}) } as JsonObject, measured };
  }
  if (kind === 'container' || kind === 'container-bare') {
    const params = onContainers[fault]?.(rng) ?? missing(fault, 'test/crash/containers.ts');
    const instead = kind === 'container-bare' ? withoutShell[fault]?.(folder) : {};
    return { params: { ...params, ...instead } };
  }
  return { params: (onProcesses[fault] ?? missing(fault, 'test/crash/specimens.ts'))(folder, rng).params };
}

function missing(fault: string, file: string): never {
  throw new Error(
    `no recipe for the fault ${fault}: add it to ${file}, or, if it cannot be undone, to test/matrix/recipes.ts`,
  );
}
