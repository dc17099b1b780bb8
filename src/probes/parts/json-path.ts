import type { Json } from '../../core/model.ts';

type Segment = { readonly key: string } | { readonly index: number } | { readonly all: true };

const segment =
  /\.([A-Za-z_$][\w$-]*)|\.?\[(-?\d+)\]|\.?\['((?:[^'\\]|\\.)*)'\]|\.?\["((?:[^"\\]|\\.)*)"\]|\.?\[\*\]|\.\*/y;

/**
 * A path into JSON: `$`, then any of `.name`, `['any name']`, `[0]`, `[-1]` (from the end), `[*]` or `.*` (each
 * element or value). A part of RFC 9535: no filters, no slices, no descent, nothing that is evaluated. Undefined: not one.
 */
export function parseJsonPath(text: string): readonly Segment[] | undefined {
  if (!text.startsWith('$')) return undefined;
  const found: Segment[] = [];
  segment.lastIndex = 1;
  while (segment.lastIndex < text.length) {
    const match = segment.exec(text);
    if (!match) return undefined;
    const quoted = match[3] ?? match[4];
    if (match[2] !== undefined) found.push({ index: Number(match[2]) });
    else if (quoted !== undefined) found.push({ key: quoted.replace(/\\(.)/g, '$1') });
    else if (match[1] !== undefined) found.push({ key: match[1] });
    else found.push({ all: true });
  }
  return found;
}

/** All values that `path` leads to, in document order; none when there is no such place. */
export function selectJson(value: Json, path: readonly Segment[]): readonly Json[] {
  return path.reduce<readonly Json[]>((values, part) => values.flatMap((each) => step(each, part)), [value]);
}

function step(value: Json, part: Segment): readonly Json[] {
  if (value === null || typeof value !== 'object') return [];
  if ('all' in part) return Array.isArray(value) ? value : Object.values(value);
  if ('index' in part) {
    const element = Array.isArray(value) ? value.at(part.index) : undefined;
    return element === undefined ? [] : [element as Json];
  }
  if (Array.isArray(value) || !Object.hasOwn(value, part.key)) return [];
  return [(value as { readonly [key: string]: Json })[part.key] as Json];
}
