import { ZashikiError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/model.ts';
import { patternPrefix, patternProblem } from '../../core/pattern.ts';
import type { EngineSettings, Settings } from './settings.ts';

/** Which containers. */
export interface TargetWish {
  /** `nothing`: a pattern that cannot match, which was allowed. */
  readonly which: 'all' | 'nothing' | { readonly names: readonly string[] } | { readonly pattern: string };
  readonly labels: readonly string[];
}

/**
 * No argument: all. One: a name, or a pattern behind `re2:`. Several: names, of which none is a pattern. Names may also
 * be joined by commas. Throws `document-invalid` for a pattern that is not RE2.
 */
export function readTarget(given: readonly string[], settings: Settings): TargetWish {
  const { labels } = settings;
  const [first = ''] = given;
  if (given.length === 0) return { which: 'all', labels };
  if (given.length > 1 || !first.startsWith(patternPrefix)) {
    const names = given.flatMap((each) => (each.startsWith(patternPrefix) ? [each] : each.split(','))).filter(Boolean);
    if (names.length === 0) throw new ZashikiError('usage', 'the name of a container is empty');
    return { which: { names }, labels };
  }
  const problem = patternProblem(first);
  if (problem === undefined) return { which: { pattern: first.slice(patternPrefix.length) }, labels };
  if (settings.allowBadPattern) return { which: 'nothing', labels };
  throw new ZashikiError('document-invalid', `the pattern "${first}" is ${problem}`);
}

/** The selector of the docker platform for it. `helper`: the image that was asked for. */
export function selectorOf(
  { which, labels }: TargetWish,
  engine: EngineSettings,
  more: { readonly state?: 'all' | 'stopped' | undefined; readonly helper?: string | undefined } = {},
): JsonObject {
  return {
    ...engineSelector(engine),
    ...(typeof which === 'string'
      ? {}
      : 'pattern' in which
        ? { name: patternPrefix + which.pattern }
        : byName(which.names)),
    ...(labels.length > 0 ? { labels: Object.fromEntries(labels.map(keyAndValue)) } : {}),
    state: more.state ?? 'running',
    ...(more.helper ? { helperImage: more.helper } : {}),
  };
}

/** The part of a selector that says which engine. */
export function engineSelector({ runtime, endpoint, tls, namespace }: EngineSettings): JsonObject {
  const more = {
    ...(tls ? { ...files(tls), verify: tls.verify } : {}),
    ...(namespace === undefined ? {} : { namespace }),
  };
  return {
    ...(runtime === 'docker' ? {} : { runtime }),
    ...(endpoint === undefined ? {} : { engine: Object.keys(more).length > 0 ? { url: endpoint, ...more } : endpoint }),
  };
}

/** Our certificate counts only together with its key. */
function files({ ca, cert, key }: NonNullable<EngineSettings['tls']>): JsonObject {
  for (const [flag, value] of Object.entries({ '--tlscacert': ca, '--tlscert': cert, '--tlskey': key })) {
    if (value === '' || value.startsWith('/')) continue;
    throw new ZashikiError('usage', `${flag} is no whole path`, {
      hint: 'keys and certificates are kept in files: what undoes a fault later has to find them again',
    });
  }
  return { ...(ca === '' ? {} : { ca }), ...(cert === '' || key === '' ? {} : { cert, key }) };
}

const keyAndValue = (label: string): readonly [string, string] => {
  const at = label.indexOf('=');
  return at < 0 ? [label, ''] : [label.slice(0, at), label.slice(at + 1)];
};

/** The whole id, or as much of it as `docker ps` shows; a name of this form is written with a slash in front. */
const isId = (name: string) => /^[0-9a-f]{12,64}$/.test(name);

function byName(names: readonly string[]): JsonObject {
  const ids = names.filter(isId);
  if (ids.length > 0 && ids.length < names.length) return { nameOrId: names };
  const found = ids.length > 0 ? ids : names.map((name) => exactly(name.replace(/^\//, '')));
  return { [ids.length > 0 ? 'id' : 'name']: found.length === 1 ? (found[0] ?? '') : found };
}

/** Among several names, `re2:` begins a name like any other. */
const exactly = (name: string) =>
  name.startsWith(patternPrefix) ? `${patternPrefix}^${name.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')}$` : name;
