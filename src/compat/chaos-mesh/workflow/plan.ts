import type { JsonObject, Milliseconds } from '../../../core/model.ts';
import {
  apiVersion,
  type ChaosExperiment,
  type ChaosSchedule,
  type ChaosWorkflow,
  type StatusCheck,
} from '../document.ts';
import { durationOf } from '../fields.ts';
import { chaosKind } from '../kinds/blocks.ts';
import type { Raw } from '../say.ts';

/** A Workflow as a tree: every use of a template is a node of its own. Plain JSON; nothing in it ever changes. */
export interface WorkflowPlan {
  readonly name: string;
  readonly namespace: string;
  readonly entry: PlanNode;
}

interface NodeBase {
  /** Unique in the plan: the way from the entry, such as `all/2.burn`. */
  readonly id: string;
  /** The name of its template. */
  readonly template: string;
  /** Counted from its own start. Then it is over, whatever it is doing. */
  readonly deadline?: Milliseconds;
}

/** One use of a template. */
export type PlanNode = NodeBase &
  (
    | { readonly type: 'Serial' | 'Parallel'; readonly children: readonly PlanNode[] }
    | { readonly type: 'Suspend' }
    | { readonly type: 'Task'; readonly task: JsonObject; readonly branches: readonly Branch[] }
    | { readonly type: 'StatusCheck'; readonly check: StatusCheck; readonly aborts: boolean }
    /** `lasting`: it stays on until its deadline, or that of a node around it. */
    | { readonly type: 'Chaos'; readonly chaos: ChaosExperiment; readonly lasting: boolean }
    | { readonly type: 'Schedule'; readonly schedule: ChaosSchedule }
  );

/** What follows a Task when the condition holds; without a condition always. */
export interface Branch {
  readonly expression?: string;
  readonly node: PlanNode;
}

/** The nodes right below, branches included. */
export function childrenOf(node: PlanNode): readonly PlanNode[] {
  if (node.type === 'Serial' || node.type === 'Parallel') return node.children;
  return node.type === 'Task' ? node.branches.map((branch) => branch.node) : [];
}

/** A node and all below it. */
export const withAll = (node: PlanNode): readonly PlanNode[] => [node, ...childrenOf(node).flatMap(withAll)];

/** The tree of a sound Workflow. */
export function planWorkflow({ metadata, spec }: ChaosWorkflow): WorkflowPlan {
  const { name, namespace } = metadata;
  type Template = ChaosWorkflow['spec']['templates'][number];
  const templates = new Map<string, Template>(spec.templates.map((template) => [template.name, template]));

  const build = (wanted: string, id: string): PlanNode => {
    const template = templates.get(wanted);
    if (!template) throw new Error(`no template ${wanted}`);
    const base = {
      id,
      template: wanted,
      ...(template.deadline === undefined ? {} : { deadline: durationOf(template.deadline) }),
    };
    const below = (names: readonly string[]) => names.map((child, i) => build(child, `${id}/${i}.${child}`));
    const made = { name: `${name}-${wanted}`, namespace };
    const type = template.templateType;
    switch (type) {
      case 'Serial':
      case 'Parallel':
        return { ...base, type, children: below(template.children ?? []) };
      case 'Suspend':
        return { ...base, type };
      case 'Task': {
        const branches = template.conditionalBranches ?? [];
        const nodes = below(branches.map(({ target }) => target));
        return {
          ...base,
          type,
          task: (template.task ?? {}) as JsonObject,
          branches: nodes.map((node, i) => {
            const expression = branches[i]?.expression;
            return { node, ...(expression ? { expression } : {}) };
          }),
        };
      }
      case 'StatusCheck': {
        const check = { apiVersion, kind: type, metadata: made, spec: template.statusCheck } as StatusCheck;
        return { ...base, type, check, aborts: template.abortWithStatusCheck === true };
      }
      case 'Schedule':
        return {
          ...base,
          type,
          schedule: { apiVersion, kind: type, metadata: made, spec: template.schedule } as ChaosSchedule,
        };
      default: {
        const kind = chaosKind(type);
        const block = (template as Raw)[kind?.block ?? ''] as Raw;
        const chaos = { apiVersion, kind: type, metadata: made, spec: block } as unknown as ChaosExperiment;
        return { ...base, type: 'Chaos', chaos, lasting: !kind?.oneShot?.(block) };
      }
    }
  };
  return { name, namespace, entry: build(spec.entry, spec.entry) };
}
