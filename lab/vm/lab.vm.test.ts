import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const run = async (program: string, ...args: string[]) => (await promisify(execFile)(program, args)).stdout;
const quietly = async (program: string, ...args: string[]) => void (await run(program, ...args).catch(() => {}));

/** Two namespaces with a cable between them, removed when the test ends. Returns a pinger from the first. */
async function cable() {
  for (const name of ['near', 'far']) {
    await run('ip', 'netns', 'add', name);
    onTestFinished(() => quietly('ip', 'netns', 'del', name));
  }
  await run(
    'ip',
    'link',
    'add',
    'name',
    'cable1',
    'netns',
    'near',
    'type',
    'veth',
    'peer',
    'name',
    'cable2',
    'netns',
    'far',
  );
  for (const [name, device, address] of [
    ['near', 'cable1', '10.9.0.1/24'],
    ['far', 'cable2', '10.9.0.2/24'],
  ] as const) {
    await run('ip', '-n', name, 'address', 'add', address, 'dev', device);
    await run('ip', '-n', name, 'link', 'set', device, 'up');
  }
  const args = ['netns', 'exec', 'near', 'ping', '-i', '0.05', '-W', '2'];
  await run('ip', ...args, '-c', '3', '10.9.0.2');
  return async (count: number) => {
    const text = await run('ip', ...args, '-c', String(count), '10.9.0.2').catch((error) => error.stdout as string);
    const times = [...text.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1])).sort((x, y) => x - y);
    return { received: times.length, least: times[0] ?? 0, median: times[times.length >> 1] ?? 0 };
  };
}

test('netem delays by 100 ms, and no more once it is lifted', async () => {
  const ping = await cable();
  await run('tc', '-n', 'near', 'qdisc', 'add', 'dev', 'cable1', 'root', 'netem', 'delay', '100ms');
  const slow = await ping(20);
  expect(slow.least).toBeGreaterThanOrEqual(100);
  expect(slow.median).toBeLessThan(120);
  await run('tc', '-n', 'near', 'qdisc', 'del', 'dev', 'cable1', 'root');
  expect((await ping(20)).median).toBeLessThan(50);
});

test('netem loses 30 % of 200 packets, give or take ten', async () => {
  const ping = await cable();
  await run('tc', '-n', 'near', 'qdisc', 'add', 'dev', 'cable1', 'root', 'netem', 'loss', '30%');
  const { received } = await ping(200);
  expect(received).toBeGreaterThan(120);
  expect(received).toBeLessThan(160);
});

test('prio, sfq, tbf, htb, fq_codel, ifb, clsact, flower, u32 and mirred are all there', async () => {
  await cable();
  const tc = (...args: string[]) => run('tc', '-n', 'near', ...args);
  await run('ip', '-n', 'near', 'link', 'add', 'ifb-test', 'type', 'ifb');
  await run('ip', '-n', 'near', 'link', 'set', 'ifb-test', 'up');
  await tc('qdisc', 'add', 'dev', 'ifb-test', 'root', 'handle', '1:', 'prio');
  await tc('qdisc', 'add', 'dev', 'ifb-test', 'parent', '1:1', 'sfq');
  await tc(
    'qdisc',
    'add',
    'dev',
    'ifb-test',
    'parent',
    '1:2',
    'tbf',
    'rate',
    '1mbit',
    'burst',
    '4k',
    'latency',
    '50ms',
  );
  await tc('qdisc', 'add', 'dev', 'ifb-test', 'parent', '1:3', 'fq_codel');
  await tc('qdisc', 'add', 'dev', 'cable1', 'root', 'handle', '9:', 'htb');
  await tc('qdisc', 'add', 'dev', 'cable1', 'clsact');
  const redirect = ['action', 'mirred', 'egress', 'redirect', 'dev', 'ifb-test'];
  const at = ['filter', 'add', 'dev', 'cable1'];
  await tc(...at, 'egress', 'protocol', 'ip', 'flower', 'ip_proto', 'tcp', 'dst_port', '80', ...redirect);
  await tc(...at, 'ingress', 'protocol', 'ip', 'u32', 'match', 'ip', 'src', '10.9.0.2/32', ...redirect);
  const kinds = [...(await tc('qdisc', 'show')).matchAll(/^qdisc (\S+)/gm)].map((match) => match[1]);
  for (const kind of ['prio', 'sfq', 'tbf', 'fq_codel', 'htb', 'clsact']) expect(kinds).toContain(kind);
});

test('nftables, and both kinds of iptables, take rules and give them back', async () => {
  await run('ip', 'netns', 'add', 'walls');
  onTestFinished(() => quietly('ip', 'netns', 'del', 'walls'));
  const inside = (...argv: string[]) => run('ip', 'netns', 'exec', 'walls', ...argv);
  await inside('nft', 'add table inet t; add chain inet t c { type filter hook input priority 0; }');
  await inside('nft', 'add rule inet t c numgen random mod 100 < 30 drop');
  expect(await inside('nft', 'list', 'ruleset')).toContain('numgen random mod 100 < 30 drop');
  for (const tables of ['iptables-nft', 'iptables-legacy', 'ip6tables-nft', 'ip6tables-legacy']) {
    await inside(
      tables,
      '-A',
      'INPUT',
      '-m',
      'statistic',
      '--mode',
      'nth',
      '--every',
      '4',
      '--packet',
      '0',
      '-j',
      'DROP',
    );
    expect(await inside(tables, '-S')).toContain('-m statistic --mode nth --every 4');
  }
});

test('cgroup v2 has its controllers, and systemd is the first process and content', async () => {
  const controllers = await readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8');
  for (const controller of ['cpu', 'memory', 'io', 'pids']) expect(controllers.split(/\s/)).toContain(controller);
  expect((await readFile('/proc/1/comm', 'utf8')).trim()).toBe('systemd');
  expect((await run('systemctl', 'is-system-running').catch((error) => error.stdout)).trim()).toBe('running');
});

test('Docker runs a container of the local image, in a cgroup of its own', async () => {
  const said = await run(
    'docker',
    'run',
    '--rm',
    '--memory',
    '64m',
    'zashiki-lab/busybox',
    'cat',
    '/sys/fs/cgroup/memory.max',
  );
  expect(said.trim()).toBe(String(64 * 1024 * 1024));
});

test('the tools that tests use are there', async () => {
  const programs = ['stress-ng', 'strace', 'perl', 'ping', 'iperf3', 'conntrack', 'ss', 'nsenter', 'ipset', 'openssl'];
  for (const program of programs) expect(await run('sh', '-c', 'command -v "$1"', 'sh', program)).toContain(program);
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  expect(major * 100 + minor).toBeGreaterThanOrEqual(2019);
});

test('what runs here is in a cgroup of no service', async () => {
  expect((await readFile('/proc/self/cgroup', 'utf8')).trim()).toBe('0::/lab');
});
