import { rm } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { testContext } from '../../../test/fixtures/living-target.ts';
import containerKill from '../../faults/container-kill.ts';
import platform from './platform.ts';
import { plainContainer, unableToMake } from './testing.ts';

const unable = unableToMake();

async function made(argv: readonly string[]) {
  const container = await plainContainer({ argv });
  onTestFinished(() => container.end());
  const [target] = await platform.discover(platform.selector.parse({ id: container.id }));
  if (!target) throw new Error('it is not found');
  const { lifecycle } = await platform.attach(target);
  if (!lifecycle) throw new Error('it has no lifecycle');
  return { lifecycle, target };
}

const deaf = ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'];

describe.skipIf(unable)('the end of a container of this machine', () => {
  test('container-kill ends it, and sees that', async () => {
    const { target } = await made(['sleep', '1000']);
    const context = await testContext();
    onTestFinished(() => rm(context.keep, { recursive: true, force: true }));
    const params = containerKill.params.parse({});
    const on = (await platform.attach(target)) as Parameters<typeof containerKill.plan>[0];
    const undo = await containerKill.plan(on, params, context);
    await containerKill.inject(on, params, undo, context);
    expect(await containerKill.observe(on, params, undo, context)).toMatchObject({ yes: true });
    expect(await platform.check(target)).toBe('gone');
  });

  test('stop: what does not listen is killed after its grace', async () => {
    const { lifecycle } = await made(deaf);
    expect(await lifecycle.state()).toMatchObject({ status: 'running', exitCode: null });
    await lifecycle.kill('SIGTERM');
    expect(await lifecycle.state()).toMatchObject({ status: 'running' });
    await lifecycle.stop({ grace: 200 });
    await expect.poll(async () => (await lifecycle.state()).status).toBe('gone');
    await lifecycle.stop({ grace: 200 });
  });

  test('what only a runtime can do is said', async () => {
    const { lifecycle } = await made(['sleep', '1000']);
    await expect(lifecycle.pause()).rejects.toMatchObject({ code: 'not-supported' });
    await expect(lifecycle.start()).rejects.toThrow(/its runtime/);
  });
});
