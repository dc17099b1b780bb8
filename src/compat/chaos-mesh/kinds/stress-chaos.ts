import { z } from 'zod';
import { Text } from '../fields.ts';
import { experimentShape, type Kind, legacyContainer, legacyShape } from '../kind.ts';
import { isGiven, mapOf } from '../say.ts';
import { checkPods, containerShape, podShape } from '../selector.ts';
import { splitWords } from '../words.ts';

const options = z.array(Text).optional().describe('More arguments of stress-ng.');
const workers = z.int().min(1).max(8192);

const Cpu = z.strictObject({
  workers: workers.describe('How many.'),
  load: z.int().min(1).max(100).optional().describe('How busy each one is, in percent. Default: 100.'),
  options,
});

const Size = Text.meta({ title: 'size', examples: ['256MB', '50%'] }).superRefine((text, context) => {
  const issue = (message: string) => context.addIssue({ code: 'custom', message });
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1];
  if (percent !== undefined) {
    if (!(Number(percent) > 0 && Number(percent) <= 100)) issue('a share of the memory lies between 0% and 100%');
  } else if (!/^\d+(\.\d+)?\s*([kmgt]i?)?b?$/i.test(text))
    issue('not a size: write bytes or a share, such as 256MB or 50%');
  else if (Number.parseFloat(text) === 0) issue('a size of zero takes nothing: write 256MB');
});

const Memory = z.strictObject({
  workers: workers.describe('How many.'),
  size: Size.optional().describe('How much in all: bytes, or a share of the memory. Default: 256MB.'),
  oomScoreAdj: z.int().min(-1000).max(1000).optional().describe('Not available unless 0.'),
  options,
});

export const StressChaosSpec = z.strictObject({
  ...podShape,
  ...containerShape,
  stressors: z
    .strictObject({ cpu: Cpu.optional(), memory: Memory.optional() })
    .optional()
    .describe('Load on CPU and memory.'),
  stressngStressors: Text.optional().describe('Arguments of stress-ng as one text; then stressors does not count.'),
  ...experimentShape,
});

/** Loads CPU and memory of containers. */
export const stressChaos: Kind = {
  kind: 'StressChaos',
  plural: 'stresschaos',
  summary: 'Load the CPU and the memory of containers.',
  state: 'works',
  spec: StressChaosSpec,
  legacy: { ...legacyShape, ...legacyContainer },
  rules: (spec, path, say) => {
    checkPods(spec, path, say);
    const stressors = mapOf(spec.stressors);
    const raw = spec.stressngStressors;
    if (!isGiven(raw) && !isGiven(stressors?.cpu) && !isGiven(stressors?.memory)) {
      say(
        [...path, 'stressors'],
        'missing: nothing to do; give cpu, memory or both, such as cpu: { workers: 1 }, or stressngStressors',
      );
    }
    if (typeof raw === 'string' && raw !== '') {
      const words = splitWords(raw);
      if (words === undefined) say([...path, 'stressngStressors'], 'a quote is never closed: add the closing one');
      else if (!words[0]?.startsWith('-'))
        say([...path, 'stressngStressors'], 'must be arguments of stress-ng, such as --cpu 2 --timeout 60s');
    }
    const adjusted = mapOf(stressors?.memory)?.oomScoreAdj;
    if (typeof adjusted === 'number' && adjusted !== 0 && !isGiven(raw)) {
      say(
        [...path, 'stressors', 'memory', 'oomScoreAdj'],
        'another value than 0 is known, and not yet available in this version: leave it out',
        {
          on: 'key',
          code: 'not-available',
        },
      );
    }
  },
  block: 'stressChaos',
  columns: ['duration'],
  cel: [
    {
      rule: 'has(self.stressngStressors) || (has(self.stressors) && (has(self.stressors.cpu) || has(self.stressors.memory)))',
      message: 'give stressors with cpu or memory, or stressngStressors',
      fieldPath: '.stressors',
    },
  ],
};
