import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { apply, cluster, eventually, kubectl, unable } from '../fixtures/kubernetes.ts';
import {
  chaos,
  conditionOf,
  install,
  look,
  recordsOf,
  remove,
  shop,
  uninstall,
  waitFor,
  web,
} from '../fixtures/kubernetes-operator.ts';

const away = 60_000;

/** Does a pod answer this machine, which is on the network of the nodes? No API server has to be asked for that. */
const answersHere = (ip: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: ip, port: 8080, timeout: 2000 }, () => done(true));
    const done = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('error', () => done(false)).once('timeout', () => done(false));
  });

/** All that becomes of a condition, in order, from now on. */
async function following(ns: string, what: string, type: string): Promise<readonly string[]> {
  const { kubeconfig } = await cluster();
  const path = `jsonpath={.status.conditions[?(@.type=="${type}")].status}{"\\n"}`;
  const child = spawn('kubectl', ['--kubeconfig', kubeconfig, '-n', ns, 'get', what, '-w', '-o', path]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const seen: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    if (line !== seen.at(-1)) seen.push(line);
  });
  await once(lines, 'line');
  return seen;
}

describe.skipIf(unable)('the API server is away for a minute', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('what is on comes off by itself: at its time, or when the operator is not heard of; then it says what was', async () => {
    const { apiServer, api } = await cluster();
    const [short, long, paused] = [await shop(), await shop(), await shop()];
    const cut = { action: 'partition', mode: 'all', selector: web };
    await apply(
      chaos('NetworkChaos', 'short', short.ns, { ...cut, duration: '25s' }),
      chaos('NetworkChaos', 'long', long.ns, cut),
      chaos('PodChaos', 'failed', paused.ns, { action: 'pod-failure', mode: 'all', selector: web, duration: '30s' }),
    );
    await Promise.all([
      waitFor(short.ns, 'networkchaos/short', 'AllInjected'),
      waitFor(long.ns, 'networkchaos/long', 'AllInjected'),
      waitFor(paused.ns, 'podchaos/failed', 'AllInjected'),
    ]);
    onTestFinished(() => apiServer.start());
    const from = performance.now();
    await apiServer.stop();
    for (const { ip } of [short, long, paused]) expect(await answersHere(ip), ip).toBe(false);
    // By the agent alone, while nobody can reach the cluster: by its time, and by the lease that nobody renews.
    await eventually(() => answersHere(short.ip), away / 1000);
    await eventually(() => answersHere(long.ip), away / 1000);
    expect(await api.ready()).toBe(false);
    // An image is the API server's: nobody can give it back yet.
    expect(await answersHere(paused.ip)).toBe(false);
    await sleep(Math.max(0, from + away - performance.now()));
    await apiServer.start();

    const conditions = await following(long.ns, 'networkchaos/long', 'AllInjected');
    await waitFor(short.ns, 'networkchaos/short', 'AllRecovered');
    expect(recordsOf(await look(short.ns, 'networkchaos/short'))).toMatchObject([
      { phase: 'Not Injected', injectedCount: 1, recoveredCount: 1 },
    ]);
    await waitFor(paused.ns, 'podchaos/failed', 'AllRecovered');
    await eventually(() => paused.answers());

    // What has no end is wanted still: it was off meanwhile, which it says, and it is put on once more.
    await eventually(async () => recordsOf(await look(long.ns, 'networkchaos/long'))[0]?.injectedCount === 2);
    await waitFor(long.ns, 'networkchaos/long', 'AllInjected');
    expect(await long.answers()).toBe(false);
    expect(conditions.at(-1)).toBe('True');
    expect(conditions).toContain('False');
    expect(conditionOf(await look(long.ns, 'networkchaos/long'), 'AllRecovered')?.status).toBe('False');
    const said = await kubectl(['-n', long.ns, 'get', 'events', '-o', 'jsonpath={.items[*].message}']);
    expect(said).toContain('its lease ran out');
    for (const [ns, what] of [
      [short.ns, 'networkchaos/short'],
      [long.ns, 'networkchaos/long'],
      [paused.ns, 'podchaos/failed'],
    ] as const)
      await remove(ns, what);
    for (const { answers, ip } of [short, long, paused]) expect(await answers(), ip).toBe(true);
  });
});
