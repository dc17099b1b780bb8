import type { Path } from '../../spec/problem.ts';
import { chaosKind } from './kinds/blocks.ts';
import type { Note } from './modernise.ts';
import { isGiven, listOf, mapOf, type Raw } from './say.ts';

/** What of a sound document has no effect, as in Chaos Mesh, or less than it seems to say. */
export function remarksOf(kind: string, spec: Raw, path: Path = ['spec']): readonly Note[] {
  if (kind === 'Schedule') return blockRemarks(spec, spec.type, path);
  if (kind === 'Workflow') {
    return listOf(spec.templates).flatMap((each, i) => {
      const template = mapOf(each) ?? {};
      const at = [...path, 'templates', i];
      const inner = mapOf(template.schedule);
      if (template.templateType === 'Schedule' && inner) return remarksOf('Schedule', inner, [...at, 'schedule']);
      return blockRemarks(template, template.templateType, at);
    });
  }
  return experimentRemarks(kind, spec, path);
}

function blockRemarks(map: Raw, type: unknown, path: Path): readonly Note[] {
  if (type === 'Workflow') return remarksOf('Workflow', mapOf(map.workflow) ?? {}, [...path, 'workflow']);
  const { block, kind } = chaosKind(type) ?? {};
  const spec = block ? mapOf(map[block]) : undefined;
  return block && kind && spec ? experimentRemarks(kind, spec, [...path, block]) : [];
}

function experimentRemarks(kind: string, spec: Raw, path: Path): readonly Note[] {
  const notes: Note[] = [];
  const note = (key: string, message: string) => notes.push({ path: [...path, key], message });
  const { pods, ...others } = mapOf(spec.selector) ?? {};
  if (Object.keys(mapOf(pods) ?? {}).length > 0) {
    const more = Object.keys(others).filter((key) => Object.keys(mapOf(others[key]) ?? listOf(others[key])).length > 0);
    if (more.length > 0)
      note('selector', `pods alone counts: ${more.join(', ')} ${more.length > 1 ? 'have' : 'has'} no effect`);
  }
  const { nodes, nodeSelectors } = others;
  if (listOf(nodes).length > 0 && Object.keys(mapOf(nodeSelectors) ?? {}).length > 0) {
    note('selector', 'nodes and nodeSelectors must both match; in Chaos Mesh either was enough');
  }
  if (kind === 'PodChaos') {
    const { action } = spec;
    const once = action === 'pod-kill' || action === 'container-kill';
    const repeated = mapOf(spec.scheduler) !== undefined;
    if (once && isGiven(spec.duration) && !repeated) note('duration', `without effect: ${action} is over at once`);
    if (action !== 'container-kill' && listOf(spec.containerNames).length > 0) {
      note('containerNames', `without effect: ${action} is about whole pods`);
    }
    if (action !== 'pod-kill' && typeof spec.gracePeriod === 'number' && spec.gracePeriod > 0) {
      note('gracePeriod', 'without effect: only pod-kill has one');
    }
  }
  if (kind === 'NetworkChaos') {
    const limit = mapOf(spec.bandwidth)?.limit;
    if (typeof limit === 'number' && limit < 1600)
      note('bandwidth', `limit: 1600 is used, so that one packet may wait`);
    if (spec.action === 'partition' && !mapOf(spec.target) && listOf(spec.externalTargets).length === 0) {
      note('action', 'cuts off from everybody: neither target nor externalTargets is given');
    }
  }
  if (kind === 'StressChaos' && isGiven(spec.stressngStressors) && mapOf(spec.stressors)) {
    note('stressors', 'without effect: stressngStressors counts');
  }
  return notes;
}

/** Kinds that are known and not yet available, with the place where each is named. */
export function notYet(kind: string, spec: Raw, path: Path = ['spec']): readonly (readonly [Path, string])[] {
  const named = (type: unknown, at: Path): readonly (readonly [Path, string])[] =>
    chaosKind(type)?.state === 'not-yet' ? [[at, String(type)]] : [];
  if (kind === 'Workflow') {
    return listOf(spec.templates).flatMap((each, i) => {
      const template = mapOf(each) ?? {};
      const at = [...path, 'templates', i];
      const inner = mapOf(template.schedule);
      if (template.templateType === 'Schedule' && inner) return named(inner.type, [...at, 'schedule', 'type']);
      return named(template.templateType, [...at, 'templateType']);
    });
  }
  if (kind !== 'Schedule') return named(kind, ['kind']);
  if (spec.type === 'Workflow') return notYet('Workflow', mapOf(spec.workflow) ?? {}, [...path, 'workflow']);
  return named(spec.type, [...path, 'type']);
}
