import { z } from 'zod';
import {
  ExecFields,
  GuardsFields,
  HttpFields,
  HypothesisFields,
  MetadataFields,
  Seed,
  Span,
  StopFields,
} from '../../src/spec/fields.ts';
import { describeParams, type ParamDescription } from '../../src/spec/params.ts';
import { ScheduleFields, timings } from '../../src/spec/schedule.ts';
import { ModeField, ResolveField, StepName } from '../../src/spec/steps.ts';
import { block, generated, page, paramTable } from './markdown.ts';

const row = (name: string, type: string, description: string, required = false): ParamDescription => ({
  name,
  type,
  required,
  description,
});

const probeRows = [
  row('probe', 'map', 'One probe and its parameters: see [probes](probes.md).', true),
  row('tolerance', 'by probe', 'What a reading is held against: see [probes](probes.md).'),
];

const specRows = [
  row('description', 'text', 'For people.'),
  ...describeParams(z.object({ seed: Seed.optional() })),
  row('steadyStateHypothesis', 'list of hypotheses', 'What must stay true. Without any, the run is marked unverified.'),
  row('method', 'list of steps', 'What is done, in order. At least one step.', true),
  row(
    'rollbacks',
    'list of rollbacks',
    'Your own clean-up, run after all faults are recovered, whenever the method began.',
  ),
  row('guards', 'map', 'What may refuse the run.'),
  row('stopWhen', 'list of stop conditions', 'Any of these out of tolerance ends the run at once.'),
];

const faultRows = [
  row('fault', 'name', 'An entry of the [catalogue](faults.md).', true),
  row('target', 'map', 'One platform and its selector: see [targets](targets.md).', true),
  ...describeParams(z.object({ mode: ModeField })),
  row('value', 'number', 'How many, for mode `fixed`; a percentage for the percent modes.'),
  row('params', 'by fault', 'Parameters of the fault.'),
  ...describeParams(
    z.object({
      duration: Span.optional().describe(
        'How long it stays on. Left out: until the method ends. Not for one-shot faults.',
      ),
    }),
  ),
  ...describeParams(z.object({ resolve: ResolveField })),
];

const anyStepRows = [
  ...describeParams(z.object({ name: StepName.optional() })),
  row('when', 'map', 'A `probe` and its `tolerance`: the step runs only if it holds when the step begins.'),
];

const otherSteps = [
  row('pause', 'duration', 'Wait.'),
  row('serial', 'list of steps', 'One after the other.'),
  row('parallel', 'list of steps', 'All at one time; over when the last one is.'),
];

const example = `apiVersion: zashiki.dev/v1
kind: Experiment
metadata: { name: shop-survives-a-crash }
spec:
  steadyStateHypothesis:
    - name: the shop answers
      probe: { http: { url: http://127.0.0.1:8080/ } }
      every: 200ms
      tolerance: { status: 200 }
      during: { atLeast: 95% }
      recoversWithin: 10s
  method:
    - fault: process-kill
      target: { host: { command: "re2:^node .*worker" } }
    - pause: 2s`;

const scheduleExample = `apiVersion: zashiki.dev/v1
kind: Schedule
metadata: { name: a-worker-a-day }
spec:
  schedule: { meanTimeBetween: 1d }
  window: { days: Mon-Fri, time: "11:00-18:00", timezone: Asia/Tokyo }
  experiment:
    method:
      - fault: process-kill
        target: { host: { command: "re2:^node .*worker" } }`;

/** The examples of the page; a test reads them. */
export const experimentExamples = [example, scheduleExample];

/** docs/reference/experiment.md: the documents that Zashiki reads. */
export function experimentPage(): string {
  return page(
    generated('src/spec'),
    '# Documents',
    'Zashiki reads YAML or JSON, several documents in a file. Every key that is not listed here is an error. `zashiki validate FILE` names each mistake with its line and the fix.',
    'For completion in an editor, point it to the JSON Schema of the package:',
    block('# yaml-language-server: $schema=./node_modules/zashiki/dist/schema.json', 'yaml'),
    'A **duration** is a number with a unit: `250ms`, `2s`, `5m`, `1h30m`, `1d`. A **pattern** is an exact text, or `re2:` and a regular expression in RE2 syntax, found anywhere unless anchored.',
    '## Experiment',
    block(example, 'yaml'),
    paramTable([
      row('apiVersion', 'text', '`zashiki.dev/v1`', true),
      row('kind', 'text', '`Experiment` or `Schedule`', true),
      ...describeParams(z.object({ metadata: MetadataFields })),
      row('spec', 'map', 'What follows.', true),
    ]),
    '### spec',
    paramTable(specRows),
    '### spec.steadyStateHypothesis[]',
    'Checked before the method: not within tolerance means that nothing is injected, and the verdict is *skipped*. Read all the while, and held against `recoversWithin` at the end.',
    paramTable([...describeParams(HypothesisFields), ...probeRows]),
    '### spec.method[]',
    'A step does one thing: a fault, a pause, or a group of steps.',
    paramTable(faultRows),
    'The other steps, each a step of its own:',
    paramTable(otherSteps),
    'Any step also takes:',
    paramTable(anyStepRows),
    '### spec.guards',
    'Each refusal has a reason and stands in the journal. The exit code is 5.',
    paramTable(describeParams(GuardsFields)),
    '### spec.rollbacks[]',
    'An optional `name`, and one of `exec` and `http`. No shell is involved.',
    paramTable(
      describeParams(z.object({ exec: ExecFields, http: HttpFields })).map((each) => ({
        ...each,
        required: each.required && each.name.includes('.'),
      })),
    ),
    '### spec.stopWhen[]',
    paramTable([...describeParams(StopFields), ...probeRows]),
    '## Schedule',
    'An experiment that is run again and again by `zashiki serve`, which stays dry until it is told otherwise.',
    block(scheduleExample, 'yaml'),
    paramTable([
      row('schedule', 'map', 'When a run is due: exactly one of the following.', true),
      ...describeParams(z.object(timings)).map((each) => ({
        ...each,
        name: `schedule.${each.name}`,
        required: each.name.startsWith('random.'),
      })),
      row('experiment', 'map', 'The `spec` of an experiment.', true),
      ...describeParams(ScheduleFields),
    ]),
  );
}
