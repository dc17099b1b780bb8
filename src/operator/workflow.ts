import type { StatusCheck } from '../compat/chaos-mesh/document.ts';
import {
  type Action,
  type ChaosWorkflow,
  type NodeState,
  nextStep,
  type PlanNode,
  planWorkflow,
  type States,
} from '../compat/chaos-mesh/index.ts';
import { withAll } from '../compat/chaos-mesh/workflow/plan.ts';
import { canonicalJson, digest } from '../core/canonical.ts';
import type { EpochMs } from '../core/model.ts';
import type { Client } from '../platforms/kubernetes/client.ts';
import { isConflict } from '../platforms/kubernetes/refusal.ts';
import type { Api, NewResource } from './api.ts';
import { documentsOf } from './chaos-mesh.ts';
import { type CheckStatus, checkVerdict } from './check.ts';
import { isFinished } from './finished.ts';
import { kindOf } from './kinds.ts';
import { type Condition, plain, type Resource, type ResourceStatus } from './resource.ts';
import { createTask, removeTask, reportOfTask } from './task.ts';

export interface WorkflowPorts {
  readonly api: Api;
  readonly client: Client;
  readonly now: () => EpochMs;
}

/** Set to `"true"`: it ends now. */
const abortAnnotation = 'workflow.chaos-mesh.org/abort';
/** As Chaos Mesh labels what a Workflow has made. */
const workflowLabel = 'chaos-mesh.org/workflow';
const soon = 1000;

/** Bring a Workflow a step nearer to its end. What it makes belongs to it, and goes with it by itself. */
export async function reconcileWorkflow(resource: Resource, ports: WorkflowPorts): Promise<EpochMs | undefined> {
  const { api, now } = ports;
  if (resource.metadata.deletionTimestamp || resource.status?.endTime !== undefined) return undefined;
  const read = documentsOf(resource);
  if ('problems' in read) {
    api.event(resource, 'Warning', 'NotSupported', read.problems.join('; '));
    return undefined;
  }
  const plan = planWorkflow(read.documents[0] as ChaosWorkflow);
  const isAborted = resource.metadata.annotations?.[abortAnnotation] === 'true';
  let current = resource;
  let states = (resource.status?.zashiki?.states ?? {}) as States;
  states = await reported(current, plan.entry, states, ports);
  for (;;) {
    const step = nextStep(plan, states, now(), isAborted);
    let waits = false;
    for (const action of step.actions) {
      const done = await carryOut(current, action, ports);
      if (!done) {
        waits = true;
        continue;
      }
      states = { ...states, [action.node.id]: stateAfter(action, states[action.node.id], now()) };
      api.event(current, 'Normal', action.do === 'start' ? 'NodesCreated' : action.as, sentence(action));
    }
    current = await save(current, plan.entry.id, states, step.over, ports);
    if (step.over !== null) {
      api.event(
        current,
        'Normal',
        step.over === 'Accomplished' ? 'WorkflowAccomplished' : 'WorkflowAborted',
        `The workflow has ended: ${step.over}`,
      );
      return undefined;
    }
    if (waits || step.actions.length === 0) {
      const asks = withAll(plan.entry).some(
        ({ id, type }) => type === 'Task' && states[id] && !states[id].ended && !states[id].report,
      );
      const wake = Math.min(
        step.wakeAt ?? Number.POSITIVE_INFINITY,
        waits || asks ? now() + soon : Number.POSITIVE_INFINITY,
      );
      return Number.isFinite(wake) ? wake : undefined;
    }
  }
}

const sentence = (action: Action): string =>
  action.do === 'start' ? `Node ${action.node.id} has begun` : `Node ${action.node.id} has ended: ${action.reason}`;

const stateAfter = (action: Action, before: NodeState | undefined, at: EpochMs): NodeState =>
  action.do === 'start' ? { startedAt: at } : { ...(before ?? { startedAt: at }), ended: action.as };

/** The same node of the same workflow has the same name, so that nothing is made twice. */
const childName = ({ metadata }: Resource, node: PlanNode): string =>
  `${metadata.name.slice(0, 40)}-${node.template.slice(0, 12)}-${digest([metadata.uid, node.id]).slice(0, 6)}`;

