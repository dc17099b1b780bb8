/**
 * The front door for documents of Chaos Mesh, old style and new: read and validated (read.ts), in the form of v2
 * (modernise.ts), and as documents of ours (experiment.ts, schedule.ts, workflow/).
 */

export { affectedNamespaces, refusalText } from './admission.ts';
export { chaosMeshCrds } from './crds.ts';
export * from './document.ts';
export { methodOf, needsChoice, toExperiment } from './experiment.ts';
export type { Note } from './modernise.ts';
export { modernise } from './modernise.ts';
export { findingsOf, isChaosMesh, type ReadChaos, readChaos } from './read.ts';
export type { Finding, FindingCode } from './say.ts';
export { childOf, firesAtOnce, isPaused, toSchedule } from './schedule.ts';
export type { Chosen } from './target.ts';
export { withDefaults } from './with-defaults.ts';
export { type PlanNode, planWorkflow, type WorkflowPlan } from './workflow/plan.ts';
export { type Action, type Ending, type NextStep, type NodeState, nextStep, type States } from './workflow/step.ts';
