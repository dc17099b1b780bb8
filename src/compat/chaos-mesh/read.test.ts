import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { isError } from '../../core/errors.ts';
import { formatPath } from '../../spec/problem.ts';
import { isExperiment } from './document.ts';
import { methodOf } from './experiment.ts';
import { readChaos } from './read.ts';
import { toSchedule } from './schedule.ts';
import { planWorkflow } from './workflow/plan.ts';

const folder = join(import.meta.dirname, 'fixtures');

interface Fixture {
  readonly name: string;
  readonly value: unknown;
  /** What the comment before it expects: `# expect: path :: words`. */
  readonly expected: readonly [path: string, words: string] | undefined;
}

function fixturesOf(kind: 'valid' | 'broken'): readonly Fixture[] {
  return readdirSync(join(folder, kind)).flatMap((file) =>
    readFileSync(join(folder, kind, file), 'utf8')
      .split(/^---\n/m)
      .map((text, i) => {
        const comment = /^# expect: (\S+) :: (.+)$/m.exec(text);
        const expected = comment ? ([comment[1] ?? '', comment[2] ?? ''] as const) : undefined;
        return { name: `${file} ${i}: ${expected?.join(' ') ?? ''}`, value: parse(text), expected };
      }),
  );
}

const [valid, broken] = [fixturesOf('valid'), fixturesOf('broken')];

test('there are many of both', () => {
  expect(valid.length).toBeGreaterThanOrEqual(30);
  expect(broken.length).toBeGreaterThanOrEqual(100);
  expect(broken.filter(({ expected }) => expected === undefined)).toEqual([]);
});

describe('what is wrong is said once, by its path in the document, with the fix', () => {
  test.each(broken)('$name', ({ value, expected }) => {
    const { findings = [] } = readChaos(value);
    expect(findings.map(({ path, message }) => `${formatPath(path)} :: ${message}`)).toEqual([
      expect.stringContaining(`${expected?.[0]} :: `),
    ]);
    expect(findings[0]?.message).toContain(expected?.[1]);
    expect(formatPath(findings[0]?.path ?? [])).toBe(expected?.[0]);
  });
});

describe('what is sound is read', () => {
  test.each(valid)('$name $value.kind $value.metadata.name', ({ value }) => {
    const read = readChaos(value);
    expect(read.findings?.filter(({ code }) => code !== 'not-available') ?? []).toEqual([]);
    if (read.findings) return;
    // The form of v2 is a sound document itself, and reading it again changes nothing.
    for (const document of read.documents) {
      const again = readChaos(document);
      expect(again.findings).toBeUndefined();
      expect(again).toMatchObject({ documents: [document] });
    }
  });
});

const examples = join(import.meta.dirname, '../../../examples');
const ofChaosMesh = readdirSync(examples, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => [name, readFileSync(join(examples, name), 'utf8')] as const)
  .filter(([, text]) => text.includes('apiVersion: chaos-mesh.org/'));

test('there are examples', () => expect(ofChaosMesh.length).toBeGreaterThan(0));

test.each(ofChaosMesh)('the example %s is read', (_, text) => {
  expect(readChaos(parse(text)).findings ?? []).toEqual([]);
});

test('several faults of one document are all told', () => {
  const { findings = [] } = readChaos({
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'NetworkChaos',
    metadata: { name: 'Bad' },
    spec: { action: 'delay', mode: 'fixed', selector: {}, duration: '5', direction: 'from' },
  });
  expect(findings.map(({ path }) => formatPath(path)).sort()).toEqual([
    'metadata.name',
    'spec.delay',
    'spec.direction',
    'spec.duration',
    'spec.value',
  ]);
});

test.each([null, 5, 'text', [], {}, { apiVersion: 'chaos-mesh.org/v1alpha1' }])('%j is no document', (value) => {
  expect(readChaos(value).findings).toHaveLength(1);
});

describe('whatever is given, it is read or refused', () => {
  const junk = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('', '0', '-1', '1d', '@every 1m', 'Workflow', 'PodChaos', '9'.repeat(400)),
  );
  const paths = (value: unknown, at: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] =>
    value !== null && typeof value === 'object'
      ? [
          at,
          ...Object.entries(value).flatMap(([key, item]) =>
            paths(item, [...at, Array.isArray(value) ? Number(key) : key]),
          ),
        ]
      : [at];
  const put = (value: unknown, [key, ...rest]: readonly (string | number)[], what: unknown): unknown => {
    if (key === undefined) return what;
    const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
    copy[key] = put(copy[key], rest, what);
    return copy;
  };

  test('a sound document with one value replaced', () => {
    const changed = fc
      .constantFrom(...valid)
      .chain(({ value }) =>
        fc.tuple(fc.constant(value), fc.constantFrom(...paths(value)), junk).map(([of, at, what]) => put(of, at, what)),
      );
    fc.assert(
      fc.property(changed, (value) => {
        const read = readChaos(value);
        if (read.findings) {
          expect(read.findings.length).toBeGreaterThan(0);
          for (const { message } of read.findings) expect(message).not.toMatch(/^(Invalid|not valid)( input)?$/i);
          return;
        }
        for (const document of read.documents) {
          try {
            if (isExperiment(document)) methodOf(document);
            if (document.kind === 'Schedule') toSchedule(document);
            if (document.kind === 'Workflow') planWorkflow(document);
          } catch (error) {
            if (!isError(error, 'not-available')) throw error;
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
