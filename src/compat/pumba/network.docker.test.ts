import { describe, expect, test } from 'vitest';
import { container, network, unable, unique } from '../../../test/fixtures/docker.ts';
import { inNetwork, isBuilt, networkState, ping, run, start } from '../../../test/fixtures/pumba-program.ts';

/** Two containers in a network of their own. */
async function pair(image = 'busybox') {
  const net = await network(unique('zp'));
  const make = () => container({ image, hostConfig: { NetworkMode: net } });
  const [web, peer] = await Promise.all([make(), make()]);
  const pid: number = (await web.inspect()).State.Pid;
  const addressOf = async (of: typeof web) =>
    (Object.values((await of.inspect()).NetworkSettings.Networks)[0] as { IPAddress: string }).IPAddress;
  return { web, peer, pid, peerAddress: await addressOf(peer), address: await addressOf(web) };
}

describe.skipIf(unable !== undefined || !isBuilt())("Pumba's network faults on a real engine", () => {
  test('PU-18, PU-19, PU-22, PU-24 netem delay: packets take longer, and all is as before afterwards', async () => {
    // An image without a shell, let alone tc.
    const { web, pid, peerAddress } = await pair('scratch-sleeper');
    const before = networkState(pid);
    const going = start(['-l', 'debug', 'netem', '-d', '10m', 'delay', '--time', '80', '--jitter', '0', web.name]);
    await going.says('round trip');
    const { ms, back } = ping(pid, peerAddress);
    expect(back).toBe(1);
    expect(ms).toBeGreaterThanOrEqual(79);
    going.child.kill('SIGTERM');
    const { code, log } = await going.ended;
    expect(code).toBe(0);
    const messages = log.map((line) => /level=info msg="([^"]*)".*command="?([^"]*)/.exec(line)?.slice(1, 3));
    expect(messages.filter(Boolean)[0]).toEqual(['running netem on container', '[delay 80ms]']);
    expect(log.join()).toContain('msg="stopping netem on container"');
    expect(networkState(pid)).toBe(before);
  });

  test('PU-23 netem with a target: the target is slow, the others are not', async () => {
    const { web, peer, pid, peerAddress } = await pair();
    const gateway = /via ([\d.]+)/.exec(inNetwork(pid, 'ip', 'route'))?.[1] ?? '';
    const going = start([
      '-l',
      'debug',
      'netem',
      '-d',
      '10m',
      '-t',
      peer.name,
      'delay',
      '-t',
      '80',
      '-j',
      '0',
      web.name,
    ]);
    await going.says('round trip');
    expect(ping(pid, peerAddress).ms).toBeGreaterThanOrEqual(79);
    expect(ping(pid, gateway).ms).toBeLessThan(79);
    going.child.kill('SIGTERM');
    expect((await going.ended).code).toBe(0);
    expect(ping(pid, peerAddress).ms).toBeLessThan(79);
  });

  test('PU-20 netem loss of everything; kill -9 of our process does not leave it behind', async () => {
    const { web, pid, peerAddress } = await pair();
    const before = networkState(pid);
    const going = start(['-l', 'debug', 'netem', '-d', '10m', 'loss', '--percent', '100', web.name]);
    await going.says('lost');
    expect(ping(pid, peerAddress, 3).back).toBe(0);
    going.child.kill('SIGKILL');
    await going.ended;
    await expect.poll(() => networkState(pid), { timeout: 60_000, interval: 500 }).toBe(before);
    expect(ping(pid, peerAddress, 3).back).toBe(1);
  });

  test.each([
    ['PU-20', ['loss-state', '--p13', '30']],
    ['PU-20', ['loss-gemodel', '--pg', '5', '--pb', '30']],
    ['PU-20', ['rate', '--rate', '1mbit']],
    ['PU-21', ['duplicate', '--percent', '50']],
    ['PU-21', ['corrupt', '--percent', '50']],
    ['PU-31', ['combine', '--delay', '--delay-time', '5', '--loss', '--loss-percent', '10', '--']],
    ['PU-31', ['delay', '--time', '5', 'loss', '--percent', '10']],
  ])('%s netem %j is done and undone', async (_row, effect) => {
    const { web, pid } = await pair();
    const before = networkState(pid);
    const { code, log } = await run(['-l', 'info', 'netem', '--duration', '500ms', ...effect, web.name]);
    expect(log.map((line) => /msg="([^"]*)"/.exec(line)?.[1])).toEqual([
      'running netem on container',
      'stopping netem on container',
    ]);
    expect(code).toBe(0);
    expect(networkState(pid)).toBe(before);
  });

  test('PU-31 iptables loss: what comes in is lost, rules of others are kept', async () => {
    const { web, peer, pid, address } = await pair();
    inNetwork(pid, 'iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '1', '-j', 'DROP');
    const before = networkState(pid);
    const peerPid: number = (await peer.inspect()).State.Pid;
    const going = start(['-l', 'debug', 'iptables', '-d', '10m', '-p', 'icmp', 'loss', '--probability', '1', web.name]);
    await going.says('a rule drops');
    expect(ping(peerPid, address, 3).back).toBe(0);
    going.child.kill('SIGINT');
    expect((await going.ended).code).toBe(0);
    expect(ping(peerPid, address, 3).back).toBe(1);
    expect(networkState(pid)).toBe(before);
  });

  test('PU-31 iptables --dest: what comes to one address of the container is lost, to the other it is not', async () => {
    const { web, peer, pid, address } = await pair();
    const peerPid: number = (await peer.inspect()).State.Pid;
    const second = address.replace(/\d+$/, '201');
    inNetwork(pid, 'ip', 'addr', 'add', `${second}/16`, 'dev', 'eth0');
    const before = networkState(pid);
    const iptables = ['iptables', '-d', '10m', '--dest', second, 'loss', '--probability', '1', web.name];
    const going = start(['-l', 'debug', ...iptables]);
    await going.says('a rule drops');
    expect(ping(peerPid, second, 3).back).toBe(0);
    expect(ping(peerPid, address, 3).back).toBe(1);
    going.child.kill('SIGINT');
    expect((await going.ended).code).toBe(0);
    expect(ping(peerPid, second, 3).back).toBe(1);
    expect(networkState(pid)).toBe(before);
  });

  test('PU-26 a qdisc that is there already stays, and comes to no harm', async () => {
    const { web, pid } = await pair();
    inNetwork(
      pid,
      'tc',
      'qdisc',
      'add',
      'dev',
      'eth0',
      'root',
      'tbf',
      'rate',
      '50mbit',
      'burst',
      '64kb',
      'latency',
      '50ms',
    );
    const before = networkState(pid);
    expect((await run(['netem', '-d', '300ms', 'delay', '-t', '5', web.name])).code).toBe(0);
    expect(networkState(pid)).toBe(before);
  });
});
