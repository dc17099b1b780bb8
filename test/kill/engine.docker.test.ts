import { describe, expect, onTestFinished } from 'vitest';
import { test } from '../cli/place.ts';
import { docker, unable } from '../fixtures/docker.ts';
import { makeCrew, ours } from './crew.ts';
import { mortalEngine } from './engine.ts';
import { areOn, begin, leavesNobody } from './run.ts';
import { eventually } from './wait.ts';

const why = unable ? `: skipped, ${unable}` : '';
describe.skipIf(unable)(`dockerd is killed while all network faults are on, then the runner${why}`, () => {
  for (const live of [true, false]) {
    test(
      live ? 'containers that go on are as before' : 'containers that are started again are clean',
      async ({ place }) => {
        const engine = await mortalEngine(live);
        onTestFinished(() => engine.release());
        const { host } = engine;
        const crew = await makeCrew({ host, engineDies: true, hostConfig: { RestartPolicy: { Name: 'always' } } });
        onTestFinished(() => crew.end());
        const { members, peer } = crew;
        const wanted = members.map((member) => ({ member, fault: member.fault }));
        const going = await begin(place, wanted, { peer, selector: { engine: host } });
        await areOn(going, members.length);
        for (const { fault, now } of members) if (fault !== 'network-down') expect(await now(), fault).toMatch(ours);
        await engine.killDaemon();
        going.runner.child.kill('SIGKILL');
        await engine.startDaemon();
        await going.isOver(live ? 'undone' : 'either');
        await leavesNobody(place);
        if (live) return crew.areAsBefore();
        for (const { fault, id, now, before } of members) {
          const running = async () =>
            (await docker('GET', `/containers/${id}/json`, undefined, host)).State.Status === 'running';
          await eventually(running, () => `the container of ${fault} to run again`);
          expect(before, fault).not.toMatch(ours);
          expect(await now(), fault).not.toMatch(ours);
        }
      },
    );
  }
});
