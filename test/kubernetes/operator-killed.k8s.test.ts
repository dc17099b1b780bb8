import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { apply, eventually, kubectl, unable } from '../fixtures/kubernetes.ts';
import {
  agents,
  chaos,
  install,
  killLeader,
  leader,
  linePids,
  look,
  nextLeader,
  operatorPids,
  own,
  recordsOf,
  remove,
  shop,
  signalLeader,
  uninstall,
  waitFor,
  web,
} from '../fixtures/kubernetes-operator.ts';

describe.skipIf(unable)('the operator that leads is gone of a sudden', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('killed while a fault is on: another replica takes over, and it comes off at its time, not at a new one', async () => {
    const { ns, answers } = await shop();
    const duration = 60_000;
    const spec = { action: 'partition', mode: 'all', selector: web, duration: `${duration}ms` };
    await apply(chaos('NetworkChaos', 'cut', ns, spec));
    await waitFor(ns, 'networkchaos/cut', 'AllInjected');
    expect(await answers()).toBe(false);
    const { begun } = (await look(ns, 'networkchaos/cut')).status.zashiki;
    const lines = async () => Object.values(await agents()).flatMap(linePids);
    const before = await lines();
    expect(before, 'all is asked by one program').toHaveLength(1);
    await nextLeader(await killLeader());
    const takenOver = Date.now();
    expect(await answers()).toBe(false);
    expect(takenOver, 'the leader changed while it was on').toBeLessThan(begun + duration);
    await waitFor(ns, 'networkchaos/cut', 'AllRecovered');
    await eventually(() => answers(), 20);
    // The agent knows the time, too, and may be first.
    const after = await eventually(async () => {
      const now = await look(ns, 'networkchaos/cut');
      return now.status.experiment.desiredPhase === 'Stop' ? now : false;
    });
    expect(after.status.zashiki.begun).toBe(begun);
    const [record] = recordsOf(after);
    expect(record).toMatchObject({ phase: 'Not Injected', injectedCount: 1, recoveredCount: 1 });
    const off = Date.parse(record?.events?.find(({ operation }) => operation === 'Recover')?.timestamp ?? '');
    // Seconds are cut off in the record.
    expect(off + 1000).toBeGreaterThanOrEqual(begun + duration);
    expect(off).toBeLessThan(takenOver + duration);
    await remove(ns, 'networkchaos/cut');
    // What asked for the one that was killed has ended, and so does what asked for its successor.
    await eventually(async () => (await lines()).every((pid) => !before.includes(pid)));
    await eventually(async () => (await lines()).length === 0);
  });

  test('killed while it injects, and the resource is deleted: nothing stays on', async () => {
    const { ns, ips, answers } = await shop(4);
    await apply(chaos('NetworkChaos', 'cut', ns, { action: 'partition', mode: 'all', selector: web }));
    await eventually(async () =>
      (await kubectl(['-n', ns, 'get', 'networkchaos', 'cut', '-o', 'json'])).includes('"intent"'),
    );
    const first = await killLeader();
    await kubectl(['-n', ns, 'delete', 'networkchaos', 'cut', '--wait=false']);
    expect(await kubectl(['-n', ns, 'get', 'networkchaos', 'cut', '-o', 'name'])).toContain('cut');
    await nextLeader(first);
    await eventually(async () => (await kubectl(['-n', ns, 'get', 'networkchaos', '-o', 'name'])) === '');
    for (const ip of ips) expect(await answers(ip), ip).toBe(true);
    const said = await kubectl(['-n', ns, 'get', 'events', '-o', 'jsonpath={.items[*].reason}']);
    expect(said).not.toContain('RecoveryUnverified');
  });

  test('frozen, and awake again when another one leads: it does nothing any more', async () => {
    const { ns, answers } = await shop();
    await apply(chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: web }));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    const first = await signalLeader('SIGSTOP');
    const pids = operatorPids(first);
    onTestFinished(() => {
      for (const pid of pids.filter((each) => operatorPids(first).includes(each))) process.kill(pid, 'SIGCONT');
    });
    const second = await nextLeader(first);
    await remove(ns, 'podchaos/fail');
    await eventually(() => answers());
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    await eventually(async () => (await kubectl(['-n', own, 'logs', first])).includes('leading no more'));
    expect(await leader()).toBe(second);
    expect(await answers()).toBe(true);
    expect(await kubectl(['-n', ns, 'get', 'podchaos', '-o', 'name'])).toBe('');
  });
});
