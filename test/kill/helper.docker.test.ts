import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, onTestFinished } from 'vitest';
import { signal, test } from '../cli/place.ts';
import { unable } from '../fixtures/docker.ts';
import { makeCrew } from './crew.ts';
import { networkFaults, recipeOf } from './recipes.ts';
import { areOn, begin, leavesNobody } from './run.ts';
import { eventually } from './wait.ts';

/** Living helpers for packets that one run has started. */
function workersOf(run: string): readonly number[] {
  const textOf = (path: string) => {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => textOf(`/proc/${pid}/environ`).includes(`=${run}.`))
    .filter((pid) => /\bpackets\.\w+\0/.test(textOf(`/proc/${pid}/cmdline`)))
    .map(Number);
}

describe.skipIf(unable)(`the helper for packets in user space is killed${unable ? `: skipped, ${unable}` : ''}`, () => {
  test('packets pass; then the runner is killed, and nothing of ours stays', async ({ place }) => {
    const crew = await makeCrew({ faults: networkFaults.filter((fault) => recipeOf(fault).inUserSpace) });
    onTestFinished(() => crew.end());
    const { members, peer } = crew;
    const params = { via: 'user-space' };
    const going = await begin(
      place,
      members.map((member) => ({ member, fault: member.fault, params })),
      { peer },
    );
    await areOn(going, members.length);
    await Promise.all(members.map((member) => member.feels(true)));
    const workers = workersOf(going.run);
    expect(workers.length).toBeGreaterThanOrEqual(members.length);
    for (const pid of workers) signal(pid, 'SIGKILL');
    await eventually(
      () => workersOf(going.run).length === 0,
      () => 'the helpers to end',
    );
    await Promise.all(members.map((member) => member.feels(false)));
    going.runner.child.kill('SIGKILL');
    await going.isOver('undone');
    await crew.areAsBefore();
    await leavesNobody(place);
  });
});
