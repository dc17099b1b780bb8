import { existsSync, readFileSync } from 'node:fs';
import { capabilitySummaries } from '../../src/capabilities/index.ts';
import type { AnyFault } from '../../src/faults/fault.ts';
import { describeParams } from '../../src/spec/params.ts';
import type { Vocabulary } from '../../src/spec/vocabulary.ts';
import { block, code, generated, page, paramTable, table } from './markdown.ts';

/** docs/reference/faults.md: the catalogue, each entry with its parameters and an example that is tested. */
export function faultsPage({ faults, platforms }: Vocabulary): string {
  const all = [...faults.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const fits = (fault: AnyFault) =>
    [...platforms.values()]
      .filter(({ capabilities }) => fault.needs.every((need) => capabilities.includes(need)))
      .map(({ id }) => id)
      .join(', ');
  return page(
    generated('src/faults'),
    '# Faults',
    'A fault is an entry of the catalogue. A step of an experiment names one. It is injected into each victim, its effect is looked for, and it is recovered. `zashiki faults ID` shows the same on the terminal.',
    'A **lasting** fault stays on for its `duration`, or until the method ends; then it is undone, also when Zashiki itself is killed. A **one-shot** fault is over at once and takes no `duration`.',
    table(
      ['Fault', 'What it does', 'Kind', 'Platforms'],
      all.map((fault) => [`[${code(fault.id)}](#${fault.id})`, fault.summary, kind(fault), fits(fault)]),
    ),
    ...all.map((fault) => section(fault)),
    '## Capabilities',
    'A fault needs capabilities; a target offers some. What fits is computed, so that a fault is written once for all platforms.',
    table(
      ['Capability', 'What it lets a fault do'],
      Object.entries(capabilitySummaries).map(([name, summary]) => [code(name), summary]),
    ),
  );
}

const kind = (fault: AnyFault) => (fault.reversible ? 'lasting' : 'one-shot');

function section(fault: AnyFault): string {
  const example = `examples/faults/${fault.id}.yaml`;
  const undone = fault.reversible ? `Undone by: ${fault.undoneBy}` : `Cannot be undone: ${fault.undoneBy}`;
  return page(
    `## ${fault.id}`,
    fault.summary,
    [
      `- Kind: ${kind(fault)}`,
      `- Needs: ${fault.needs.map((need: string) => `[${code(need)}](#capabilities)`).join(', ')}`,
      `- ${undone}`,
    ].join('\n'),
    paramTable(describeParams(fault.params)),
    existsSync(example) && `From [${example}](../../${example}):`,
    existsSync(example) && block(readFileSync(example, 'utf8'), 'yaml'),
  ).trimEnd();
}
