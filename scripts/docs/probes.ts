import type { AnyProbe } from '../../src/probes/probe.ts';
import { describeParams } from '../../src/spec/params.ts';
import type { Vocabulary } from '../../src/spec/vocabulary.ts';
import { block, code, generated, page, paramTable, table } from './markdown.ts';

/** docs/reference/probes.md: the ways to read steady state. */
export function probesPage({ probes }: Vocabulary): string {
  const all = [...probes.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return page(
    generated('src/probes'),
    '# Probes',
    'A probe reads the system; the tolerance says which readings are good. Both stand side by side in a hypothesis, in `stopWhen` and in the `when` of a step:',
    block('probe: { http: { url: http://127.0.0.1:8080/health } }\ntolerance: { status: 200, latency: 300ms }', 'yaml'),
    'A reading that fails (refused, timed out, not found) is never within any tolerance. A tolerance that is left out means the defaults below. `zashiki probes ID` shows the same on the terminal.',
    table(
      ['Probe', 'What it reads'],
      all.map(({ id, summary }) => [`[${code(id)}](#${id})`, summary]),
    ),
    ...all.map(section),
  );
}

function section({ id, summary, params, tolerance, selects }: AnyProbe): string {
  return page(
    `## ${id}`,
    summary,
    '### Parameters of '.concat(id),
    selects
      ? `The selector of the platform ${code(selects)}: see [targets](targets.md#${selects}).`
      : paramTable(describeParams(params)),
    '### Tolerance of '.concat(id),
    paramTable(describeParams(tolerance), 'No tolerance.'),
  ).trimEnd();
}
