import { parseDuration } from '../../core/duration.ts';
import { ZashikiError } from '../../core/errors.ts';
import { compilePattern, patternPrefix } from '../../core/pattern.ts';
import type { Query, Summary } from './runtime.ts';
import type { DockerSelector } from './selector.ts';

const list = <T>(given: T | readonly T[] | undefined): readonly T[] =>
  given === undefined ? [] : Array.isArray(given) ? given : [given as T];
const idsOf = ({ id }: DockerSelector): readonly string[] => list<string | number>(id).map(String);
const eitherOf = ({ nameOrId }: DockerSelector): readonly string[] => list(nameOrId);
const isPlain = (text: string) => !text.startsWith(patternPrefix);
const bare = (name: string) => name.replace(/^\//, '');

const composeLabels = { project: 'com.docker.compose.project', service: 'com.docker.compose.service' } as const;

/** All labels that a selector asks for, those of Compose too. */
function labelsOf({ labels, compose }: DockerSelector): readonly (readonly [string, string])[] {
  const ofCompose = (['project', 'service'] as const).flatMap((key) => {
    const value = compose?.[key];
    return value === undefined ? [] : [[composeLabels[key], value] as const];
  });
  return [...Object.entries(labels ?? {}), ...ofCompose];
}

/** What of a selector the engine can filter by itself; the rest is up to `compileSelector`. */
export function queryOf(selector: DockerSelector): Query {
  const { state = 'running' } = selector;
  const names = list(selector.name);
  const networks = list(selector.network);
  // Ids are asked for alone: whether a beginning is that of one container only must not depend on the other keys.
  const alone = (selector.id ?? selector.nameOrId) !== undefined;
  return {
    all: alone || !['running', 'paused', 'restarting'].includes(state),
    // The engine answers nothing at all for a beginning that is not unique.
    ids: idsOf(selector).every((id) => id.length === 64) ? idsOf(selector) : [],
    names: !alone && names.every(isPlain) ? names.map(bare) : [],
    labels: alone
      ? []
      : labelsOf(selector).map(([key, value]) => (value !== '' && isPlain(value) ? `${key}=${value}` : key)),
    health: !alone && selector.health ? [selector.health] : [],
    networks: !alone && networks.every(isPlain) ? networks : [],
  };
}

/** Whether a listed container is meant. Age is not seen in a list: see `compileAge`. */
export function compileSelector(selector: DockerSelector): (found: Summary) => boolean {
  const tests: ((found: Summary) => boolean)[] = [];
  const anyOf = (given: string | readonly string[]) => {
    const each = list(given).map(compilePattern);
    return (text: string) => each.some((fits) => fits(text));
  };
  const { name, id, nameOrId, image, network, health, state = 'running' } = selector;
  if (id !== undefined) tests.push((found) => idsOf(selector).some((part) => found.id.startsWith(part)));
  if (nameOrId !== undefined) tests.push((found) => eitherOf(selector).some((each) => isNamed(found, each)));
  if (name !== undefined) {
    // An expression is tried with the slash, which old command lines anchor to, and without.
    const fits = anyOf(list(name).map((each) => (isPlain(each) ? bare(each) : each)));
    tests.push((found) => fits(found.name) || fits(`/${found.name}`));
  }
  if (image !== undefined) {
    const fits = anyOf(image);
    tests.push((found) => imageNames(found.image).some(fits));
  }
  for (const [key, value] of labelsOf(selector)) {
    const fits = value === '' ? () => true : compilePattern(value);
    tests.push(({ labels }) => Object.hasOwn(labels, key) && fits(labels[key] ?? ''));
  }
  if (network !== undefined) {
    const fits = anyOf(network);
    tests.push(({ networks }) => networks.some(fits));
  }
  if (health !== undefined) tests.push((found) => found.health === health);
  if (state !== 'all') {
    const wanted = state === 'running' ? ['running', 'paused'] : state === 'stopped' ? ['exited', 'created'] : [state];
    tests.push(({ status }) => wanted.includes(status));
  }
  return (found) => tests.every((test) => test(found));
}

/** By its name, or by as much of its id as `docker ps` shows. */
const isNamed = ({ id, name }: Summary, given: string): boolean =>
  name === bare(given) || (/^[0-9a-f]{12,64}$/.test(given) && id.startsWith(given));

/** `nginx`, `nginx:latest` and `docker.io/library/nginx` are one image; an id is only itself. */
function imageNames(image: string): readonly string[] {
  const short = image.replace(/^docker\.io\/(library\/)?/, '').replace(/^localhost\//, '');
  const both = [image, short];
  const tagged = (name: string) => /[:@]/.test(name.slice(name.lastIndexOf('/') + 1));
  return [
    ...new Set(
      both.flatMap((name) => (tagged(name) ? [name, name.replace(/:latest$/, '')] : [name, `${name}:latest`])),
    ),
  ];
}

/** Whether its age fits; a container that was never started has none. */
export function compileAge({ minAge, maxAge }: DockerSelector, now: number): (startedMs: number | null) => boolean {
  if (minAge === undefined && maxAge === undefined) return () => true;
  const least = parseDuration(minAge?.trim() ?? '0s') ?? 0;
  const most = maxAge === undefined ? Number.POSITIVE_INFINITY : (parseDuration(maxAge.trim()) ?? 0);
  return (startedMs) => startedMs !== null && now - startedMs >= least && now - startedMs <= most;
}

/** Throws `usage` when the beginning of an id is that of several containers. */
export function requireUnique(selector: DockerSelector, found: readonly Summary[]): void {
  const asked = [
    ...idsOf(selector).map((part) => ({ part, fits: found.filter((each) => each.id.startsWith(part)) })),
    ...eitherOf(selector).map((part) => ({ part, fits: found.filter((each) => isNamed(each, part)) })),
  ];
  for (const { part, fits } of asked) {
    if (fits.length < 2 || fits.some((each) => each.id === part)) continue;
    const names = fits.map((each) => `${each.id.slice(0, Math.max(12, part.length + 1))} (${each.name})`);
    throw new ZashikiError(
      'usage',
      `the id "${part}" is the beginning of ${fits.length} containers: ${names.join(', ')}`,
      {
        hint: 'write more of it',
      },
    );
  }
}
