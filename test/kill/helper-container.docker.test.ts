import { chmodSync, chownSync } from 'node:fs';
import { describe, onTestFinished } from 'vitest';
import { cli, test } from '../cli/place.ts';
import { docker, unable } from '../fixtures/docker.ts';
import { makeCrew } from './crew.ts';
import { mortalEngine } from './engine.ts';
import { networkFaults, recipeOf } from './recipes.ts';
import { areOn, begin, leavesNobody } from './run.ts';
import { eventually } from './wait.ts';

const why = unable ? `: skipped, ${unable}` : '';
/** Nobody: whoever may not enter the namespaces of others, and so needs helper containers. */
const nobody = 65_534;

describe.skipIf(unable)(`helper containers are killed${why}`, () => {
  test('on the way back: it is tried again until all is as before', async ({ place, skip }) => {
    const engine = await mortalEngine(true);
    onTestFinished(() => engine.release());
    const { host } = engine;
    const images: { RepoTags: string[] | null }[] = await docker('GET', '/images/json', undefined, host);
    const helperImage = 'zashiki-lab/nettools';
    if (!images.some(({ RepoTags }) => RepoTags?.includes(`${helperImage}:latest`))) {
      skip(`needs the image ${helperImage}, which could not be built here`);
    }
    chmodSync(host.replace('unix://', ''), 0o666);
    chownSync(place.dir, nobody, nobody);
    const asNobody = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups', process.execPath, cli];
    if ((await place.start('setpriv', [...asNobody, '--version']).ended).code !== 0) {
      skip('needs a checkout, and a Node, that everybody may read');
    }
    const crew = await makeCrew({ faults: networkFaults.filter((fault) => recipeOf(fault).lasting), host });
    onTestFinished(() => crew.end());
    const { members, peer } = crew;
    const wanted = members.map((member) => ({
      ...{ member, fault: member.fault },
      params: recipeOf(member.fault).lasting ?? {},
    }));
    const going = await begin(place, wanted, {
      ...{ peer, selector: { engine: host, helperImage } },
      start: (args) => place.start('setpriv', [...asNobody, ...args]),
    });
    await areOn(going, members.length);
    await Promise.all(members.map((member) => member.feels(true)));
    const filters = encodeURIComponent(JSON.stringify({ label: ['zashiki.dev/helper'], status: ['running'] }));
    const killed = new Set<string>();
    const kill = async (upTo: number) => {
      const found: { Id: string }[] = await docker('GET', `/containers/json?filters=${filters}`, undefined, host);
      for (const { Id } of found.slice(0, upTo - killed.size)) {
        const done = docker('POST', `/containers/${Id}/kill?signal=KILL`, undefined, host);
        await done.then(
          () => killed.add(Id),
          () => undefined,
        );
      }
      return killed.size >= upTo;
    };
    await kill(members.length);
    going.runner.child.kill('SIGTERM');
    const most = killed.size + 4;
    await eventually(
      () => kill(most),
      () => `${most} helpers to be seen`,
    );
    await going.isOver('undone');
    await crew.areAsBefore();
    await leavesNobody(place);
    const left = () => docker('GET', `/containers/json?all=1&filters=${filters}`, undefined, host);
    await eventually(
      async () => (await left()).length === 0,
      () => 'the last helper to go',
    );
  });
});
