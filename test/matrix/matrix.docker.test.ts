import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { paths, type TargetKind, targetKinds } from '../../scripts/docs/matrix.ts';
import { faults } from '../../src/faults/index.ts';
import { openEngine } from '../../src/sdk/engine.ts';
import { describeParams } from '../../src/spec/params.ts';
import { docker, unable } from '../fixtures/docker.ts';
import { recipeFor, wantsStopped } from './recipes.ts';
import { kernelClass, shownBefore, writeShown } from './record.ts';
import { foresee, runOnce } from './run.ts';
import { makePeer, makers } from './targets.ts';

// Two at a time: each is a runner, a reaper, and what the fault starts.
vi.setConfig({ maxConcurrency: 2 });

interface Cell {
  readonly fault: string;
  readonly kind: TargetKind;
  /** The way that is asked for, where there are several. */
  readonly via?: string;
}

const state = join(tmpdir(), `zashiki-matrix-state-${process.pid}`);
const engine = openEngine({ state });
const ways = new Map<string, readonly string[]>();
const shown = new Set<string>();
/** Cells that lack a program here, so that they cannot be asked for. */
const lacking = new Set<string>();
/** Try only this way of the faults on packets; what was shown of the rest is kept. */
const only = process.env.ZASHIKI_MATRIX_VIA;
const isAsked = ({ via }: Cell) => only === undefined || via === only;
const found = unable ? [] : await findCells();
const cells = found.filter(isAsked);
const nameOf = (cell: Cell) => Object.values(cell).join(' ');
/** Neither shown nor skipped so far. */
const untold = new Set(cells.map(nameOf));
let peer: Awaited<ReturnType<typeof makePeer>>;

describe.skipIf(unable)(`what works on what${unable ? `: skipped, ${unable}` : ''}`, () => {
  beforeAll(async () => {
    peer = await makePeer();
  });
  afterAll(async () => {
    await peer?.end();
    await rm(state, { recursive: true, force: true });
  });

  test('every fault of the catalogue is tried on something, but for those that only a cluster offers', () => {
    const tried = new Set(found.map(({ fault }) => fault));
    const inCluster = new Set(['pod', 'node', 'scale']);
    const untried = faults.filter(({ id, needs }) => !tried.has(id) && !needs.some((need) => inCluster.has(need)));
    expect(untried.map(({ id }) => id)).toEqual([]);
  });

  describe.concurrent('one run each', () => {
    const rows = cells.map((cell) => [nameOf(cell), cell] as const);
    test.for(rows)('%s', async ([name, { fault, kind, via }], context) => {
      const on = await makers[kind]({ peer: peer.address, stopped: wantsStopped(fault) });
      try {
        const recipe = recipeFor(fault, kind, on);
        if ('never' in recipe) {
          untold.delete(name);
          return context.skip(recipe.never);
        }
        const { params, measured = false, program } = recipe;
        if (program && !isInstalled(program)) {
          lacking.add(name);
          untold.delete(name);
          return context.skip(`needs ${program}`);
        }
        const { path, detail } = await runOnce(engine, fault, on, { ...params, ...(via ? { via } : {}) });
        if (via) expect(path).toBe(via);
        if (measured) expect(detail).not.toMatch(/not measured/);
        // Those that set the device have no ways to choose from.
        const way = path ?? (fault.startsWith('network-') ? 'device' : undefined);
        shown.add([fault, kind, ...(way ? [way] : [])].join(' '));
        untold.delete(name);
      } finally {
        await on.end();
      }
    });
  });

  test('what was shown before on such a kernel was shown again', async (context) => {
    const kernel = kernelClass();
    const before = shownBefore(kernel);
    if (process.env.ZASHIKI_MATRIX === 'write') {
      expect([...untold]).toEqual([]);
      const { Version } = await docker('GET', '/version');
      const kept = before?.filter((cell) => lacking.has(cell) || isLeftOut(cell)) ?? [];
      return writeShown(kernel, `Docker ${Version.split('.', 2).join('.')}`, [...shown, ...kept]);
    }
    if (!before) return context.skip(`no record of a kernel like this one: ${JSON.stringify(kernel)}`);
    const unseen = [...shown].filter((cell) => !before.includes(cell));
    if (unseen.length > 0) console.log(`new, write them down with ZASHIKI_MATRIX=write:\n${unseen.join('\n')}`);
    expect(before.filter((cell) => !shown.has(cell) && !lacking.has(cell) && !isLeftOut(cell))).toEqual([]);
  });
});

/** All that fits: what the target offers is what the fault needs, once for each way that this kernel offers. */
async function findCells(): Promise<readonly Cell[]> {
  const found: Cell[] = [];
  for (const kind of Object.keys(targetKinds) as TargetKind[]) {
    const on = await makers[kind]({});
    try {
      const platform = await engine.catalogue.platform(on.platform);
      const [target] = await platform.discover(platform.selector.parse(on.selector) as never);
      if (!target) throw new Error(`the platform ${on.platform} does not find ${JSON.stringify(on.selector)}`);
      const offers = platform.offers(target).filter((capability) => isTriedOn(kind, capability));
      for (const { id: fault, needs, params } of faults) {
        if (!needs.every((need: string) => offers.includes(need))) continue;
        if (!describeParams(params).some(({ name }) => name === 'via')) found.push({ fault, kind });
        else for (const via of await waysOf(fault)) found.push({ fault, kind, via });
      }
    } finally {
      await on.end();
    }
  }
  return found;
}

/** Networks are tried in namespaces of the test's own, and nothing else there: the rest is as with any process. */
function isTriedOn(kind: TargetKind, capability: string): boolean {
  if (kind === 'process-netns') return capability === 'netns';
  return capability !== 'netns' || (kind !== 'process' && kind !== 'machine');
}

/** The ways of a fault on packets that this kernel offers. */
async function waysOf(fault: string): Promise<readonly string[]> {
  const known = ways.get(fault);
  if (known) return known;
  const on = await makers['process-netns']({});
  try {
    const found: string[] = [];
    for (const via of paths.filter((path) => path !== 'device')) {
      const recipe = recipeFor(fault, 'process-netns', on);
      if ('params' in recipe && (await foresee(engine, fault, on, { ...recipe.params, via }))) found.push(via);
    }
    ways.set(fault, found);
    return found;
  } finally {
    await on.end();
  }
}

const isLeftOut = (cell: string) => only !== undefined && !cell.endsWith(` ${only}`);

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}
