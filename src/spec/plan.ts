import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import type { Plan } from '../core/model.ts';
import { planHash } from '../core/plan.ts';
import { examine } from './explain.ts';
import { formatPath } from './problem.ts';

const text = z.string();
const count = z.int().min(0);
const json = z.record(text, z.unknown());
const milliseconds = z.number().min(0);
const probe = z.strictObject({ id: text, params: json });
const tolerance = z.unknown();
const metadata = z.strictObject({
  name: text,
  labels: z.record(text, text).optional(),
  annotations: z.record(text, text).optional(),
});
const base = { name: text.optional(), when: z.strictObject({ probe, tolerance }).optional() };
const target = z.strictObject({ platform: text, selector: json });
const resolve = z.enum(['plan', 'step']);

const faultStep = z.strictObject({
  kind: z.literal('fault'),
  fault: text,
  target,
  mode: z.enum(['one', 'all', 'fixed', 'fixed-percent', 'random-max-percent']),
  value: z.number().min(0).optional(),
  params: json,
  duration: milliseconds.optional(),
  resolve,
  reselect: z.boolean().optional(),
  ...base,
});
const pauseStep = z.strictObject({ kind: z.literal('pause'), pause: milliseconds, ...base });
const groupStep: z.ZodType = z.strictObject({
  kind: z.enum(['serial', 'parallel']),
  steps: z.array(z.lazy(() => step)),
  ...base,
});
const step: z.ZodType = z.union([faultStep, pauseStep, groupStep]);

const window = z.strictObject({
  days: z.array(z.int().min(0).max(6)),
  from: z.int().min(0).max(1439),
  to: z.int().min(0).max(1439),
  timezone: text.optional(),
  holidays: z.array(text),
});
const guards = z.strictObject({
  blastRadius: z.union([z.strictObject({ count }), z.strictObject({ percent: z.number().min(0).max(100) })]).optional(),
  window: window.optional(),
  minInterval: milliseconds.optional(),
  budget: z.strictObject({ injections: count, per: milliseconds }).optional(),
  environment: text.optional(),
  protect: z.array(text).optional(),
});
const experimentSpec = z.strictObject({
  description: text.optional(),
  seed: count.optional(),
  steadyStateHypothesis: z.array(
    z.strictObject({
      name: text,
      probe,
      tolerance,
      every: milliseconds,
      during: z.strictObject({ atLeast: z.number().min(0).max(1) }).optional(),
      recoversWithin: milliseconds,
    }),
  ),
  method: z.array(step),
  rollbacks: z.array(
    z.strictObject({ name: text, action: z.strictObject({ id: z.enum(['exec', 'http']), params: json }) }),
  ),
  guards,
  stopWhen: z.array(z.strictObject({ name: text, probe, tolerance, every: milliseconds })),
});
const version = z.literal('zashiki.dev/v1');
const targetRef = z.strictObject({ platform: text, id: text, name: text, identity: json, about: text.optional() });

/** A plan as `zashiki plan --out` writes it: the core's own form, not what a person writes. */
const PlanFields = z.strictObject({
  apiVersion: version,
  kind: z.literal('Plan'),
  experiment: z.strictObject({ apiVersion: version, kind: z.literal('Experiment'), metadata, spec: experimentSpec }),
  seed: count,
  steps: z.array(
    z.strictObject({
      path: text,
      fault: text,
      candidates: count,
      victims: z.array(targetRef),
      spared: z.array(z.strictObject({ reason: text, count })),
      resolve,
      how: text.optional(),
    }),
  ),
  hash: text.regex(/^[0-9a-f]{64}$/, 'not a sha256 in hex'),
});

/**
 * Read a plan file. Throws `plan-invalid` when it is not a plan of this version, or when its hash does not fit: then
 * it was changed after it was made.
 */
export function readPlan(content: string, file: string): Plan {
  const again = 'make a new one with `zashiki plan FILE --out plan.json`';
  const fail = (why: string, cause?: unknown) =>
    new ZashikiError('plan-invalid', `${file}: ${why}`, { hint: again, ...(cause ? { cause } : {}) });
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    if (/^["']?kind["']?:\s*["']?Experiment\b/m.test(content)) throw isExperiment(file);
    throw fail(`not JSON: ${(cause as Error).message}`, cause);
  }
  const { kind } = (value ?? {}) as { kind?: unknown };
  if (kind === 'Experiment') throw isExperiment(file);
  if (kind === 'Schedule') throw fail(`this is a document of kind ${kind}, not a plan`);
  const { findings } = examine(PlanFields, value);
  if (findings.length > 0) {
    const lines = findings.slice(0, 10).map(({ path, message }) => `${formatPath(path) || 'the file'}: ${message}`);
    throw fail(`not a plan of this version\n  ${lines.join('\n  ')}`);
  }
  // The value itself, not the parser's copy: the hash is over exactly what stands in the file.
  const plan = value as Plan;
  const hash = planHash(plan);
  if (hash !== plan.hash)
    throw fail(`the plan was changed after it was made (hash ${hash.slice(0, 12)}…, not ${plan.hash.slice(0, 12)}…)`);
  return plan;
}

const isExperiment = (file: string) =>
  new ZashikiError('plan-invalid', `${file}: this is an experiment: use zashiki run`, {
    hint: 'or make a plan of it with `zashiki plan FILE --out plan.json`',
  });
