import type { ZodType } from 'zod';
import type { Target } from '../../core/model.ts';
import { count } from '../../report/phrases.ts';
import { openCatalogue } from '../../sdk/catalogue.ts';
import { examine } from '../../spec/explain.ts';
import { act, type DefineCommand } from '../command.ts';
import { say, sayJson, usage } from '../context.ts';
import { plain } from '../output/table.ts';
import { selectorOf } from '../selector-flags.ts';

/** `zashiki targets`: what a selector finds here. */
const define: DefineCommand = (command, context) => {
  command
    .summary('what a selector finds here, and what is protected')
    .description('List the targets that a selector finds on this machine; protected ones say why.')
    .argument('[selector...]', 'KEY=VALUE pairs of the selector, e.g. name=nginx or command="re2:^node .*worker"')
    .option('-p, --platform <id>', 'platform to ask', 'host')
    .option('-a, --all', 'also those that may never be hit')
    .addHelpText(
      'after',
      '\nExamples:\n  zashiki targets name=nginx\n  zashiki targets command="re2:worker" user=www-data\n  zashiki targets port=8080 --json',
    );
  act<{ platform: string; all?: boolean }>(command, async (pairs, { platform: id, all, json }) => {
    const platform = await openCatalogue().platform(id);
    const selector = pairs.length === 0 && id === 'host' ? { command: 're2:.' } : selectorOf(pairs);
    const { value, findings } = examine(platform.selector as unknown as ZodType, selector);
    if (findings.length > 0) {
      const lines = findings.map(({ path, message, on }) =>
        on === 'key' || path.length === 0 ? message : `${path.join('.')}: ${message}`,
      );
      throw usage(
        `the selector is wrong: ${lines.join('; ')}`,
        `write for example ${example(id)}; docs/reference/targets.md has all keys of the platform ${id}`,
      );
    }
    const found = await platform.discover(value as never);
    const shown = all ? found : found.filter((target) => target.protected === undefined);
    if (json) {
      sayJson(context, shown);
      return 0;
    }
    for (const line of rows(shown)) say(context, line);
    const spared = found.length - found.filter((target) => target.protected === undefined).length;
    const also = spared ? `, and ${spared} protected${all ? '' : ' (--all shows them)'}` : '';
    say(context, `${count(found.length - spared, 'target')}${also}`);
    if (found.length === 0)
      say(context, `Nothing matches: text is exact unless it begins with re2:, e.g. ${example(id, 're2:')}`);
    return 0;
  });
};
export default define;

/** A pair that the platform knows. */
const example = (id: string, prefix = ''): string =>
  id === 'kubernetes' ? `labels.app=${prefix}shop` : `name=${prefix}nginx`;

function rows(targets: readonly Target[]): readonly string[] {
  const idWidth = Math.max(0, ...targets.map(({ id }) => id.length));
  const nameWidth = Math.max(0, ...targets.map(({ name }) => name.length));
  return targets.map(({ id, name, labels, protected: why }) => {
    const about = why ? `protected: ${why}` : (labels.command ?? '');
    return plain(`${id.padEnd(idWidth)}  ${name.padEnd(nameWidth)}  ${(labels.user ?? '').padEnd(8)}  ${about}`).slice(
      0,
      160,
    );
  });
}
