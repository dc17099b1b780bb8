import { formatDuration } from '../../core/duration.ts';
import type { FaultStep, Guards, Hypothesis, Plan, PlannedStep, TargetRef } from '../../core/model.ts';
import { faultSteps } from '../../core/steps.ts';
import { readable } from '../../report/escape.ts';
import { count } from '../../report/phrases.ts';
import { formatShare } from '../../report/story.ts';
import { type Paint, painter, type ViewStyle } from './style.ts';
import { plain, truncate } from './table.ts';

/** What the plan says about a fault besides its id. */
export interface FaultInfo {
  readonly undoneBy: string;
  readonly reversible: boolean;
  readonly summary?: string;
}

/** Most victims that are listed for a step; the rest is counted. */
const mostVictims = 12;

/** The plan for a person: who is hit by what, how many of how many, who is spared and why, and how it is undone. */
export function renderPlan(plan: Plan, faultInfo: (id: string) => FaultInfo, { color, width }: ViewStyle): string {
  const paint = painter(color);
  const { metadata, spec } = plan.experiment;
  const places = new Map(faultSteps(spec.method).map(({ path, step }) => [path, step] as const));
  const lines = [
    `${paint('soft', 'Plan')}  ${paint('strong', plain(metadata.name))}`,
    ...(spec.description ? [`  ${plain(spec.description)}`] : []),
    '',
    ...hypotheses(spec.steadyStateHypothesis, paint),
    ...plan.steps.flatMap((step) => [
      '',
      ...stepLines(step, places.get(step.path), safeInfo(faultInfo, step.fault), paint),
    ]),
    ...(plan.steps.length === 0 ? ['', '  The method has no fault: nothing will be injected.'] : []),
    '',
    `  ${paint('soft', 'Blast radius')}  ${blastRadius(plan)}`,
    ...guardLines(spec.guards, paint),
    ...(spec.rollbacks.length > 0
      ? [`  ${paint('soft', 'Rollbacks')}     ${plain(spec.rollbacks.map(({ name }) => name).join(', '))}`]
      : []),
    `  ${paint('soft', 'Seed')}          ${plan.seed}`,
    `  ${paint('soft', 'Plan hash')}     ${plain(plan.hash)}`,
  ];
  return lines.map((line) => cutLine(line, width)).join('\n');
}

/** A fault that is not in this catalogue (a plan from elsewhere) is shown without its details. */
function safeInfo(faultInfo: (id: string) => FaultInfo, id: string): FaultInfo | null {
  try {
    return faultInfo(id);
  } catch {
    return null;
  }
}

function hypotheses(list: readonly Hypothesis[], paint: Paint): readonly string[] {
  if (list.length === 0) return [paint('warn', '  No steady-state hypothesis: the run will be marked unverified.')];
  return list.map(({ name, probe, every, during, recoversWithin }) => {
    const share = during ? `≥ ${formatShare(during.atLeast)} good under fault, ` : '';
    const rule = `${plain(probe.id)} every ${formatDuration(every)}; ${share}steady again within ${formatDuration(recoversWithin)}`;
    return `  ${paint('good', '◇')} ${plain(name)}  ${paint('soft', rule)}`;
  });
}

function stepLines(
  step: PlannedStep,
  source: FaultStep | undefined,
  info: FaultInfo | null,
  paint: Paint,
): readonly string[] {
  const { victims, candidates, spared, resolve, how } = step;
  const shown = victims.slice(0, mostVictims);
  const more = victims.length - shown.length;
  const mode = source ? ` (${source.mode}${source.value === undefined ? '' : ` ${source.value}`})` : '';
  const label = (text: string) => paint('soft', text.padEnd(8));
  const params = source ? readable(source.params) : '';
  const lasts =
    info?.reversible === false
      ? 'one-shot'
      : source?.duration === undefined
        ? 'until the method ends'
        : formatDuration(source.duration);
  return [
    `  ${paint('fault', plain(step.fault))}  ${paint('soft', plain([step.path, info?.summary ?? ''].filter(Boolean).join('  ')))}`,
    ...shown.map((victim, index) => `    ${label(index === 0 ? 'hits' : '')}${victimText(victim)}`),
    ...(more > 0 ? [`    ${label('')}… and ${more} more`] : []),
    ...(victims.length === 0 ? [`    ${label('hits')}${paint('warn', 'nothing: no candidate')}`] : []),
    `    ${label('of')}${count(candidates, 'candidate')}${mode}${resolve === 'step' ? '; chosen anew when the step begins' : ''}`,
    ...spared.map(({ reason, count: n }) => `    ${label('spared')}${n} × ${plain(reason)}`),
    ...(params ? [`    ${label('with')}${plain(params)}`] : []),
    ...(how ? [`    ${label('how')}${plain(how)}`] : []),
    `    ${label('for')}${lasts}`,
    `    ${label('undone')}${plain(info?.undoneBy ?? 'as the fault says')}`,
  ];
}

const victimText = ({ name, id, platform, about }: TargetRef) =>
  plain(`${name}  ${platform} ${id}${about && about !== name ? `  ${about}` : ''}`);

function blastRadius(plan: Plan): string {
  const victims = new Set(plan.steps.flatMap(({ victims: hit }) => hit.map(({ platform, id }) => `${platform} ${id}`)));
  const { blastRadius: guard } = plan.experiment.spec.guards;
  const limit = !guard
    ? 'no limit is set'
    : 'count' in guard
      ? `at most ${guard.count} at a time`
      : `at most ${guard.percent}% of the candidates at a time`;
  return `${count(victims.size, 'target')} in all; ${limit}`;
}

function guardLines(guards: Guards, paint: Paint): readonly string[] {
  const names = [
    guards.window ? 'window' : '',
    guards.minInterval === undefined ? '' : `at least ${formatDuration(guards.minInterval)} apart`,
    guards.budget ? `${guards.budget.injections} injections per ${formatDuration(guards.budget.per)}` : '',
    guards.environment === undefined ? '' : `environment ${guards.environment}`,
    guards.protect && guards.protect.length > 0 ? `protected: ${guards.protect.join(', ')}` : '',
  ].filter(Boolean);
  return names.length === 0 ? [] : [`  ${paint('soft', 'Guards')}        ${plain(names.join('; '))}`];
}

/** Coloured lines are left to the terminal; cutting them could cut a colour in two. */
const cutLine = (line: string, width: number) => (line.includes('\u001b') ? line : truncate(line, Math.max(width, 40)));
