import { z } from 'zod';
import type { Path } from '../../../spec/problem.ts';
import { externalTargetError } from '../external.ts';
import { Latency, PercentText, Rate, Text } from '../fields.ts';
import { experimentShape, type Kind, legacyShape } from '../kind.ts';
import { isGiven, listOf, mapOf, type Raw, type Say } from '../say.ts';
import { checkPods, podShape } from '../selector.ts';

const correlation = PercentText.default('0').describe('How much a packet takes after the one before, in percent.');

const Reorder = z.strictObject({
  reorder: PercentText.describe('Share of packets that is not held up.'),
  correlation,
  gap: z.int().min(0).describe('Only every so many packets is a candidate.'),
});

const Delay = z.strictObject({
  latency: Latency(1).describe('How long every packet is held up.'),
  jitter: Latency(0).default('0ms').describe('How much it varies to either side.'),
  correlation,
  reorder: Reorder.optional(),
});

/** A bucket that one packet does not fit into lets nothing pass. */
const leastBuffer = 1600;

const Bandwidth = z.strictObject({
  rate: Rate.describe('The most that passes.'),
  limit: z.int().min(1).describe('Bytes that may wait.'),
  buffer: z
    .int()
    .min(leastBuffer)
    .describe(`Bytes that may go at once; a packet must fit, so ${leastBuffer} at least.`),
  peakrate: z.int().min(0).optional().describe('Not available.'),
  minburst: z.int().min(0).optional().describe('Not available.'),
});

const ExternalTarget = Text.superRefine((text, context) => {
  const message = externalTargetError(text);
  if (message) context.addIssue({ code: 'custom', message });
});

const device = Text.regex(/^[A-Za-z0-9][\w.:@+-]{0,14}$/, 'not the name of a network device');

export const effects = ['delay', 'loss', 'duplicate', 'corrupt', 'rate'] as const;

export const NetworkChaosSpec = z.strictObject({
  action: z.enum(['netem', 'delay', 'loss', 'duplicate', 'corrupt', 'partition', 'bandwidth']),
  ...podShape,
  direction: z
    .enum(['to', 'from', 'both'])
    .default('to')
    .describe('Packets from selector to target, from target to selector, or both.'),
  target: z.strictObject(podShape).optional().describe('The pods at the other end.'),
  externalTargets: z
    .array(ExternalTarget)
    .optional()
    .describe('Addresses, networks or host names, each with :port if wanted.'),
  device: device.optional().describe('Network device of the pods of selector.'),
  targetDevice: device.optional().describe('Network device of the pods of target.'),
  delay: Delay.optional(),
  loss: z.strictObject({ loss: PercentText.describe('Share of packets that is lost.'), correlation }).optional(),
  duplicate: z
    .strictObject({ duplicate: PercentText.describe('Share of packets that comes twice.'), correlation })
    .optional(),
  corrupt: z
    .strictObject({ corrupt: PercentText.describe('Share of packets with a flipped bit.'), correlation })
    .optional(),
  rate: z
    .strictObject({ rate: Rate.describe('The most that passes.') })
    .optional()
    .describe('For action netem.'),
  bandwidth: Bandwidth.optional(),
  ...experimentShape,
});

/** Delays, loses, cuts off and slows down packets. */
export const networkChaos: Kind = {
  kind: 'NetworkChaos',
  plural: 'networkchaos',
  summary: 'Delay, lose, duplicate or corrupt packets, limit their rate, or cut pods off.',
  state: 'works',
  spec: NetworkChaosSpec,
  legacy: legacyShape,
  rules: (spec, path, say) => {
    checkPods(spec, path, say);
    const target = mapOf(spec.target);
    if (target) checkPods(target, [...path, 'target'], say);
    checkAction(spec, path, say);
    checkDirection(spec, path, say, target !== undefined);
  },
  block: 'networkChaos',
  columns: ['action', 'duration'],
  cel: [
    ...['delay', 'loss', 'duplicate', 'corrupt', 'bandwidth'].map((action) => ({
      rule: `self.action != '${action}' || has(self.${action})`,
      message: `action ${action} needs the block ${action}`,
      fieldPath: `.${action}`,
    })),
    {
      rule: "self.action == 'partition' || !has(self.direction) || self.direction == 'to' || has(self.target)",
      message: 'direction from and both need a target',
      fieldPath: '.target',
    },
  ],
};

const samples: Readonly<Record<string, string>> = {
  delay: '{ latency: 100ms }',
  loss: '{ loss: "25" }',
  duplicate: '{ duplicate: "25" }',
  corrupt: '{ corrupt: "25" }',
  rate: '{ rate: 1mbps }',
  bandwidth: '{ rate: 1mbps, limit: 20971520, buffer: 10000 }',
};

/** Every action has its block, and no block stands there for nothing. */
function checkAction(spec: Raw, path: Path, say: Say): void {
  const action = String(spec.action);
  const blocks = [...effects, 'bandwidth'].filter((key) => isGiven(spec[key]));
  if (action === 'netem') {
    if (!blocks.some((key) => key !== 'bandwidth')) {
      say(path, `action netem needs at least one of ${effects.join(', ')}, such as delay: ${samples.delay}`);
    }
  } else if (action in samples && action !== 'rate' && !blocks.includes(action)) {
    say([...path, action], `missing: action ${action} needs it, such as ${action}: ${samples[action]}`);
  }
  const used = action === 'netem' ? effects : [action];
  for (const key of blocks) {
    if (action in samples || action === 'netem' || action === 'partition') {
      if (!(used as readonly string[]).includes(key)) {
        const other = key === 'bandwidth' ? 'action bandwidth' : 'action netem, which carries out several at once';
        say([...path, key], `action ${action} does not use it: remove it, or write ${other}`, { on: 'key' });
      }
    }
    const share = mapOf(spec[key])?.[key];
    const zero = typeof share === 'string' && /^0+(\.0+)?$/.test(share);
    if (zero && action === key) say([...path, key, key], `a share of 0 does nothing: write more than "0"`);
  }
  const bandwidth = mapOf(spec.bandwidth);
  for (const key of ['peakrate', 'minburst']) {
    if (typeof bandwidth?.[key] === 'number' && bandwidth[key] > 0) {
      say([...path, 'bandwidth', key], `${key} is known, and not yet available in this version: leave it out`, {
        on: 'key',
        code: 'not-available',
      });
    }
  }
}

function checkDirection(spec: Raw, path: Path, say: Say, hasTarget: boolean): void {
  const { direction, action } = spec;
  const outside = listOf(spec.externalTargets).length > 0;
  if ((direction === 'from' || direction === 'both') && action !== 'partition') {
    if (!hasTarget) {
      say(
        [...path, 'direction'],
        `direction ${direction} needs a target, whose packets are meant: add target with selector and mode, or write direction: to`,
      );
    } else if (outside) {
      say(
        [...path, 'externalTargets'],
        `with direction ${direction} only pods are at the other end: remove externalTargets, or write direction: to`,
        { on: 'key' },
      );
    }
  }
  if (!hasTarget && isGiven(spec.targetDevice)) {
    say([...path, 'targetDevice'], 'there is no target whose device it could be: remove it, or add target', {
      on: 'key',
    });
  }
}
