import { afterAll, test } from 'vitest';
import { builtModules } from '../../../test/fixtures/built.ts';
import { makeWire, wireMissing } from '../../../test/fixtures/network.ts';
import host from '../../platforms/host/platform.ts';
import { testFault } from '../contract.ts';
import type { AnyFault } from '../fault.ts';
import networkDown from '../network-down.ts';
import networkPartition from '../network-partition.ts';
import networkRate from '../network-rate.ts';
import networkReset from '../network-reset.ts';

const unable = wireMissing();
const built = await builtModules();
afterAll(built.remove);

/** One for each way to do it on any kernel: tbf, rules that drop, rules that answer, the device itself. */
const cases: readonly (readonly [AnyFault, object])[] = [
  [networkRate, { rate: '2mbit', via: 'tbf', direction: 'both' }],
  [networkPartition, { peers: ['10.77.0.1', 'fd77::1'] }],
  [networkReset, {}],
  [networkDown, {}],
];

for (const [fault, params] of cases) {
  testFault(fault, {
    test: (name, run) =>
      test(name, { timeout: 180_000 }, async (context) => {
        if (unable) context.skip(unable);
        await run();
      }),
    platform: host,
    modules: built.modulesOf(fault.id),
    kills: 2,
    async specimen() {
      const made = await makeWire();
      return { target: made.target, params, snapshot: async () => made.snapshot(), end: made.end };
    },
  });
}
