import { nearest } from '../../../core/nearest.ts';
import { unknownName } from '../../../spec/desk.ts';
import { type Path, show } from '../../../spec/problem.ts';
import { chaosKind, chaosKinds, foreignBlocks } from '../kinds/blocks.ts';
import { checkSchedule } from '../kinds/schedule.ts';
import { checkStatusCheck } from '../kinds/status-check.ts';
import { isGiven, listOf, mapOf, type Raw, type Say } from '../say.ts';
import { checkEnds } from './ends.ts';
import { expressionError } from './expression.ts';

const plain = ['Task', 'Serial', 'Parallel', 'Suspend', 'StatusCheck', 'Schedule'];

/** What the templates of a Workflow say together. */
export function checkWorkflow(spec: Raw, path: Path, say: Say): void {
  const templates = listOf(spec.templates).map(mapOf);
  const names = templates.map((template) => template?.name);
  const known = names.filter((name): name is string => typeof name === 'string');
  const at = (i: number, ...rest: Path): Path => [...path, 'templates', i, ...rest];
  const reference = (name: unknown, here: Path) => {
    if (typeof name !== 'string' || known.includes(name)) return;
    const near = nearest(name, known);
    say(
      here,
      `there is no template ${show(name)}; ${near ? `did you mean "${near}"? ` : ''}there are: ${known.join(', ') || 'none'}`,
    );
  };
  reference(spec.entry, [...path, 'entry']);
  for (const [i, template] of templates.entries()) {
    if (!template) continue;
    const first = names.indexOf(template.name);
    if (typeof template.name === 'string' && first < i) {
      say(at(i, 'name'), `the name ${show(template.name)} is taken by templates[${first}]: names must differ`);
    }
    for (const [j, child] of listOf(template.children).entries()) reference(child, at(i, 'children', j));
    for (const [j, branch] of listOf(template.conditionalBranches).entries()) {
      const { target, expression } = mapOf(branch) ?? {};
      reference(target, at(i, 'conditionalBranches', j, 'target'));
      const wrong = typeof expression === 'string' ? expressionError(expression) : undefined;
      if (wrong) say(at(i, 'conditionalBranches', j, 'expression'), wrong);
    }
    checkTemplate(template, at(i), say);
  }
  checkEnds(spec, path, say);
}

/** Which key the type of a template needs; the others are out of place. */
function keysOf(type: string): readonly string[] | undefined {
  const own: Readonly<Record<string, readonly string[]>> = {
    Task: ['task', 'conditionalBranches'],
    Serial: ['children'],
    Parallel: ['children'],
    Suspend: [],
    StatusCheck: ['statusCheck', 'abortWithStatusCheck'],
    Schedule: ['schedule'],
  };
  const block = chaosKind(type)?.block;
  return Object.hasOwn(own, type) ? own[type] : block ? [block] : undefined;
}

const allKeys = [
  ...['task', 'conditionalBranches', 'children', 'statusCheck', 'abortWithStatusCheck', 'schedule'],
  ...chaosKinds.map(({ block = '' }) => block),
  ...Object.keys(foreignBlocks),
];

function checkTemplate(template: Raw, path: Path, say: Say): void {
  const type = template.templateType;
  if (typeof type !== 'string') return;
  if (Object.values(foreignBlocks).includes(type)) {
    say([...path, 'templateType'], `${type} is not supported`, { code: 'not-supported' });
    return;
  }
  const keys = keysOf(type);
  if (!keys) {
    say(
      [...path, 'templateType'],
      unknownName('type of template', type, [...plain, ...chaosKinds.map(({ kind }) => kind)]),
    );
    return;
  }
  for (const key of allKeys) {
    if (!keys.includes(key) && isGiven(template[key]))
      say([...path, key], `a template of type ${type} does not use it: remove it`, { on: 'key' });
  }
  const [needed] = keys;
  const given =
    needed === undefined || (needed === 'children' ? listOf(template.children).length > 0 : isGiven(template[needed]));
  if (!given) say([...path, needed ?? ''], `missing: a template of type ${type} needs it`);
  if (type === 'Suspend' && !isGiven(template.deadline)) {
    say([...path, 'deadline'], 'missing: a Suspend waits until its deadline: write one, such as deadline: 30s');
  }
  checkInside(template, type, path, say);
}

function checkInside(template: Raw, type: string, path: Path, say: Say): void {
  const check = mapOf(template.statusCheck);
  if (type === 'StatusCheck' && check) checkStatusCheck(check, [...path, 'statusCheck'], say);
  const schedule = mapOf(template.schedule);
  if (type === 'Schedule' && schedule) checkSchedule(schedule, [...path, 'schedule'], say);
  const kind = chaosKind(type);
  const chaos = kind?.block ? mapOf(template[kind.block]) : undefined;
  if (!kind?.block || !chaos) return;
  kind.rules(chaos, [...path, kind.block], say);
  if (isGiven(chaos.duration)) {
    say(
      [...path, kind.block, 'duration'],
      `inside a Workflow the deadline of the template says how long: remove it, and write deadline: ${chaos.duration} beside ${kind.block}`,
      { on: 'key' },
    );
  }
}
