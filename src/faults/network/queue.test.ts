import { rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { attach, testContext } from '../../../test/fixtures/living-target.ts';
import { makeWire, type Wire, wireMissing } from '../../../test/fixtures/network.ts';
import networkRate from '../network-rate.ts';

const unable = wireMissing();

/** A wire whose device has no queue, as those of containers. */
async function queueless(): Promise<Wire> {
  const on = await makeWire();
  onTestFinished(() => on.end());
  on.run(['ip', 'link', 'set', 'eth0', 'txqueuelen', '0']);
  return on;
}

const lengthOf = (on: Wire): number => JSON.parse(on.run(['ip', '-j', 'link', 'show', 'eth0']))[0].txqlen ?? 0;

async function rate(on: Wire, others: () => readonly never[] = () => []) {
  const context = { ...(await testContext()), siblings: others };
  onTestFinished(() => rm(context.keep, { recursive: true, force: true }));
  const capabilities = await attach(on.target);
  const params = networkRate.params.parse({ rate: '1mbit', via: 'tbf', direction: 'both' });
  const undo = JSON.parse(JSON.stringify(await networkRate.plan(capabilities, params, context)));
  return {
    undo,
    inject: () => networkRate.inject(capabilities, params, undo, context),
    recover: () => networkRate.recover(capabilities, undo, context),
    verify: () => networkRate.verify(capabilities, undo, context),
  };
}

test('a device without a queue has none again afterwards', { timeout: 60_000 }, async (context) => {
  if (unable) context.skip(unable);
  const on = await queueless();
  const one = await rate(on);
  await one.inject();
  expect(lengthOf(on)).toBe(1000);
  await one.recover();
  expect(lengthOf(on)).toBe(0);
  expect(await one.verify()).toMatchObject({ yes: true });
  on.run(['ip', 'link', 'set', 'eth0', 'txqueuelen', '1000']);
  expect(await one.verify()).toMatchObject({ yes: false, detail: expect.stringContaining('queue') });
  await one.recover();
  expect(lengthOf(on)).toBe(0);
});

test('of two injections the last one takes it back, whichever that is', { timeout: 60_000 }, async (context) => {
  if (unable) context.skip(unable);
  const on = await queueless();
  const undos: never[] = [];
  const first = await rate(on, () => undos.slice(1));
  await first.inject();
  undos.push(first.undo as never);
  const second = await rate(on, () => undos.filter((undo) => undo === first.undo));
  await second.inject();
  undos.push(second.undo as never);
  await first.recover();
  expect(lengthOf(on)).toBe(1000);
  undos.shift();
  await second.recover();
  expect(lengthOf(on)).toBe(0);
});

test('a length or a qdisc of somebody else is left alone', { timeout: 60_000 }, async (context) => {
  if (unable) context.skip(unable);
  const on = await queueless();
  const one = await rate(on);
  await one.inject();
  on.run(['ip', 'link', 'set', 'eth0', 'txqueuelen', '500']);
  await one.recover();
  expect(lengthOf(on)).toBe(500);

  on.run(['ip', 'link', 'set', 'eth0', 'txqueuelen', '0']);
  const two = await rate(on);
  await two.inject();
  on.run(['tc', 'qdisc', 'add', 'dev', 'eth0', 'root', 'tbf', 'rate', '50mbit', 'burst', '64kb', 'latency', '50ms']);
  await two.recover();
  expect(lengthOf(on)).toBe(1000);
  expect(on.run(['tc', 'qdisc', 'show', 'dev', 'eth0'])).toContain('tbf');
});
