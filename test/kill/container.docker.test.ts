import { readdirSync, readlinkSync } from 'node:fs';
import { describe, expect, onTestFinished } from 'vitest';
import { test } from '../cli/place.ts';
import { docker, unable } from '../fixtures/docker.ts';
import { makeCrew, ours } from './crew.ts';
import { areOn, begin, leavesNobody } from './run.ts';
import { eventually } from './wait.ts';

const all = (faults: readonly { readonly id: string }[], work: (id: string) => Promise<unknown>) =>
  Promise.all(faults.map(({ id }) => work(id)));

const namespaceOf = async (id: string): Promise<string> =>
  readlinkSync(`/proc/${(await docker('GET', `/containers/${id}/json`)).State.Pid}/ns/net`);

/** Whether a process of this machine lives there. */
const isAlive = (namespace: string) =>
  readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/ns/net`) === namespace;
    } catch {
      return false;
    }
  });

describe.skipIf(unable)(`all network faults are on${unable ? `: skipped, ${unable}` : ''}`, () => {
  for (const [what, ending, signal] of [
    ['started again', (id: string) => docker('POST', `/containers/${id}/restart?t=0`), 'SIGTERM'],
    ['removed', (id: string) => docker('DELETE', `/containers/${id}?force=1&v=1`), 'SIGKILL'],
  ] as const) {
    test(`and the containers are ${what}; then the runner gets ${signal}`, async ({ place }) => {
      const crew = await makeCrew();
      onTestFinished(() => crew.end());
      const { members, peer } = crew;
      const wanted = members.map((member) => ({ member, fault: member.fault }));
      const going = await begin(place, wanted, { peer });
      await areOn(going, members.length);
      for (const { fault, now } of members) if (fault !== 'network-down') expect(await now(), fault).toMatch(ours);
      const namespaces: string[] = [];
      await all(members, async (id) => namespaces.push(await namespaceOf(id)));
      await all(members, ending);
      going.runner.child.kill(signal);
      // A helper of ours may still live in a namespace that nobody else has; then it is undone there.
      await going.isOver('either');
      await leavesNobody(place);
      await eventually(
        () => !namespaces.some(isAlive),
        () => 'the old network namespaces to end',
      );
      if (what === 'removed') return;
      for (const { fault, now, before } of members) {
        expect(before, fault).not.toMatch(ours);
        expect(await now(), fault).not.toMatch(ours);
      }
    });
  }
});
