import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { startTarget } from '../../test/fixtures/living-target.ts';
import type { JournalEvent } from '../core/events.ts';
import { temporaryFolder } from '../journal/fixtures/fixtures.ts';
import { defineExperiment } from './define.ts';
import { openEngine } from './engine.ts';

let state = '';
let remove = () => {};
beforeEach(() => {
  ({ folder: state, remove } = temporaryFolder());
});
afterEach(() => remove());

test('a process that starts while others are paused is paused, too, and all go on after it', async () => {
  const mark = randomBytes(4).toString('hex');
  const start = async () => {
    const living = await startTarget([], { ZASHIKI_RESELECT: mark });
    onTestFinished(() => living.end());
    return living;
  };
  const first = await start();
  const experiment = await defineExperiment({
    metadata: { name: 'reselect' },
    spec: {
      method: [
        {
          fault: 'process-pause',
          target: { host: { env: { ZASHIKI_RESELECT: mark } } },
          mode: 'all',
          duration: '8s',
          reselect: true,
        },
      ],
    },
  });
  const seen: JournalEvent[] = [];
  let second: ReturnType<typeof start> | undefined;
  const engine = openEngine({ state });
  const { verdict, events } = await engine.run(
    { experiment, author: 'test', execute: true },
    {
      onEvent(event) {
        seen.push(event);
        if (event.type === 'injected' && event.injection === 'i1') second = start();
      },
    },
  );
  expect(verdict.outcome).toBe('held');
  const late = await second;
  const hit = events.flatMap((event) => (event.type === 'intent' ? [event.target.identity.pid] : []));
  expect(hit).toEqual([first.pid, late?.pid]);
  expect(events.filter((event) => event.type === 'observed' && event.real)).toHaveLength(2);
  expect(events.filter((event) => event.type === 'verified' && event.clean)).toHaveLength(2);
  expect(await Promise.race([late?.ask('ping'), sleep(5000, 'paused')])).not.toBe('paused');
});
