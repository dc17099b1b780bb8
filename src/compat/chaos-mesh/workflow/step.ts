import type { EpochMs } from '../../../core/model.ts';
import { holds } from './expression.ts';
import { type PlanNode, type WorkflowPlan, withAll } from './plan.ts';

/** How a node ended. */
export type Ending = 'Accomplished' | 'DeadlineExceed' | 'Aborted';

/** What is known of a node that was started. */
export interface NodeState {
  readonly startedAt: EpochMs;
  readonly ended?: Ending;
  /** What came of its work: a Task's pod, a StatusCheck, a fault that is over at once, or work that failed for good. */
  readonly report?:
    | { readonly kind: 'task'; readonly exitCode: number; readonly stdout: string }
    | { readonly kind: 'check'; readonly ok: boolean }
    | { readonly kind: 'done' };
}

export type States = Readonly<Record<string, NodeState>>;

/** What is to be done next. Carrying an action out changes the states; then `nextStep` is asked again. */
export type Action =
  | { readonly do: 'start'; readonly node: PlanNode }
  | { readonly do: 'end'; readonly node: PlanNode; readonly as: Ending; readonly reason: string };

/** The next actions, in this order. */
export interface NextStep {
  readonly actions: readonly Action[];
  /** When to ask again although nothing was reported; null: only a report changes anything. */
  readonly wakeAt: EpochMs | null;
  /** How the workflow ended; null: it goes on. */
  readonly over: Ending | null;
}

/**
 * What next, given how every node stands. Pure: the same states and the same time give the same answer, and an action
 * that was carried out is not asked for again. `abort`: somebody wants it to end.
 */
export function nextStep(plan: WorkflowPlan, states: States, now: EpochMs, abort = false): NextStep {
  const actions: Action[] = [];
  const stopped = abort ? 'WorkflowAborted' : failedCheck(plan.entry, states);
  if (stopped) {
    endAll(plan.entry, states, 'Aborted', stopped, actions);
    return { actions, wakeAt: null, over: actions.length === 0 ? 'Aborted' : null };
  }
  const wakes: EpochMs[] = [];
  visit(plan.entry, states, now, actions, wakes);
  const over = states[plan.entry.id]?.ended ?? null;
  return { actions, wakeAt: wakes.length > 0 ? Math.min(...wakes) : null, over };
}

/** A StatusCheck that was told to abort the workflow, and failed. */
function failedCheck(entry: PlanNode, states: States): string | undefined {
  const failed = withAll(entry).find((node) => {
    const { report } = states[node.id] ?? {};
    return node.type === 'StatusCheck' && node.aborts && report?.kind === 'check' && !report.ok;
  });
  return failed && `ParentNodeAborted: the status check ${failed.template} failed`;
}

/** End a node that goes on, what is below it first. */
function endAll(node: PlanNode, states: States, as: Ending, reason: string, actions: Action[], below = reason): void {
  for (const child of withAll(node).slice(1).reverse()) {
    const state = states[child.id];
    if (state && !state.ended) actions.push({ do: 'end', node: child, as, reason: below });
  }
  const state = states[node.id];
  if (state && !state.ended) actions.push({ do: 'end', node, as, reason });
}

function visit(node: PlanNode, states: States, now: EpochMs, actions: Action[], wakes: EpochMs[]): void {
  const state = states[node.id];
  if (!state) {
    actions.push({ do: 'start', node });
    return;
  }
  if (state.ended) return;
  const due = node.deadline === undefined ? undefined : state.startedAt + node.deadline;
  const below = nextBelow(node, state, states);
  const finished = isFinished(node, state, below, states);
  if (finished) {
    actions.push({ do: 'end', node, as: 'Accomplished', reason: 'NodeAccomplished' });
    return;
  }
  if (due !== undefined && due <= now) {
    endAll(node, states, 'DeadlineExceed', 'NodeDeadlineExceed', actions, 'ParentNodeDeadlineExceed');
    return;
  }
  if (due !== undefined) wakes.push(due);
  for (const child of below) visit(child, states, now, actions, wakes);
}

/** Those below that should be going on, or have been. */
function nextBelow(node: PlanNode, { report }: NodeState, states: States): readonly PlanNode[] {
  if (node.type === 'Parallel') return node.children;
  if (node.type === 'Serial') {
    const open = node.children.find((child) => !states[child.id]?.ended);
    return open ? [open] : [];
  }
  if (node.type !== 'Task' || report?.kind !== 'task') return [];
  return node.branches
    .filter(({ expression }) => !expression || holds(expression, report))
    .map((branch) => branch.node);
}

function isFinished(node: PlanNode, { report }: NodeState, below: readonly PlanNode[], states: States): boolean {
  const allBelow = below.every((child) => states[child.id]?.ended !== undefined);
  switch (node.type) {
    case 'Serial':
    case 'Parallel':
      return allBelow;
    case 'Task':
      return report !== undefined && allBelow;
    case 'StatusCheck':
      return report !== undefined;
    case 'Chaos':
      // With a deadline of its own it waits for it, as in Chaos Mesh: many use it as a pause.
      return !node.lasting && node.deadline === undefined && report !== undefined;
    case 'Suspend':
    case 'Schedule':
      return false;
  }
}
