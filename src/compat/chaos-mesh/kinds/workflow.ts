import { z } from 'zod';
import { GoDuration, Text } from '../fields.ts';
import type { Kind } from '../kind.ts';
import { checkWorkflow } from '../workflow/rules.ts';
import { blockShape } from './blocks.ts';
import { foreignShape, InnerScheduleSpec } from './schedule.ts';
import { StatusCheckSpec } from './status-check.ts';

const TemplateName = Text.regex(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  'not a name: lower-case letters, digits and "-", with a letter or digit at both ends',
).max(63);

const Container = z
  .looseObject({ name: Text, image: Text })
  .meta({ 'x-kubernetes-preserve-unknown-fields': true })
  .describe('A container of Kubernetes.');

const Task = z.strictObject({
  container: Container,
  volumes: z.array(z.looseObject({ name: Text }).meta({ 'x-kubernetes-preserve-unknown-fields': true })).optional(),
  labels: z.record(z.string(), Text).optional(),
});

const Branch = z.strictObject({
  target: Text.describe('The template that follows.'),
  expression: Text.optional().describe('Over exitCode and stdout, such as exitCode == 0. Default: true.'),
});

/** What a template can be, besides a kind of chaos. */
export const templateTypes = ['Task', 'Serial', 'Parallel', 'Suspend', 'StatusCheck', 'Schedule'] as const;

export const Template = z.strictObject({
  name: TemplateName,
  templateType: Text.describe('Task, Serial, Parallel, Suspend, StatusCheck, Schedule, or a kind of chaos.'),
  deadline: GoDuration.optional().describe('Then it ends, whatever it is doing.'),
  children: z.array(Text).optional().describe('Names of templates, for Serial and Parallel.'),
  task: Task.optional(),
  conditionalBranches: z.array(Branch).optional().describe('What follows a Task.'),
  ...blockShape,
  ...foreignShape,
  schedule: InnerScheduleSpec.optional(),
  statusCheck: StatusCheckSpec.optional(),
  abortWithStatusCheck: z.boolean().optional().describe('A StatusCheck that fails aborts the whole workflow.'),
});

export const WorkflowSpec = z.strictObject({
  entry: Text.describe('The template that begins.'),
  templates: z.array(Template).min(1),
});

/** Several experiments, tasks and checks in an order. */
export const workflow: Kind = {
  kind: 'Workflow',
  plural: 'workflows',
  shortNames: ['wf'],
  summary: 'Carry out experiments, tasks and checks in an order.',
  state: 'works',
  spec: WorkflowSpec,
  rules: checkWorkflow,
  statusSubresource: true,
};
