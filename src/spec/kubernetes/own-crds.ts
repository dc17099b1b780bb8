import { z } from 'zod';
import { ExecFields, GuardsFields, HttpFields, HypothesisFields, Seed, Span, StopFields } from '../fields.ts';
import { ScheduleFields, timings } from '../schedule.ts';
import { ModeField, ResolveField, StepName } from '../steps.ts';
import { crd } from './crd.ts';
import { structural, without } from './structural.ts';

const One = z.record(z.string(), z.unknown());
const probe = { probe: One.describe('One probe and its parameters.'), tolerance: z.unknown().optional() };
const deep = z.unknown().optional();

/** Groups hold steps again, which a structural schema cannot say: what is in them is read by the operator. */
const Step = z.object({
  name: StepName.optional(),
  fault: z.string().optional().describe('An entry of the catalogue.'),
  target: One.optional().describe('One platform and its selector.'),
  mode: ModeField.optional(),
  value: z.union([z.int(), z.string()]).optional(),
  params: One.optional().describe('Parameters of the fault.'),
  duration: Span.optional().describe('How long it stays on.'),
  resolve: ResolveField.optional(),
  pause: Span.optional().describe('Wait.'),
  serial: z.array(z.unknown()).optional().describe('Steps one after the other.'),
  parallel: z.array(z.unknown()).optional().describe('Steps all at one time.'),
  when: deep.describe('The step runs only if this holds.'),
});

const ExperimentSpec = z.object({
  description: z.string().optional(),
  seed: Seed.optional(),
  steadyStateHypothesis: z.array(HypothesisFields.extend(probe)).optional().describe('What must stay true.'),
  method: z.array(Step).min(1).describe('What is done, in order.'),
  rollbacks: z
    .array(z.object({ name: z.string().optional(), exec: ExecFields.optional(), http: HttpFields.optional() }))
    .optional()
    .describe('Your own clean-up, run after all faults are recovered.'),
  guards: GuardsFields.optional(),
  stopWhen: z
    .array(StopFields.extend(probe))
    .optional()
    .describe('Any of these out of tolerance ends the run at once.'),
});

const Timing = z.object(Object.fromEntries(Object.entries(timings).map(([key, schema]) => [key, schema.optional()])));

const ScheduleSpec = ScheduleFields.extend({
  schedule: Timing.describe('When a run is due: exactly one of these.'),
  experiment: ExperimentSpec.describe('The spec of an experiment.'),
});

const own = { group: 'zashiki.dev', version: 'v1' };
const age = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' } as const;
const column = (name: string, jsonPath: string) => ({ name, type: 'string', jsonPath }) as const;

/** The kinds of zashiki.dev as Kubernetes knows them. */
export const ownCrds = (): readonly Readonly<Record<string, unknown>>[] => [
  crd({
    ...own,
    ...{
      kind: 'Experiment',
      plural: 'experiments',
      summary: 'What must stay true, what is done, and how far it may go.',
    },
    spec: without(structural(ExperimentSpec), 'default'),
    columns: [
      column('Running', '.status.conditions[?(@.type=="Running")].status'),
      column('Outcome', '.status.zashiki.outcome'),
      age,
    ],
  }),
  crd({
    ...own,
    ...{ kind: 'Schedule', plural: 'schedules', summary: 'An experiment that is run again and again.' },
    spec: {
      ...without(structural(ScheduleSpec), 'default'),
      'x-kubernetes-validations': [
        {
          rule: `[${Object.keys(timings)
            .map((key) => `has(self.schedule.${key})`)
            .join(', ')}].filter(x, x).size() == 1`,
          message: `schedule needs exactly one of ${Object.keys(timings).join(', ')}`,
        },
      ],
    },
    columns: [
      { name: 'Last', type: 'date', jsonPath: '.status.time' },
      { name: 'Suspended', type: 'boolean', jsonPath: '.spec.suspend' },
      age,
    ],
  }),
];
