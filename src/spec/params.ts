import { z } from 'zod';

/** One parameter of a schema, for tables and help. */
export interface ParamDescription {
  /** A map's own parameters follow it as `map.key`, those of a list's entries as `list[].key`. */
  readonly name: string;
  /** For people: `duration`, `number`, `one of a, b`. */
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly description: string;
}

interface Node {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly allOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly required?: readonly string[];
}

/** Name of the row for a value that is written alone, instead of a map. */
export const shortForm = '(short form)';

/**
 * The parameters of a schema in their input form, in the order in which they are declared. A schema that also takes
 * a single value instead of a map gets a row `(short form)`.
 */
export function describeParams(schema: z.ZodType): readonly ParamDescription[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node;
  const maps = variants(root).filter((node) => node.properties);
  const alone = variants(root).filter((node) => !node.properties);
  const rows = maps.flatMap((node) => rowsOf(node, ''));
  if (alone.length === 0) return rows;
  if (rows.length === 0 && alone.every((node) => Object.keys(node).every((key) => key === '$schema'))) return [];
  const type = [...new Set(alone.map(typeName))].join(' or ');
  const fallback = root.default === undefined || rows.length > 0 ? {} : { default: root.default };
  const description = root.description ?? '';
  return [...rows, { name: shortForm, type, required: false, ...fallback, description }];
}

const variants = (node: Node): readonly Node[] => (node.anyOf ?? node.oneOf)?.flatMap(variants) ?? [node];

function rowsOf(node: Node, prefix: string): readonly ParamDescription[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, part]) => {
    const name = `${prefix}${key}`;
    const row = {
      name,
      type: typeName(part),
      required: node.required?.includes(key) ?? false,
      ...(part.default === undefined ? {} : { default: part.default }),
      description: part.description ?? '',
    };
    const inside = variants(part).flatMap((variant) => [
      ...rowsOf(variant, `${name}.`),
      ...(variant.items ? variants(variant.items).flatMap((item) => rowsOf(item, `${name}[].`)) : []),
    ]);
    // One or several of the same: the keys are told once.
    const known = new Set<string>();
    const first = (each: ParamDescription) => {
      const key = each.name.slice(name.length).replace('[]', '');
      return !known.has(key) && known.add(key);
    };
    return [row, ...inside.filter(first)];
  });
}

const words: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  boolean: 'true or false',
  object: 'map',
  null: 'null',
};

function typeName(node: Node): string {
  if (node.$ref) return node.$ref === '#' ? 'map, as here' : 'any JSON';
  if (node.title) return node.title;
  if (node.enum) return `one of ${node.enum.join(', ')}`;
  if (node.const !== undefined) return JSON.stringify(node.const);
  const branches = (node.anyOf ?? node.oneOf)?.filter((branch) => branch.const !== '');
  if (branches) return [...new Set(branches.map(typeName))].join(' or ');
  if (node.allOf?.[0]) return typeName(node.allOf[0]);
  if (node.type === 'array') return `list of ${node.items ? plural(typeName(node.items)) : 'anything'}`;
  if (node.type === 'object' && typeof node.additionalProperties === 'object' && !node.properties) {
    return `map of ${plural(typeName(node.additionalProperties))}`;
  }
  const types = [node.type ?? 'anything'].flat() as readonly string[];
  return types.map((type) => words[type] ?? type).join(' or ');
}

const plural = (type: string) => (/^[a-z ]*(text|number|duration|map|pattern)$/.test(type) ? `${type}s` : type);
