import { examine } from '../../../spec/explain.ts';
import type { Kind } from '../kind.ts';
import { mapOf } from '../say.ts';
import { checkWorkflow } from '../workflow/rules.ts';
import { checkSchedule, ScheduleChaosSpec } from './schedule.ts';
import { WorkflowSpec } from './workflow.ts';

/** An experiment or a Workflow, again and again. */
export const schedule: Kind = {
  kind: 'Schedule',
  plural: 'schedules',
  summary: 'Carry out an experiment or a Workflow again and again.',
  state: 'works',
  spec: ScheduleChaosSpec,
  rules: (spec, path, say) => {
    checkSchedule(spec, path, say, (workflow, at) => {
      for (const found of examine(WorkflowSpec, workflow).findings)
        say([...at, ...found.path], found.message, { on: found.on });
      const map = mapOf(workflow);
      if (map) checkWorkflow(map, at, say);
    });
  },
};
