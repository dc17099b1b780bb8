import type { Path } from '../../../spec/problem.ts';
import { chaosKind } from '../kinds/blocks.ts';
import { isGiven, listOf, mapOf, type Raw, type Say } from '../say.ts';

type Templates = Map<unknown, { readonly template: Raw; readonly at: Path }>;

/**
 * Will everything come to an end? A template that contains itself never does; nor does a fault without a deadline that
 * nothing around it ends.
 */
export function checkEnds(spec: Raw, path: Path, say: Say): void {
  const templates: Templates = new Map();
  for (const [i, each] of listOf(spec.templates).entries()) {
    const template = mapOf(each);
    if (template && !templates.has(template.name))
      templates.set(template.name, { template, at: [...path, 'templates', i] });
  }
  const told = new Set<string>();
  const tell = (at: Path, message: string) => {
    const key = at.join('/');
    if (told.has(key)) return;
    told.add(key);
    say(at, message);
  };

  // A template may be reached in several ways: each pair of it and whether it is ended is walked once.
  const walked = new Set<string>();
  const visit = (name: unknown, above: readonly unknown[], ended: boolean, blocks: string | undefined) => {
    const found = templates.get(name);
    if (!found) return;
    const { template, at } = found;
    if (above.includes(name)) {
      tell(at, `the template contains itself: ${[...above.slice(above.indexOf(name)), name].join(' → ')}`);
      return;
    }
    const key = JSON.stringify([name, ended, blocks]);
    if (walked.has(key)) return;
    walked.add(key);
    const own = isGiven(template.deadline);
    const children = listOf(template.children);
    const inside = [...above, name];
    const held = ended || own;
    if (lasts(template) && !own && (blocks !== undefined || !ended)) {
      const why =
        blocks === undefined ? 'so that the workflow never ends' : `so that what follows it in ${blocks} never begins`;
      tell(
        [...at, 'deadline'],
        `missing: without it the ${template.templateType} stays on for ever, ${why}: write one, such as deadline: 30s`,
      );
    }
    for (const [i, child] of children.entries()) {
      const blocking = template.templateType === 'Serial' && i < children.length - 1;
      visit(child, inside, held, blocking ? String(name) : undefined);
    }
    for (const branch of listOf(template.conditionalBranches)) visit(mapOf(branch)?.target, inside, held, undefined);
  };
  visit(spec.entry, [], false, undefined);
  if (told.size === 0) checkSize(spec, path, templates, say);
}

/** Every use of a template is a node of its own: groups of groups of the same ones grow without bound. */
const mostNodes = 10_000;

function checkSize(spec: Raw, path: Path, templates: Templates, say: Say): void {
  const sizes = new Map<unknown, number>();
  const sizeOf = (name: unknown): number => {
    const known = sizes.get(name);
    if (known !== undefined) return known;
    const { template } = templates.get(name) ?? {};
    const below = [
      ...listOf(template?.children),
      ...listOf(template?.conditionalBranches).map((branch) => mapOf(branch)?.target),
    ];
    const size = below.reduce<number>((sum, child) => sum + sizeOf(child), 1);
    sizes.set(name, size);
    return size;
  };
  if (sizeOf(spec.entry) > mostNodes) {
    say([...path, 'templates'], `too much: every use of a template counts, and there are more than ${mostNodes}`);
  }
}

/** Does it go on until somebody ends it? A fault that is over at once does not. */
function lasts(template: Raw): boolean {
  const type = template.templateType;
  if (type === 'Schedule') return true;
  const kind = chaosKind(type);
  const spec = kind?.block ? mapOf(template[kind.block]) : undefined;
  return kind !== undefined && !(spec && kind.oneShot?.(spec));
}
