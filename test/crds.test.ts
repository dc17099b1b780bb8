import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { crdFiles, staleCrds } from '../scripts/gen-crds.ts';
import { acceptedSpec } from '../src/compat/chaos-mesh/kind.ts';
import { kinds } from '../src/compat/chaos-mesh/kinds/index.ts';

type Node = Readonly<Record<string, unknown>>;
const files = Object.entries(crdFiles()).map(([name, text]) => ({ name, text, crd: parse(text) }));
const schemaOf = (crd: { spec: { versions: { schema: { openAPIV3Schema: Node } }[] } }) =>
  crd.spec.versions[0]?.schema.openAPIV3Schema ?? {};

test('deploy/crds is what the sources say (else: npm run crds)', () => {
  expect(staleCrds()).toEqual([]);
});

test.each(files)('$name fits into the annotation of kubectl apply, and leaves room', ({ crd }) => {
  expect(JSON.stringify(crd).length).toBeLessThan(262_144 / 3);
});

test('all of them together do', () => {
  expect(files.reduce((sum, { crd }) => sum + JSON.stringify(crd).length, 0)).toBeLessThan(262_144);
});

/** Keywords that a structural schema may hold. */
const known = new Set([
  ...['type', 'format', 'description', 'default', 'enum', 'pattern', 'minLength', 'maxLength', 'minItems', 'maxItems'],
  ...['minProperties', 'maxProperties', 'multipleOf', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  ...['properties', 'additionalProperties', 'items', 'required', 'nullable', 'allOf', 'x-kubernetes-validations'],
  ...['x-kubernetes-int-or-string', 'x-kubernetes-map-type', 'x-kubernetes-preserve-unknown-fields'],
]);

function walk(node: Node, path: string, visit: (node: Node, path: string) => void): void {
  visit(node, path);
  for (const [key, part] of Object.entries((node.properties ?? {}) as Readonly<Record<string, Node>>))
    walk(part, `${path}.${key}`, visit);
  if (node.items) walk(node.items as Node, `${path}[]`, visit);
  if (node.additionalProperties) walk(node.additionalProperties as Node, `${path}{}`, visit);
}

test.each(files)('$name is structural', ({ crd }) => {
  const wrong: string[] = [];
  walk(schemaOf(crd), '', (node, path) => {
    const free = node['x-kubernetes-int-or-string'] === true || node['x-kubernetes-preserve-unknown-fields'] === true;
    if (typeof node.type !== 'string' && !free) wrong.push(`${path}: no type`);
    if (node['x-kubernetes-int-or-string'] && 'type' in node) wrong.push(`${path}: int-or-string with a type`);
    for (const key of Object.keys(node)) if (!known.has(key)) wrong.push(`${path}: ${key}`);
    if (node.properties && node.additionalProperties) wrong.push(`${path}: properties and additionalProperties`);
    for (const key of ['exclusiveMinimum', 'exclusiveMaximum']) {
      if (key in node && typeof node[key] !== 'boolean') wrong.push(`${path}: ${key}`);
    }
    if ('pattern' in node) new RegExp(String(node.pattern));
    const properties = Object.keys(node.properties ?? {});
    for (const key of (node.required ?? []) as string[])
      if (!properties.includes(key)) wrong.push(`${path}: required ${key}`);
  });
  expect(wrong).toEqual([]);
});

test('zashiki.dev has no defaults: the reader fills them in, where they belong', () => {
  for (const { name, crd } of files.filter(({ name: file }) => file.includes('zashiki.dev'))) {
    walk(schemaOf(crd), '', (node, path) => expect('default' in node, `${name}${path}`).toBe(false));
  }
});

describe('a document that is read is one that the API server takes', () => {
  const ajv = new Ajv({ strict: false, formats: { int64: true } });
  /** What AJV does not know: exclusive bounds as booleans, int-or-string, nullable without a type. */
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    if (value === null || typeof value !== 'object') return value;
    const {
      exclusiveMinimum: _,
      exclusiveMaximum: __,
      'x-kubernetes-validations': ___,
      ...rest
    } = value as Record<string, unknown>;
    const kept = Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, plain(item)]));
    if (kept['x-kubernetes-int-or-string'] === true) return { ...kept, type: ['integer', 'string'] };
    return kept;
  };
  const validators = new Map(
    files.map(({ crd }) => [`${crd.spec.group}/${crd.spec.names.kind}`, ajv.compile(plain(schemaOf(crd)) as object)]),
  );
  const folder = join(resolve(import.meta.dirname, '..'), 'src/compat/chaos-mesh/fixtures/valid');
  const documents = readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'utf8')
      .split(/^---\n/m)
      .map((text) => parse(text)),
  );

  test.each(documents)('$kind $metadata.name', (document) => {
    const validate = validators.get(`chaos-mesh.org/${document.kind}`);
    expect(validate?.(document), JSON.stringify(validate?.errors)).toBe(true);
  });

  test('what is not a kind of pods, networks and so on is refused by it, too', () => {
    const validate = validators.get('chaos-mesh.org/PodChaos');
    expect(validate?.({ spec: { action: 'pod-kil', mode: 'one', selector: {} } })).toBe(false);
    expect(validate?.({ spec: { mode: 'one', selector: {} } })).toBe(false);
  });
});

test('every field of a kind is a field of its definition: none is pruned', () => {
  for (const kind of kinds) {
    const file = files.find(({ crd }) => crd.spec.names.kind === kind.kind && crd.spec.group === 'chaos-mesh.org');
    const spec = (schemaOf(file?.crd).properties as Record<string, Node>).spec;
    expect(Object.keys(spec?.properties ?? {})).toEqual(Object.keys(acceptedSpec(kind).shape));
  }
});
