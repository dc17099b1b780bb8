import { z } from 'zod';
import { experimentShape, type Kind, legacyContainer, legacyShape } from '../kind.ts';
import { isGiven, listOf } from '../say.ts';
import { checkPods, containerShape, podShape } from '../selector.ts';

export const PodChaosSpec = z.strictObject({
  action: z.enum(['pod-kill', 'pod-failure', 'container-kill']),
  ...podShape,
  ...containerShape,
  gracePeriod: z.int().min(0).optional().describe('pod-kill: seconds; default 0, at once.'),
  ...experimentShape,
});

/** Kills pods or containers, or makes pods fail. */
export const podChaos: Kind = {
  kind: 'PodChaos',
  plural: 'podchaos',
  summary: 'Kill pods or containers, or make pods fail for a time.',
  state: 'works',
  spec: PodChaosSpec,
  legacy: { ...legacyShape, ...legacyContainer },
  rules: (spec, path, say) => {
    checkPods(spec, path, say);
    const named = listOf(spec.containerNames).length > 0 || isGiven(spec.containerName);
    if (spec.action === 'container-kill' && !named) {
      say(
        [...path, 'containerNames'],
        'missing: action container-kill needs the names of containers, such as containerNames: [main]',
      );
    }
  },
  oneShot: ({ action }) => action === 'pod-kill' || action === 'container-kill',
  block: 'podChaos',
  cel: [
    {
      rule: "self.action != 'container-kill' || (has(self.containerNames) && size(self.containerNames) > 0) || has(self.containerName)",
      message: 'action container-kill needs the names of containers, such as containerNames: [main]',
      fieldPath: '.containerNames',
    },
  ],
};
