import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apply, exec, unable } from '../fixtures/kubernetes.ts';
import { chaos, install, remove, type Shop, shop, uninstall, waitFor, web } from '../fixtures/kubernetes-operator.ts';

const count = 30;

/** What a neighbor gets for so many pings: answers, and how many of them came more than once. */
async function pinged({ ns, neighbor, ip }: Shop) {
  const said = await exec(ns, neighbor, 'sh', '-c', `ping -c ${count} -i 0.1 -W 2 -q ${ip} || true`);
  const number = (pattern: RegExp) => Number(pattern.exec(said)?.[1] ?? 0);
  return {
    answers: number(/(\d+) packets received/),
    duplicates: number(/(\d+) duplicates/),
  };
}

const whole = { answers: count, duplicates: 0 };

describe.skipIf(unable)('packets of a pod, as a neighbor gets them', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test.each([
    ['loss', { loss: { loss: '60' } }, ({ answers }: typeof whole) => answers > 0 && answers < count],
    ['duplicate', { duplicate: { duplicate: '100' } }, ({ duplicates }: typeof whole) => duplicates >= count / 2],
    // Nodes let no packet through whose sum is wrong.
    ['corrupt', { corrupt: { corrupt: '60' } }, ({ answers }: typeof whole) => answers > 0 && answers < count],
  ] as const)('CM-18 %s: felt while it is on, and then all is whole', async (action, params, isFelt) => {
    const one = await shop();
    expect(await pinged(one)).toEqual(whole);
    await apply(chaos('NetworkChaos', 'packets', one.ns, { action, mode: 'all', selector: web, ...params }));
    await waitFor(one.ns, 'networkchaos/packets', 'AllInjected');
    const felt = await pinged(one);
    expect(isFelt(felt), JSON.stringify(felt)).toBe(true);
    await remove(one.ns, 'networkchaos/packets');
    expect(await pinged(one)).toEqual(whole);
  });
});
