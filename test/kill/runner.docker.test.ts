import { afterAll, beforeAll, describe, expect } from 'vitest';
import { lives, type Place, signal, test } from '../cli/place.ts';
import { unable } from '../fixtures/docker.ts';
import { type Crew, makeCrew } from './crew.ts';
import { networkFaults, recipeOf, reversibleFaults } from './recipes.ts';
import { areOn, begin, type Going, leavesNobody, ofType } from './run.ts';
import { eventually } from './wait.ts';

test('every reversible fault on networks is in the matrix', () => {
  expect(reversibleFaults.length).toBeGreaterThan(0);
  for (const fault of reversibleFaults) recipeOf(fault);
  expect(reversibleFaults).toEqual(expect.arrayContaining([...networkFaults]));
});

describe.skipIf(unable)(`all network faults are on, and the runner ends${unable ? `: skipped, ${unable}` : ''}`, () => {
  let crew: Crew;
  beforeAll(async () => {
    crew = await makeCrew();
  });
  afterAll(() => crew?.end());

  async function allOn(place: Place): Promise<Going> {
    const going = await begin(
      place,
      crew.members.map((member) => ({ member, fault: member.fault })),
      { peer: crew.peer },
    );
    await areOn(going, crew.members.length);
    await Promise.all(
      crew.members.map(async (member) => {
        await member.feels(true);
        expect(await member.now(), member.fault).not.toBe(member.before);
      }),
    );
    return going;
  }

  test('by SIGTERM: it recovers them itself', async ({ place }) => {
    const going = await allOn(place);
    going.runner.child.kill('SIGTERM');
    expect((await going.runner.ended).signal).toBeNull();
    await going.isOver('undone');
    await crew.areAsBefore();
    await leavesNobody(place);
  });

  test('by SIGKILL: its reaper recovers them', async ({ place }) => {
    const going = await allOn(place);
    going.runner.child.kill('SIGKILL');
    await going.isOver('undone');
    expect(ofType(going.events(), 'recovered').every(({ author }) => author.role === 'reaper')).toBe(true);
    await crew.areAsBefore();
    await leavesNobody(place);
  });

  test('by SIGKILL together with its reaper: `zashiki recover` recovers them', async ({ place }) => {
    const going = await allOn(place);
    signal(going.reaper, 'SIGKILL');
    going.runner.child.kill('SIGKILL');
    await eventually(
      () => !lives(going.reaper) && !lives(going.runner.pid),
      () => 'both to end',
    );
    for (const member of crew.members) await member.feels(true);
    const { code, stderr } = await place.run(['recover']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await going.isOver('undone');
    expect(ofType(going.events(), 'recovered').every(({ author }) => author.role === 'recover')).toBe(true);
    await crew.areAsBefore();
    await leavesNobody(place);
    expect((await place.run(['recover'])).stdout).toMatch(/nothing/i);
  });
});
