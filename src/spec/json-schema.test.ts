import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { experimentJsonSchema } from './json-schema.ts';
import { formatProblems } from './problem.ts';
import { readDocuments, readValue } from './read.ts';

let valid: ValidateFunction;
beforeAll(async () => {
  // Formats say more than the reader does in places; the shape is what is compared here.
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  valid = ajv.compile(await experimentJsonSchema());
});

const root = resolve(import.meta.dirname, '../../examples');
const examples = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.ya?ml$/.test(name))
  // Those of Chaos Mesh have a reader of their own.
  .filter((name) => !readFileSync(join(root, name), 'utf8').includes('apiVersion: chaos-mesh.org/'));

describe('every example is valid for the schema and for the reader', () => {
  test('there are some', () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  test.each(examples)('%s', async (name) => {
    // The demo of the shop fills in the ports that it was given.
    const text = readFileSync(join(root, name), 'utf8').replaceAll(/\$\{\w+_PORT\}/g, '8080');
    const { documents, problems } = await readDocuments(text, name);
    expect(formatProblems(problems)).toBe('');
    const values = parseAllDocuments(text, { merge: true })
      .map((document) => document.toJS())
      .filter((value) => value !== null);
    expect(documents).toHaveLength(values.length);
    for (const value of values) expect(valid(value), JSON.stringify(valid.errors, null, 1)).toBe(true);
  });
});

const probe = { http: { url: 'http://127.0.0.1/' } };
const fault = { fault: 'process-kill', target: { host: { name: 'nginx' } } };
const experiment = (spec: object) => ({
  apiVersion: 'zashiki.dev/v1',
  kind: 'Experiment',
  metadata: { name: 'a' },
  spec: { method: [fault], ...spec },
});

describe('schema and reader agree', () => {
  test.each([
    experiment({}),
    experiment({ method: [{ ...fault, params: { signal: 'SIGTERM' } }] }),
    experiment({ method: [{ ...fault, mode: 'fixed', value: 1 }, { pause: '1s' }, { serial: [fault] }] }),
    experiment({ steadyStateHypothesis: [{ name: 'a', probe, tolerance: 200, during: { atLeast: '95%' } }] }),
    experiment({ stopWhen: [{ probe: { process: { name: 'nginx' } }, tolerance: { count: { min: 1 } } }] }),
    experiment({ guards: { window: { days: [1, 'Tue'] }, blastRadius: '50%', budget: { injections: 1, per: '1h' } } }),
    experiment({ rollbacks: [{ exec: { command: ['true'] } }, { http: { url: 'http://127.0.0.1/' } }] }),
    { ...experiment({}), kind: 'Schedule', spec: { schedule: { cron: '@daily' }, experiment: { method: [fault] } } },
  ])('that it is sound: %j', async (value) => {
    expect((await readValue(value)).problems).toEqual([]);
    expect(valid(value), JSON.stringify(valid.errors)).toBe(true);
  });

  test.each([
    experiment({ method: [] }),
    experiment({ sed: 1 }),
    experiment({ method: [{ ...fault, params: { signl: 'SIGTERM' } }] }),
    experiment({ method: [{ ...fault, fault: 'nope' }] }),
    experiment({ method: [{ ...fault, duration: '1s' }] }),
    experiment({ method: [{ ...fault, target: { host: {}, other: {} } }] }),
    experiment({ method: [{ ...fault, target: { host: { prt: 1 } } }] }),
    experiment({ method: [{ ...fault, pause: '1s' }] }),
    experiment({ method: [{ serial: [{}] }] }),
    experiment({ steadyStateHypothesis: [{ probe }] }),
    experiment({ steadyStateHypothesis: [{ name: 'a', probe: { http: {} } }] }),
    experiment({ steadyStateHypothesis: [{ name: 'a', probe: { tcp: {}, http: {} } }] }),
    experiment({ stopWhen: [{ probe: { process: { nme: 'nginx' } } }] }),
    experiment({ guards: { blastRadius: 0 } }),
    experiment({ rollbacks: [{}] }),
    { ...experiment({}), kind: 'Schedule', spec: { schedule: {}, experiment: { method: [fault] } } },
    { ...experiment({}), apiVersion: 'v1' },
  ])('that it is not: %j', async (value) => {
    expect((await readValue(value)).problems).not.toEqual([]);
    expect(valid(value)).toBe(false);
  });
});

test('a parent of the host selector may itself be a selector, at any depth', async () => {
  const value = experiment({ method: [{ ...fault, target: { host: { parent: { parent: { name: 'init' } } } } }] });
  expect((await readValue(value)).problems).toEqual([]);
  expect(valid(value), JSON.stringify(valid.errors)).toBe(true);
});

test('the schema is the same each time', async () => {
  expect(JSON.stringify(await experimentJsonSchema())).toBe(JSON.stringify(await experimentJsonSchema()));
});
