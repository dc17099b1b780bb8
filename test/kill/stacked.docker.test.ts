import { afterAll, beforeAll, describe } from 'vitest';
import { test } from '../cli/place.ts';
import { unable } from '../fixtures/docker.ts';
import { type Crew, makeCrew } from './crew.ts';
import { networkFaults } from './recipes.ts';
import { areOn, begin, leavesNobody } from './run.ts';

// A device that is down takes no second fault: it comes second itself.
const down = 'network-down';
const others = networkFaults.filter((fault) => fault !== down);

/** The two faults on a container: its own and the next one in the list. */
const pairOn = (own: string): { readonly first: string; readonly second: string } =>
  own === down
    ? { first: 'network-rate', second: down }
    : { first: own, second: others[(others.indexOf(own) + 1) % others.length] ?? own };

describe.skipIf(unable)(
  `two runs on every container, one of them killed${unable ? `: skipped, ${unable}` : ''}`,
  () => {
    let crew: Crew;
    beforeAll(async () => {
      crew = await makeCrew();
    });
    afterAll(() => crew?.end());

    for (const killed of ['first', 'second'] as const) {
      test(`the ${killed} one: the other’s effect stays, and all is as before after it`, async ({ place }) => {
        const { members, peer } = crew;
        const start = async (which: 'first' | 'second') => {
          const wanted = members.map((member) => ({ member, fault: pairOn(member.fault)[which] }));
          const going = await begin(place, wanted, { peer });
          await areOn(going, members.length, which === 'first');
          return going;
        };
        const runs = { first: await start('first'), second: await start('second') };
        const stays = killed === 'first' ? 'second' : 'first';
        runs[killed].runner.child.kill('SIGKILL');
        await runs[killed].isOver('undone');
        await Promise.all(members.map((member) => member.feels(true, pairOn(member.fault)[stays])));
        runs[stays].runner.child.kill('SIGTERM');
        await runs[stays].isOver('undone');
        await crew.areAsBefore();
        await leavesNobody(place);
      });
    }
  },
);
