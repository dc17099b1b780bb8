import { z } from 'zod';
import { defineFault } from './fault.ts';
import { goneContainer, tellState } from './parts/container.ts';
import { poll } from './parts/wait.ts';

/** Removes a container for good, running or not. */
export default defineFault({
  id: 'container-remove',
  summary: 'Remove the container with its writable layer, for good.',
  needs: ['lifecycle'],
  params: z.strictObject({
    force: z.boolean().default(true).describe('Also when it runs: it is killed first. Default true.'),
    volumes: z.boolean().default(true).describe('Its anonymous volumes too. Default true.'),
    links: z
      .boolean()
      .default(false)
      .describe(
        'Remove the link of this name instead, as `docker rm --link` does; the container stays. Default false.',
      ),
  }),
  reversible: false,
  undoneBy: 'nothing: container-recreate makes the container again',
  async plan(on) {
    if ((await on.lifecycle.state()).status === 'gone') throw goneContainer();
    return {};
  },
  async inject(on, params) {
    await on.lifecycle.remove(params);
  },
  async observe(on, { links }, _undo, context) {
    if (links) return { yes: true, detail: 'the link was removed' };
    const gone = await poll(5000, context, async () =>
      (await on.lifecycle.state()).status === 'gone' ? true : undefined,
    );
    if (gone) return { yes: true, detail: 'the container is gone' };
    return { yes: false, detail: `still there: ${tellState(await on.lifecycle.state())}` };
  },
  async recover() {},
  async verify() {
    return { yes: true, detail: 'there is nothing to undo' };
  },
});
