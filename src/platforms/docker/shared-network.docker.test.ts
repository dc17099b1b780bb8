import { describe, expect, test } from 'vitest';
import { staged } from '../../../test/fixtures/container-target.ts';
import { container, dockerHost, unable } from '../../../test/fixtures/docker.ts';
import type { Capabilities } from '../../capabilities/index.ts';
import type { TargetRef } from '../../core/model.ts';
import networkDown from '../../faults/network-down.ts';
import networkPartition from '../../faults/network-partition.ts';
import docker from './platform.ts';
import { openClient } from './runtimes/engine/client.ts';
import { helpersOf } from './runtimes/engine/helper.ts';
import { elsewhere, targetOf } from './testing.ts';

const sharing = (id: string, labels: Readonly<Record<string, string>> = {}) =>
  container({ image: 'nettools', labels, hostConfig: { NetworkMode: `container:${id}` } });
const spared = { 'zashiki.dev/skip': 'true' };
const ways: readonly (readonly [string, (target: TargetRef) => TargetRef])[] = [
  ['within reach', (target) => target],
  ['elsewhere', elsewhere],
];

describe.skipIf(unable).each(ways)('a network that containers share, %s', (_, seen) => {
  test('says who else works there: its holder and all its guests, but no helper of ours', async () => {
    const holder = await container({ image: 'nettools' });
    const guest = await sharing(holder.id);
    const third = await sharing(guest.id);
    await container({ image: 'nettools' });
    const helper = await helpersOf(await openClient({ url: dockerHost() })).start(holder.id, 'zashiki-lab/nettools');
    const { netns } = (await docker.attach(seen(await targetOf({ name: guest.name })))) as Capabilities;
    expect((await netns.identify()).others?.map(({ name }) => name).sort()).toEqual([holder.name, third.name].sort());
    await helper.remove();
    for (const each of [holder, third]) await each.remove();
    const alone = (await docker.attach(seen(await targetOf({ name: guest.name })))) as Capabilities;
    expect((await alone.netns.identify()).others).toBeUndefined();
  });

  test('the plan says who else is hit', async () => {
    const holder = await container({ image: 'nettools' });
    const guest = await sharing(holder.id);
    const target = seen(await targetOf({ name: guest.name }));
    for (const fault of [networkPartition, networkDown]) {
      const undo = (await (await staged(fault, target)).plan()) as never;
      expect(fault.describe?.(undo), fault.id).toContain(`; also hits ${holder.name}, in the same network`);
    }
  });

  test.each([networkPartition, networkDown])('$id is refused where one of them may never be hit', async (fault) => {
    const holder = await container({ image: 'nettools', labels: spared });
    const guest = await sharing(holder.id);
    const { plan } = await staged(fault, seen(await targetOf({ name: guest.name })), {});
    await expect(plan()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining(`${holder.name} works in the same network`),
    });
  });

  test('also when it came after the plan', async () => {
    const holder = await container({ image: 'nettools' });
    const { plan, inject } = await staged(networkPartition, seen(await targetOf({ name: holder.name })), {});
    const undo = await plan();
    await sharing(holder.id, spared);
    await expect(inject(undo)).rejects.toMatchObject({ code: 'refused' });
  });
});
