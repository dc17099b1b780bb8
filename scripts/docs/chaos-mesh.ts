import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import type { Kind } from '../../src/compat/chaos-mesh/kind.ts';
import { chaosKinds } from '../../src/compat/chaos-mesh/kinds/blocks.ts';
import { kinds } from '../../src/compat/chaos-mesh/kinds/index.ts';
import { unsupportedKinds } from '../../src/compat/chaos-mesh/kinds/unsupported.ts';
import { readChaos } from '../../src/compat/chaos-mesh/read.ts';
import { describeParams } from '../../src/spec/params.ts';
import { formatPath } from '../../src/spec/problem.ts';
import { conformanceTables } from './conformance.ts';
import { code, generated, page, paramTable, table } from './markdown.ts';

/** Everything that the tests hold to be refused, with the message that it gets. */
function refusals(): readonly (readonly string[])[] {
  const folder = join(resolve(import.meta.dirname, '../..'), 'src/compat/chaos-mesh/fixtures/broken');
  const rows = readdirSync(folder)
    .sort()
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split(/^---\n/m))
    .map((text) => parse(text) as { readonly kind: string })
    .flatMap((document) =>
      (readChaos(document).findings ?? []).map(({ path, message }) => [document.kind, code(formatPath(path)), message]),
    );
  const order = [...kinds.map(({ kind }) => kind), 'IoChaos', ...Object.keys(unsupportedKinds)];
  return rows.sort((a, b) => order.indexOf(a[0] ?? '') - order.indexOf(b[0] ?? ''));
}

/** docs/reference/chaos-mesh.md: what of Chaos Mesh is read, as what, and what is refused. */
export async function chaosMeshPage(): Promise<string> {
  return page(
    generated('src/compat/chaos-mesh'),
    '# Chaos Mesh',
    'Documents of Chaos Mesh as Zashiki reads them; [the guide](../guide/from-chaos-mesh.md) says how, and what is different. This page is about reading; [the operator](../guide/kubernetes-operator.md) carries them out in a cluster.',
    '## Kinds, actions, forms',
    "Made by giving one document of each to the reader and to the operator's webhook, and by making faults of it. **works**: it is let in, and becomes the fault that is named, with parameters that it takes. **not yet**: it is known and checked, and then refused with the code `not-available`; nothing is done. **refused**: nothing is done. The numbers are those of the messages below. `pingcap.com` is read from files; a cluster knows no such group, and none of the kinds that are not supported, so that kubectl says so itself.",
    ...(await conformanceTables()),
    'Schedule (also of a Workflow), Workflow (`Task`, `Serial`, `Parallel`, `Suspend`, `StatusCheck`, `Schedule` and the kinds above) and StatusCheck work.',
    '## Not supported',
    'Refused with the code `not-supported`, by their names alone.',
    table(
      ['Kind', 'Because'],
      Object.entries(unsupportedKinds).map(([kind, why]) => [kind, why]),
    ),
    '## Fields',
    ...kinds.map((kind) => page(`### ${kind.kind}`, kind.summary, fieldTable(kind)).trimEnd()),
    '## What is refused',
    'A selection, one document for each line. Every problem comes with its line and column.',
    table(['Kind', 'Where', 'Message'], refusals()),
  );
}

/** The selector is told once, and blocks where they have their own section. */
function fieldTable(kind: Kind): string {
  const blocks = chaosKinds.map(({ block = '' }) => block);
  const rows = describeParams(kind.spec).filter(({ name }) => {
    const inSelector = /(^|\.)selector\./.test(name) && !(kind.kind === 'PodChaos' && name.startsWith('selector.'));
    const inBlock = name
      .split('.')
      .some((part, i, all) => i < all.length - 1 && blocks.includes(part.replace('[]', '')));
    const inSchedule = kind.kind === 'Workflow' && /\.(schedule|statusCheck)\./.test(name);
    return !inSelector && !inBlock && !inSchedule;
  });
  const old = Object.keys(kind.legacy ?? {}).filter((key) => !(key in kind.spec.shape));
  const also = old.length > 0 ? `Of older versions it also takes ${old.map(code).join(', ')}.` : '';
  return [paramTable(rows), also].filter(Boolean).join('\n\n');
}
