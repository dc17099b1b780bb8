import { z } from 'zod';
import { Text } from '../fields.ts';
import { experimentShape, type Kind, legacyShape } from '../kind.ts';
import { isGiven, listOf } from '../say.ts';
import { checkPods, containerShape, podShape } from '../selector.ts';

const Pattern = Text.superRefine((text, context) => {
  const body = text.endsWith('*') ? text.slice(0, -1) : text;
  if (body.includes('*')) {
    context.addIssue({
      code: 'custom',
      message: 'a * may only stand at the end: write chaos-* or ? for any one character',
    });
  } else if (!/^[A-Za-z0-9_.?-]*$/.test(body) || text === '') {
    context.addIssue({
      code: 'custom',
      message: 'not a pattern of host names: write one such as example.com, chaos-* or db-?.example.com',
    });
  }
});

export const DNSChaosSpec = z.strictObject({
  action: z.enum(['error', 'random']),
  ...podShape,
  ...containerShape,
  patterns: z.array(Pattern).optional().describe('Host names, with ? and a * at the end; default: all.'),
  ...experimentShape,
});

/** Makes look-ups of names fail or lead astray. */
export const dnsChaos: Kind = {
  kind: 'DNSChaos',
  plural: 'dnschaos',
  summary: 'Make look-ups of host names fail, or lead astray.',
  state: 'not-yet',
  spec: DNSChaosSpec,
  legacy: {
    ...legacyShape,
    scope: z.enum(['inner', 'outer', 'all']).optional().describe('v1.1. Only all can be read: as no patterns.'),
  },
  rules: (spec, path, say) => {
    checkPods(spec, path, say);
    if ((spec.scope === 'inner' || spec.scope === 'outer') && listOf(spec.patterns).length === 0) {
      say(
        [...path, 'scope'],
        `scope ${spec.scope} cannot be said in patterns, which have a * at the end only: remove it, and name the hosts in patterns`,
        { on: 'key' },
      );
    } else if (isGiven(spec.scope) && spec.scope !== 'all') {
      say([...path, 'scope'], 'besides patterns there is no scope any more: remove it', { on: 'key' });
    }
  },
  block: 'dnsChaos',
  columns: ['action', 'duration'],
};