function childOf(resource: Resource, node: PlanNode): NewResource | undefined {
  const document =
    node.type === 'Chaos'
      ? node.chaos
      : node.type === 'Schedule'
        ? node.schedule
        : node.type === 'StatusCheck'
          ? node.check
          : undefined;
  if (!document) return undefined;
  const { apiVersion, kind, metadata } = resource;
  return {
    apiVersion: document.apiVersion,
    kind: document.kind,
    metadata: {
      name: childName(resource, node),
      namespace: metadata.namespace,
      labels: { [workflowLabel]: metadata.name, 'chaos-mesh.org/controlled-by': metadata.name },
      ownerReferences: [
        { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: plain(document.spec) as Readonly<Record<string, unknown>>,
  };
}

/** True when it is done; false: it takes a while, ask again. */
async function carryOut(resource: Resource, action: Action, { api, client }: WorkflowPorts): Promise<boolean> {
  const { node } = action;
  const child = childOf(resource, node);
  const name = childName(resource, node);
  const { namespace } = resource.metadata;
  if (action.do === 'start') {
    if (node.type === 'Task') await createTask(client, resource, name, node.task);
    if (child) {
      await api.create(kindOf(child) as never, child).catch((error: unknown) => {
        if (!isConflict(error)) throw error;
      });
    }
    return true;
  }
  if (node.type === 'Task') await removeTask(client, namespace, name);
  if (!child) return true;
  const found = await api.get(kindOf(child) as never, namespace, name);
  // What was found out is kept with the workflow; only what is on has to go.
  if (!found || (node.type === 'StatusCheck' && action.as === 'Accomplished')) return true;
  if (node.type === 'Chaos' && !found.metadata.deletionTimestamp && found.status?.zashiki?.begun === undefined) {
    api.event(
      resource,
      'Warning',
      'FaultNeverOn',
      `Node ${node.id} has ended, and its fault was never on: ${whyNot(found)}`,
    );
  }
  await api.remove({ ...found, apiVersion: child.apiVersion, kind: child.kind });
  return false;
}

const whyNot = ({ status }: Resource): string =>
  status?.conditions?.find(({ type }) => type === 'AllInjected')?.reason ??
  status?.zashiki?.message ??
  'no time was left';

/** What has become of the nodes that go on. */
async function reported(
  resource: Resource,
  entry: PlanNode,
  states: States,
  { api, client }: WorkflowPorts,
): Promise<States> {
  const next: Record<string, NodeState> = { ...states };
  const visit = async (node: PlanNode): Promise<void> => {
    const state = next[node.id];
    const below =
      node.type === 'Serial' || node.type === 'Parallel'
        ? node.children
        : node.type === 'Task'
          ? node.branches.map((branch) => branch.node)
          : [];
    for (const each of below) await visit(each);
    if (!state || state.ended || state.report) return;
    const name = childName(resource, node);
    const { namespace } = resource.metadata;
    if (node.type === 'Task') {
      const report = await reportOfTask(client, namespace, name);
      if (report) next[node.id] = { ...state, report };
      return;
    }
    const child = childOf(resource, node);
    if (!child || node.type === 'Schedule') return;
    const found = await api.get(kindOf(child) as never, namespace, name);
    if (!found) return;
    if (node.type === 'StatusCheck') {
      const status = (found.status ?? {}) as CheckStatus;
      if (status.completionTime !== undefined)
        next[node.id] = {
          ...state,
          report: { kind: 'check', ok: checkVerdict((node.check as StatusCheck).spec, status) },
        };
    } else if (isFinished({ ...found, kind: child.kind })) next[node.id] = { ...state, report: { kind: 'done' } };
  };
  await visit(entry);
  return next;
}

async function save(
  resource: Resource,
  entryNode: string,
  states: States,
  over: string | null,
  { api, now }: WorkflowPorts,
): Promise<Resource> {
  const condition = (type: string, yes: boolean, reason?: string): Condition => ({
    type,
    status: yes ? 'True' : 'False',
    ...(reason ? { reason } : {}),
  });
  const { startTime = new Date(now()).toISOString() } = (resource.status ?? {}) as { startTime?: string };
  const status = plain({
    ...resource.status,
    entryNode,
    startTime,
    ...(over === null ? {} : { endTime: new Date(now()).toISOString() }),
    conditions: [
      condition(
        'Accomplished',
        over !== null,
        over === null ? undefined : over === 'Accomplished' ? 'WorkflowAccomplished' : over,
      ),
      condition('Scheduled', true),
      ...(over === 'Aborted' ? [condition('Aborted', true)] : []),
    ],
    zashiki: { ...resource.status?.zashiki, states },
  }) as ResourceStatus;
  return canonicalJson(status) === canonicalJson(resource.status) ? resource : api.saveStatus(resource, status);
}
