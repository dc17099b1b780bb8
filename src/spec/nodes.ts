import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type YAMLMap,
  type Document as YamlDocument,
} from 'yaml';
import type { Json } from '../core/model.ts';
import { type Path, show } from './problem.ts';

/** Where each part of a document stands in the text: offsets of values and of their keys. */
export interface Places {
  readonly at: number;
  readonly key?: number | undefined;
  readonly children: ReadonlyMap<string | number, Places>;
}

const limits = { nodes: 100_000, depth: 64 };

/** Where problems are put: the sentence, the offset in the text, the path in the document. */
export type Report = (message: string, offset: number, path: Path) => void;

/** The document as JSON, with aliases and merge keys (`<<`) expanded. What JSON cannot say is reported, and null. */
export function toJson(document: YamlDocument.Parsed, report: Report): { value: Json; places: Places } {
  let nodes = 0;
  let stopped = false;
  const open = new Set<Node>();

  const stop = (message: string, at: number, path: Path) => {
    if (!stopped) report(message, at, path);
    stopped = true;
  };

  const convert = (node: Node | null, path: Path, key?: number): { value: Json; places: Places } => {
    const at = node?.range?.[0] ?? key ?? 0;
    const leaf = (value: Json) => ({ value, places: { at, key, children: new Map() } });
    if (stopped || node === null) return leaf(null);
    if (++nodes > limits.nodes) stop(`too many values: at most ${limits.nodes}, aliases counted in full`, at, path);
    else if (path.length > limits.depth) stop(`nested deeper than ${limits.depth} levels`, at, path);
    if (stopped) return leaf(null);
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (!target) {
        report(`unknown alias *${node.source}: define it above with &${node.source}`, at, path);
        return leaf(null);
      }
      if (open.has(target)) {
        stop(`the alias *${node.source} contains itself`, at, path);
        return leaf(null);
      }
      const { value, places } = convert(target, path, key);
      return { value, places: { at, key, children: places.children } };
    }
    if (isMap(node) || isSeq(node)) {
      open.add(node);
      const made = isMap(node) ? convertMap(node, path, at, key) : convertList(node.items as Node[], path, at, key);
      open.delete(node);
      return made;
    }
    return leaf(isScalar(node) ? scalar(node.value, at, path) : null);
  };

  const scalar = (value: unknown, at: number, path: Path): Json => {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      report(`must be a finite number, not ${value}`, at, path);
      return null;
    }
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as Json;
    if (value === undefined) return null;
    report(`a value of this kind cannot be used here: ${show(value)}`, at, path);
    return null;
  };

  const convertList = (items: readonly (Node | null)[], path: Path, at: number, key?: number) => {
    const made = items.map((item, i) => convert(item, [...path, i]));
    const children = new Map<string | number, Places>(made.map(({ places }, i) => [i, places]));
    return { value: made.map(({ value }) => value), places: { at, key, children } };
  };

  const convertMap = (map: YAMLMap, path: Path, at: number, key?: number) => {
    const entries = new Map<string, Json>();
    const children = new Map<string | number, Places>();
    const merged: { value: Json; places: Places }[] = [];
    for (const pair of map.items as Pair<Node | null, Node | null>[]) {
      const keyAt = pair.key?.range?.[0] ?? at;
      const name = isAlias(pair.key) ? pair.key.resolve(document) : pair.key;
      if (name !== null && !isScalar(name)) {
        report('a key must be a text', keyAt, path);
        continue;
      }
      const text = String(name?.value ?? '');
      const made = convert(pair.value, [...path, text], keyAt);
      if (text === '<<' && name?.type === 'PLAIN') merged.push(made);
      else if (entries.has(text)) report(`the key "${text}" is given twice: keep one of them`, keyAt, [...path, text]);
      else {
        entries.set(text, made.value);
        children.set(text, made.places);
      }
    }
    for (const { value, places } of merged) mergeInto(entries, children, value, places, path, report);
    return { value: Object.fromEntries(entries), places: { at, key, children } };
  };

  return convert(document.contents as Node | null, []);
}

/** YAML's merge key: the entries of one map, or of several, where the map has none of its own. */
function mergeInto(
  entries: Map<string, Json>,
  children: Map<string | number, Places>,
  value: Json,
  places: Places,
  path: Path,
  report: Report,
): void {
  if (Array.isArray(value)) {
    value.forEach((item: Json, i) => {
      mergeInto(entries, children, item, places.children.get(i) ?? places, path, report);
    });
  } else if (value !== null && typeof value === 'object') {
    for (const [name, item] of Object.entries(value)) {
      if (entries.has(name)) continue;
      entries.set(name, item);
      const place = places.children.get(name);
      if (place) children.set(name, place);
    }
  } else report(`<< needs a map, not ${show(value)}`, places.at, path);
}
