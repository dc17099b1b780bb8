import { z } from 'zod';
import { Duration } from '../core/fields.ts';
import type { FaultStep, JsonObject, Mode, Step, TargetSpec } from '../core/model.ts';
import type { AnyFault } from '../faults/fault.ts';
import type { AnyPlatform } from '../platforms/platform.ts';
import { asList, asMap, check, type Desk, listed, onlyKeys, unknownName } from './desk.ts';
import { Span } from './fields.ts';
import { type ProbeUse, readProbeUse } from './probe-use.ts';
import { type Path, show } from './problem.ts';

type Entries = Readonly<Record<string, unknown>>;

const kinds = ['fault', 'pause', 'serial', 'parallel'] as const;
const common = ['name', 'when'] as const;

/** Keys of a fault step. */
export const faultStepKeys = [
  'fault',
  'target',
  'mode',
  'value',
  'params',
  'duration',
  'resolve',
  'reselect',
  ...common,
] as const;

export const StepName = z.string().min(1).describe('For the report.');
export const ModeField = z
  .enum(['one', 'all', 'fixed', 'fixed-percent', 'random-max-percent'])
  .default('one')
  .describe('How many of the candidates become victims.');
export const ResolveField = z
  .enum(['plan', 'step'])
  .default('plan')
  .describe('plan: victims are pinned in the plan. step: chosen when the step begins.');

export const ReselectField = z
  .boolean()
  .describe('true: while the fault is on, new targets that match are hit, too, as far as mode and blast radius allow.');

/** Read a list of steps. Undefined entries had problems. */
export function readSteps(desk: Desk, given: unknown, path: Path): readonly Step[] {
  const items = asList(desk, given, path, 'a list of steps') ?? [];
  return items.map((item, i) => readStep(desk, item, [...path, i])).filter((step) => step !== undefined);
}

function readStep(desk: Desk, given: unknown, path: Path): Step | undefined {
  const step = asMap(desk, given, path, 'a step: a map with fault, pause, serial or parallel');
  if (!step) return undefined;
  const found = kinds.filter((kind) => kind in step);
  const [kind] = found;
  if (found.length > 1) {
    desk.add(path, `a step does one thing, and this one has ${found.join(' and ')}: make them steps of their own`);
    return undefined;
  }
  if (kind === undefined) return kindMissing(desk, step, path);
  const base = readBase(desk, step, path);
  if (kind === 'fault') return readFaultStep(desk, step, base, path);
  onlyKeys(desk, step, [kind, ...common], path);
  if (kind === 'pause') {
    const pause = check(desk, Duration, step.pause, [...path, 'pause']);
    return pause === undefined ? undefined : { kind, pause, ...base };
  }
  const before = desk.count();
  const steps = readSteps(desk, step[kind] ?? [], [...path, kind]);
  if (steps.length === 0 && desk.count() === before) desk.add([...path, kind], 'needs at least one step');
  return { kind, steps, ...base };
}

/** No word of a kind is there: most likely one is misspelled. */
function kindMissing(desk: Desk, step: Entries, path: Path): undefined {
  const before = desk.count();
  onlyKeys(desk, step, [...new Set([...kinds, ...faultStepKeys])], path);
  if (desk.count() === before) desk.add(path, 'missing: a step needs one of fault, pause, serial or parallel');
}

function readBase(desk: Desk, step: Entries, path: Path): { name?: string; when?: ProbeUse } {
  const name = step.name === undefined ? undefined : check(desk, StepName, step.name, [...path, 'name']);
  let when: ProbeUse | undefined;
  if (step.when !== undefined) {
    const map = asMap(desk, step.when, [...path, 'when'], 'a map with probe and tolerance');
    if (map) {
      onlyKeys(desk, map, ['probe', 'tolerance'], [...path, 'when']);
      when = readProbeUse(desk, map, [...path, 'when']);
    }
  }
  return { ...(name === undefined ? {} : { name }), ...(when ? { when } : {}) };
}

function readFaultStep(desk: Desk, step: Entries, base: object, path: Path): FaultStep | undefined {
  const before = desk.count();
  onlyKeys(desk, step, faultStepKeys, path);
  const fault = readFault(desk, step, path);
  const target = readTarget(desk, step.target, fault, [...path, 'target']);
  const mode = check(desk, ModeField, step.mode, [...path, 'mode']);
  const value = mode && readValue(desk, mode, step.value, path);
  const params = step.params ?? {};
  if (fault) check(desk, fault.params, params, [...path, 'params']);
  const duration = readDuration(desk, step.duration, fault, [...path, 'duration']);
  const resolve = check(desk, ResolveField, step.resolve, [...path, 'resolve']);
  const reselect = readReselect(desk, step, [...path, 'reselect']);
  if (desk.count() > before || !fault || !target || !mode || !resolve) return undefined;
  return {
    kind: 'fault',
    fault: fault.id,
    target,
    mode,
    ...(value === undefined ? {} : { value }),
    params: params as JsonObject,
    ...(duration === undefined ? {} : { duration }),
    resolve,
    ...(reselect ? { reselect } : {}),
    ...base,
  };
}

