import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { unable } from '../../../test/fixtures/docker.ts';
import { answers, noHaproxy, type Service, service } from '../../../test/fixtures/hello-service.ts';
import { isBuilt, start, stateFolder } from '../../../test/fixtures/pumba-program.ts';

const reason = unable ?? (isBuilt() ? undefined : 'not built') ?? noHaproxy;

/** The share of good answers while the command runs, until it has killed so often. */
async function shareOfGood({ url, tag }: Service, kills: number, state: string): Promise<number> {
  const going = start(['-l', 'info', '--random', '--interval', '2s', 'kill', '--signal', 'SIGKILL', `re2:${tag}`], {
    state,
  });
  const killed = () => going.log().filter((line) => line.includes('msg="killing container"')).length;
  let [asked, good] = [0, 0];
  while (killed() < kills && going.child.exitCode === null) {
    asked++;
    if (await answers(url)) good++;
    await sleep(20);
  }
  await finish(going.child);
  expect((await going.ended).code).toBe(0);
  return good / asked;
}

async function finish(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
}

describe.skipIf(reason !== undefined)(`The walk-through${reason ? ` (${reason})` : ''}`, () => {
  test('PU-30 one replica: the service goes down; five: it stays up while replicas are killed', async () => {
    const state = stateFolder();
    const one = await service(1);
    const alone = await shareOfGood(one, 4, state);
    const five = await service(5);
    const together = await shareOfGood(five, 4, state);
    expect(alone).toBeLessThan(0.95);
    expect(together).toBeGreaterThan(0.97);
    expect(together).toBeGreaterThan(alone);
    expect(one.restarts()).toBeGreaterThan(0);
    expect(five.restarts()).toBeGreaterThan(0);
    // Every kill is a run of its own, with a journal.
    const journals = readdirSync(join(state, 'runs')).map((run) => join(state, 'runs', run));
    expect(journals.length).toBeGreaterThanOrEqual(8);
    const text = journals.map((folder) => readFileSync(join(folder, 'journal.jsonl'), 'utf8')).join('');
    expect(text).toContain('"type":"injected"');
  }, 240_000);
});
