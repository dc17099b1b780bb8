import { z } from 'zod';
import type { AnyFault } from '../faults/fault.ts';
import type { AnyPlatform } from '../platforms/platform.ts';
import type { AnyProbe } from '../probes/probe.ts';
import {
  ExecFields,
  GuardsFields,
  HttpFields,
  HypothesisFields,
  MetadataFields,
  Seed,
  Span,
  StopFields,
} from './fields.ts';
import { ScheduleFields, timings } from './schedule.ts';
import { ModeField, ReselectField, ResolveField, StepName } from './steps.ts';
import { loadVocabulary, type Registries, registries, type Vocabulary } from './vocabulary.ts';

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [key: string]: unknown };

/**
 * JSON Schema (draft 2020-12) of all documents, for editors: parameters are completed by fault and by probe, targets
 * by platform. What only the reader can say (a regular expression, a time zone) is left to it.
 */
export async function experimentJsonSchema(from: Registries = registries): Promise<JsonSchema> {
  const vocabulary = await loadVocabulary(from);
  const definitions: Record<string, JsonSchema> = {};
  const define = (name: string, schema: z.ZodType): JsonSchema => {
    definitions[name] = local(inputSchema(schema), name);
    return { $ref: `#/$defs/${name}` };
  };
  const withProbe = probeVariants(vocabulary, define);
  const step = { $ref: '#/$defs/step' };
  const base = {
    name: inputSchema(StepName),
    when: { description: 'The step runs only if this holds.', $ref: '#/$defs/when' },
  };
  definitions.when = withProbe({}, ['probe']);
  const steps = { type: 'array', minItems: 1, items: step };
  definitions.step = {
    oneOf: [
      ...[...vocabulary.faults.values()].map((fault) => faultStep(fault, vocabulary, define, base)),
      closed({ pause: { description: 'Wait.', ...inputSchema(Span) }, ...base }, ['pause']),
      closed({ serial: { description: 'Steps one after the other.', ...steps }, ...base }, ['serial']),
      closed({ parallel: { description: 'Steps all at one time.', ...steps }, ...base }, ['parallel']),
    ],
  };
  definitions.experimentSpec = experimentSpec(withProbe, steps);
  const metadata = define('metadata', MetadataFields);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Zashiki documents',
    type: 'object',
    oneOf: [
      document('Experiment', metadata, { $ref: '#/$defs/experimentSpec' }),
      document('Schedule', metadata, scheduleSpec()),
    ],
    $defs: definitions,
  };
}

type Define = (name: string, schema: z.ZodType) => JsonSchema;
type Properties = Readonly<Record<string, unknown>>;

/** What a person may write for a schema: defaults are optional, transforms are seen from before. */
export function inputSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}

const closed = (properties: Properties, required: readonly string[]): JsonSchema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const document = (kind: string, metadata: JsonSchema, spec: JsonSchema): JsonSchema =>
  closed({ apiVersion: { const: 'zashiki.dev/v1' }, kind: { const: kind }, metadata, spec }, [
    'apiVersion',
    'kind',
    'metadata',
    'spec',
  ]);

/** References inside a schema that was made on its own now point below `$defs/name`. */
function local(schema: JsonSchema, name: string): JsonSchema {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        const reference = key === '$ref' && typeof item === 'string' && item.startsWith('#');
        return [key, reference ? `#/$defs/${name}${item.slice(1)}` : walk(item)];
      }),
    );
  };
  return walk(schema) as JsonSchema;
}

/** A map that holds `probe` and `tolerance` besides other keys: one variant for each probe. */
function probeVariants({ probes, platforms }: Vocabulary, define: Define) {
  const paramsOf = ({ id, params, selects }: AnyProbe) => {
    const platform = platforms.get(selects ?? '');
    return platform ? define(`target.${platform.id}`, platform.selector) : define(`probe.${id}`, params);
  };
  const uses = [...probes.values()].map((probe) => ({
    id: probe.id,
    params: { description: probe.summary, ...paramsOf(probe) },
    tolerance: { description: 'What a reading is held against.', ...define(`tolerance.${probe.id}`, probe.tolerance) },
  }));
  return (others: Properties, required: readonly string[]): JsonSchema => ({
    oneOf: uses.map(({ id, params, tolerance }) =>
      closed({ ...others, probe: closed({ [id]: params }, [id]), tolerance }, required),
    ),
  });
}

function faultStep(fault: AnyFault, { platforms }: Vocabulary, define: Define, base: Properties): JsonSchema {
  const fits = (platform: AnyPlatform) => fault.needs.every((need) => platform.capabilities.includes(need));
  const targets = [...platforms.values()]
    .filter(fits)
    .map(({ id, summary, selector }) =>
      closed({ [id]: { description: summary, ...define(`target.${id}`, selector) } }, [id]),
    );
  const params = inputSchema(fault.params);
  const needsParams = Array.isArray(params.required) && params.required.length > 0;
  return closed(
    {
      fault: { const: fault.id, description: fault.summary },
      target: { description: 'Where the candidates are looked for.', oneOf: targets },
      mode: inputSchema(ModeField),
      value: {
        description: 'How many, for mode fixed; a percentage for fixed-percent and random-max-percent.',
        anyOf: [
          { type: 'number', minimum: 0 },
          { type: 'string', pattern: '^\\d+(\\.\\d+)?%$' },
        ],
      },
      params: define(`fault.${fault.id}`, fault.params),
      ...(fault.reversible ? { duration: { description: 'How long it stays on.', ...inputSchema(Span) } } : {}),
      resolve: inputSchema(ResolveField),
      reselect: inputSchema(ReselectField),
      ...base,
    },
    ['fault', 'target', ...(needsParams ? ['params'] : [])],
  );
}

function experimentSpec(withProbe: ReturnType<typeof probeVariants>, steps: JsonSchema): JsonSchema {
  const hypothesis = inputSchema(HypothesisFields).properties as Properties;
  const stop = inputSchema(StopFields).properties as Properties;
  const name = { type: 'string', minLength: 1 };
  return closed(
    {
      description: { type: 'string' },
      seed: inputSchema(Seed),
      steadyStateHypothesis: {
        description: 'What must stay true. Checked before, during and after.',
        type: 'array',
        items: withProbe(hypothesis, ['name', 'probe']),
      },
      method: { description: 'What is done, in order.', ...steps },
      rollbacks: {
        description: 'Your own clean-up, run after all faults are recovered.',
        type: 'array',
        items: {
          oneOf: [
            closed({ name, exec: inputSchema(ExecFields) }, ['exec']),
            closed({ name, http: inputSchema(HttpFields) }, ['http']),
          ],
        },
      },
      guards: inputSchema(GuardsFields),
      stopWhen: {
        description: 'Any of these out of tolerance ends the run at once.',
        type: 'array',
        items: withProbe(stop, ['probe']),
      },
    },
    ['method'],
  );
}

function scheduleSpec(): JsonSchema {
  const timing = Object.entries(timings).map(([key, schema]) => closed({ [key]: inputSchema(schema) }, [key]));
  const fields = inputSchema(ScheduleFields).properties as Properties;
  return closed(
    {
      schedule: { description: 'When a run is due.', oneOf: timing },
      ...fields,
      experiment: { $ref: '#/$defs/experimentSpec' },
    },
    ['schedule', 'experiment'],
  );
}
