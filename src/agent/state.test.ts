import { spawnSync } from 'node:child_process';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { openTransport } from '../remote/index.ts';
import { openCatalogue } from '../sdk/catalogue.ts';
import { runAgent } from './agent.ts';
import { aim, contextFor, eventually, injectAndForget, startAgent, startVictim, story, testFolder } from './testing.ts';

const pause = { fault: 'process-pause', params: {} };

const small = (folder: string): string | undefined => {
  mkdirSync(folder);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', folder]);
  if (status !== 0) return undefined;
  onTestFinished(() => void spawnSync('umount', ['-l', folder]));
  return folder;
};

function fill(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  for (let size = bavail * bsize; size >= 1; size = Math.floor(size / 2)) {
    try {
      writeFileSync(join(folder, `filler-${size}`), Buffer.alloc(size));
    } catch {
      // A smaller one may still fit.
    }
  }
}

test('a full disk: nothing is injected, and what is on comes off all the same', async (context) => {
  const folder = testFolder();
  const state = small(join(folder, 'state'));
  if (state === undefined) return context.skip('needs to mount a tmpfs (root)');
  const agent = await startAgent(folder, { state });
  const victims = [await startVictim(), await startVictim()] as const;
  const [first, second] = [
    await aim(agent.transport, { pid: victims[0].pid }),
    await aim(agent.transport, { pid: victims[1].pid }),
  ];
  const undo = await injectAndForget(agent.transport, first.target, pause);
  fill(state);
  // The last block of the journal may still have room for some.
  const untilRefused = async () => {
    for (let count = 0; count < 20; count++) {
      const context = contextFor();
      const planned = await second.agent.plan(pause, context);
      await second.agent.inject(pause, planned, context);
      await eventually(() => victims[1].paused(), 'it is paused');
      await second.agent.recover('process-pause', planned, context);
    }
  };
  await expect(untilRefused()).rejects.toMatchObject({
    code: 'inject-failed',
    message: expect.stringContaining('cannot write'),
  });
  expect(victims[1].paused()).toBe(false);
  await first.agent.recover('process-pause', undo, contextFor());
  expect(victims[0].paused()).toBe(false);
  expect(story(state)).toContain('recovered');
});

test('setting the clock ends no lease and lengthens none', async () => {
  const folder = testFolder();
  const victim = await startVictim();
  let jump = 0;
  const stop = new AbortController();
  const url = `unix:${join(folder, 'agent.sock')}`;
  const listening = deferred();
  const ended = runAgent({
    ...{ state: join(folder, 'state'), name: 'node', version: '0', listen: [{ unix: url.slice(5) }] },
    ...{ auth: { allowed: [] }, catalogue: openCatalogue(), log: () => {}, signal: stop.signal },
    clock: { ...systemClock, now: () => systemClock.now() + jump },
    onListening: () => listening.resolve(undefined),
  });
  await listening.promise;
  const transport = openTransport({ url });
  const { agent: on, target } = await aim(transport, { pid: victim.pid });
  const day = 86_400_000;
  jump = -day;
  const undo = await injectAndForget(transport, target, pause, { lease: 3000 });
  jump = day;
  // Several looks at the leases later it is still on.
  await systemClock.sleep(800);
  await eventually(() => victim.paused(), 'it is paused');
  jump = -2 * day;
  await eventually(() => !victim.paused(), 'the lease is over');
  expect(await on.observe(pause, undo, contextFor())).toMatchObject({ yes: false });
  stop.abort();
  expect(await ended).toEqual([]);
});

function deferred() {
  let resolve: (value: unknown) => void = () => {};
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
