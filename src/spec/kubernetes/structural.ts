import { z } from 'zod';

/** A schema as the Kubernetes API server takes it: structural, OpenAPI v3. */
export type Structural = { readonly [key: string]: unknown };

interface Node {
  readonly [key: string]: unknown;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly allOf?: readonly Node[];
  readonly items?: Node;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly const?: unknown;
}

/** Anything: it is kept as it is, and read by who understands it. */
export const anything: Structural = { 'x-kubernetes-preserve-unknown-fields': true };

/** The structural schema of what a person may write for a zod schema. What it cannot say is let through. */
export function structural(schema: z.ZodType): Structural {
  const { $schema: _, ...root } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return convert(root as Node);
}

/** Without the values of `keywords` at any depth: `default` where the reader fills in, `description` to save room. */
export function without(schema: Structural, ...keywords: readonly ('default' | 'description')[]): Structural {
  const walk = (node: Structural): Structural =>
    Object.fromEntries(
      Object.entries(node)
        .filter(([key]) => !(keywords as readonly string[]).includes(key))
        .map(([key, value]) => {
          if (key === 'properties') {
            const parts = Object.entries(value as Readonly<Record<string, Structural>>);
            return [key, Object.fromEntries(parts.map(([name, part]) => [name, walk(part)]))];
          }
          return [key, key === 'items' || key === 'additionalProperties' ? walk(value as Structural) : value];
        }),
    );
  return walk(schema);
}

/** Keywords that mean the same in both. */
const kept = [
  ...['description', 'default', 'enum', 'pattern', 'minLength', 'maxLength', 'minItems', 'maxItems'],
  ...[
    'minProperties',
    'maxProperties',
    'multipleOf',
    'required',
    'x-kubernetes-validations',
    'x-kubernetes-preserve-unknown-fields',
  ],
];

function convert(node: Node): Structural {
  const variants = node.anyOf ?? node.oneOf;
  const about = pick(node, ['description', 'default']);
  if (variants) return { ...about, ...convertUnion(variants) };
  if (node.$ref !== undefined) return { ...about, ...anything };
  const own = { ...pick(node, kept), ...bounds(node), ...('const' in node ? { enum: [node.const] } : {}) };
  const type = node.type ?? ('const' in node ? typeof node.const : undefined);
  if (typeof type !== 'string') return { ...about, ...anything };
  switch (type) {
    case 'object':
      return { type, ...own, ...convertObject(node) };
    case 'array':
      return { type, ...own, items: node.items ? convert(node.items) : anything };
    case 'integer':
      return { type, format: 'int64', ...own };
    default:
      return { type, ...own, ...patterns(node.allOf) };
  }
}

function convertObject({ properties, additionalProperties }: Node): Structural {
  const entries = Object.entries(properties ?? {});
  if (entries.length > 0) {
    const open = typeof additionalProperties === 'object';
    return {
      ...(open ? anything : {}),
      properties: Object.fromEntries(entries.map(([key, part]) => [key, convert(part)])),
    };
  }
  return typeof additionalProperties === 'object' ? { additionalProperties: convert(additionalProperties) } : {};
}

/** A text or a whole number, something or null; any other choice is let through. */
function convertUnion(variants: readonly Node[]): Structural {
  const some = variants.filter(({ type }) => type !== 'null');
  const nullable = some.length < variants.length ? { nullable: true } : {};
  const [only] = some;
  if (only && some.length === 1) return { ...convert(only), ...nullable };
  const types = new Set(some.map(({ type }) => type));
  if (types.size === 2 && types.has('string') && types.has('integer')) {
    return { 'x-kubernetes-int-or-string': true, ...nullable };
  }
  return anything;
}

/** The bounds that zod gives to every whole number say nothing. */
function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Node): Structural {
  const says = (value: unknown): value is number =>
    typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  return {
    ...(says(minimum) ? { minimum } : {}),
    ...(says(maximum) ? { maximum } : {}),
    ...(says(exclusiveMinimum) ? { minimum: exclusiveMinimum, exclusiveMinimum: true } : {}),
    ...(says(exclusiveMaximum) ? { maximum: exclusiveMaximum, exclusiveMaximum: true } : {}),
  };
}

const patterns = (all: readonly Node[] | undefined): Structural =>
  all?.every(({ pattern }) => typeof pattern === 'string') ? { allOf: all.map(({ pattern }) => ({ pattern })) } : {};

const pick = (node: Node, keys: readonly string[]): Structural =>
  Object.fromEntries(keys.filter((key) => node[key] !== undefined).map((key) => [key, node[key]]));