function readFault(desk: Desk, step: Entries, path: Path): AnyFault | undefined {
  const { faults } = desk.vocabulary;
  const at = [...path, 'fault'];
  if (typeof step.fault !== 'string') {
    desk.add(at, `must be the name of a fault, not ${show(step.fault)}; known: ${listed([...faults.keys()])}`);
    return undefined;
  }
  const fault = faults.get(step.fault);
  if (!fault) desk.add(at, unknownName('fault', step.fault, faults.keys()));
  return fault;
}

function readTarget(desk: Desk, given: unknown, fault: AnyFault | undefined, path: Path): TargetSpec | undefined {
  const { platformIds, platforms } = desk.vocabulary;
  const target = asMap(desk, given, path, `a map with one platform (${listed(platformIds)}) and its selector`);
  if (!target) return undefined;
  const ids = Object.keys(target);
  const [id] = ids;
  if (id === undefined || ids.length > 1) {
    desk.add(
      path,
      `needs exactly one platform, and has ${id === undefined ? 'none' : ids.join(' and ')}; known: ${listed(platformIds)}`,
    );
    return undefined;
  }
  const platform = platforms.get(id);
  if (!platform) {
    desk.add([...path, id], unknownName('platform', id, platformIds), 'key');
    return undefined;
  }
  if (fault) checkOffer(desk, fault, platform, [...path, id]);
  const selector = target[id] ?? {};
  check(desk, platform.selector, selector, [...path, id]);
  return { platform: id, selector: selector as JsonObject };
}

/** Does some target of the platform offer all that the fault needs? */
function checkOffer(desk: Desk, fault: AnyFault, platform: AnyPlatform, path: Path): void {
  const lacking = fault.needs.filter((need) => !platform.capabilities.includes(need));
  if (lacking.length === 0) return;
  const fitting = [...desk.vocabulary.faults.values()]
    .filter(({ needs }) => needs.every((need) => platform.capabilities.includes(need)))
    .map(({ id }) => id);
  desk.add(
    path,
    `${fault.id} needs ${lacking.map((need) => `"${need}"`).join(' and ')}, which ${platform.id} does not offer; faults for ${platform.id}: ${listed(fitting)}`,
    'key',
  );
}

/** `value` must be there exactly when the mode counts with it. */
function readValue(desk: Desk, mode: Mode, given: unknown, path: Path): number | undefined {
  const at = [...path, 'value'];
  if (mode === 'one' || mode === 'all') {
    if (given !== undefined)
      desk.add(at, `mode ${mode} takes no value: remove it, or choose mode fixed or fixed-percent`, 'key');
    return undefined;
  }
  if (given === undefined) {
    desk.add(
      at,
      mode === 'fixed'
        ? 'missing: mode fixed needs how many, a whole number from 1'
        : `missing: mode ${mode} needs a percentage from 0 to 100`,
    );
    return undefined;
  }
  if (mode === 'fixed') {
    if (typeof given === 'number' && Number.isSafeInteger(given) && given >= 1) return given;
    desk.add(at, `mode fixed needs a whole number from 1, not ${show(given)}`);
    return undefined;
  }
  const percent = typeof given === 'string' && /^\d+(\.\d+)?%$/.test(given) ? Number(given.slice(0, -1)) : given;
  if (typeof percent === 'number' && percent >= 0 && percent <= 100) return percent;
  desk.add(at, `mode ${mode} needs a percentage from 0 to 100, not ${show(given)}`);
  return undefined;
}

function readDuration(desk: Desk, given: unknown, fault: AnyFault | undefined, path: Path): number | undefined {
  if (given === undefined) return undefined;
  if (fault && !fault.reversible) {
    desk.add(path, `${fault.id} is over at once, so it has no duration: remove it (${fault.undoneBy})`, 'key');
    return undefined;
  }
  return check(desk, Span, given, path);
}

/** New targets are looked for as long as the fault is on, so it has to be said how long that is. */
function readReselect(desk: Desk, { reselect: given, duration }: Entries, path: Path): boolean | undefined {
  if (given === undefined) return undefined;
  const reselect = check(desk, ReselectField, given, path);
  if (reselect && duration === undefined)
    desk.add(path, 'needs a duration: new targets are looked for as long as the fault is on');
  return reselect;
}
