import type { AnyPlatform } from '../../src/platforms/platform.ts';
import { describeParams } from '../../src/spec/params.ts';
import { ModeField } from '../../src/spec/steps.ts';
import type { Vocabulary } from '../../src/spec/vocabulary.ts';
import { block, code, generated, page, paramTable, table } from './markdown.ts';

const modes: Readonly<Record<string, readonly [string, string]>> = {
  one: ['', 'One candidate, drawn with the seed. The default.'],
  all: ['', 'Every candidate.'],
  fixed: ['how many', 'So many, or all when there are fewer.'],
  'fixed-percent': ['0 to 100', 'This share of the candidates, rounded down; above 0 at least one.'],
  'random-max-percent': ['0 to 100', 'A share drawn from 0 up to this one.'],
};

/** docs/reference/targets.md: platforms, their selectors, and how victims are chosen. */
export function targetsPage({ platforms }: Vocabulary): string {
  const missing = ModeField.unwrap().options.filter((mode) => !(mode in modes));
  if (missing.length > 0) throw new Error(`scripts/docs/targets.ts says nothing of mode ${missing.join(', ')}`);
  return page(
    generated('src/platforms'),
    '# Targets',
    'A step says where its victims are looked for: one platform, and a selector.',
    block('target: { host: { command: "re2:^node .*worker" } }\nmode: fixed-percent\nvalue: 50', 'yaml'),
    'All that match and are not protected are the **candidates**. The mode takes the **victims** from them, in an order that depends on the seed alone. `zashiki targets` shows what a selector finds.',
    '## Modes',
    table(
      ['Mode', '`value`', 'Victims'],
      ModeField.unwrap().options.map((mode) => [code(mode), ...(modes[mode] ?? [])]),
    ),
    ...[...platforms.values()].map(section),
  );
}

function section({ id, summary, selector, capabilities }: AnyPlatform): string {
  return page(
    `## ${id}`,
    summary,
    `Its targets offer ${[...capabilities].sort().map(code).join(', ')}; see [faults](faults.md#capabilities).`,
    paramTable(describeParams(selector), 'No selector.'),
  ).trimEnd();
}
