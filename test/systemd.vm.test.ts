import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  experiment,
  install,
  installCommands,
  letter,
  main,
  run,
  show,
  systemctl,
  until,
  victim,
} from './fixtures/systemd.ts';

beforeAll(installCommands);

test('nightmare-monkey.service starts, comes back when it is killed, and stops in peace', async () => {
  await install('nightmare-monkey', '[Service]\nRestartSec=1s\n');
  await systemctl('start', 'nightmare-monkey');
  const pid = await show('nightmare-monkey', 'MainPID');
  expect(await show('nightmare-monkey', 'ActiveState')).toBe('active');
  process.kill(Number(pid), 'SIGKILL');
  await until(async () => (await show('nightmare-monkey', 'NRestarts')) === '1');
  await until(async () => (await show('nightmare-monkey', 'ActiveState')) === 'active');
  const again = await show('nightmare-monkey', 'MainPID');
  expect(Number(again)).toBeGreaterThan(0);
  expect(again).not.toBe(pid);
  expect((await run('stat', '--format=%a', '/var/lib/zashiki')).trim()).toBe('700');
  // It takes its signals from its first moments on; until then systemd ends it without its help.
  await until(async () => (await run('journalctl', '--unit=nightmare-monkey', `_PID=${again}`)).includes('Monkey'));
  await systemctl('stop', 'nightmare-monkey');
  expect(await show('nightmare-monkey', 'Result')).toBe('success');
});

test('zashiki.service that is killed leaves no fault behind: systemd has it recovered', async () => {
  const target = await victim('paused-by-schedule');
  const schedule = {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Schedule',
    metadata: { name: 'pauses' },
    spec: {
      schedule: { every: '5s' },
      experiment: {
        method: [
          { fault: 'process-pause', target: { host: { unit: 'paused-by-schedule' } }, mode: 'one', duration: '1h' },
        ],
      },
    },
  };
  await mkdir('/etc/zashiki', { recursive: true });
  await writeFile('/etc/zashiki/pauses.json', JSON.stringify(schedule));
  onTestFinished(() => rm('/etc/zashiki/pauses.json'));
  const start = 'ExecStart=\nExecStart=/usr/bin/env zashiki serve /etc/zashiki --execute --no-http';
  // Long enough before it comes back to look at what its death left.
  await install('zashiki', `[Service]\n${start}\nRestartSec=1h\n`);

  await systemctl('start', 'zashiki');
  await until(async () => (await letter(target)) === 'T');
  process.kill(Number(await show('zashiki', 'MainPID')), 'SIGKILL');
  await until(async () => (await show('zashiki', 'SubState')) === 'auto-restart');
  expect(await letter(target)).toBe('S');
  expect(await show('zashiki', 'Result')).toBe('signal');

  // A start would wait for the hour to pass.
  await systemctl('stop', 'zashiki');
  await systemctl('start', 'zashiki');
  await until(async () => (await letter(target)) === 'T');
  await systemctl('stop', 'zashiki');
  expect(await letter(target)).toBe('S');
  expect(await show('zashiki', 'Result')).toBe('success');
});

test('process-restart lets systemd restart a unit', async () => {
  const folder = '/run/systemd/system';
  await writeFile(`${folder}/restarted.service`, '[Service]\nExecStart=/usr/bin/sleep 3600\n');
  await systemctl('daemon-reload');
  await systemctl('start', 'restarted');
  onTestFinished(async () => {
    await systemctl('stop', 'restarted');
    await rm(`${folder}/restarted.service`);
    await systemctl('daemon-reload');
  });
  const [pid, invocation] = [await show('restarted', 'MainPID'), await show('restarted', 'InvocationID')];
  const file = await experiment({ fault: 'process-restart', target: { host: { unit: 'restarted' } }, mode: 'one' });
  await run(main, 'run', file, '--yes');
  expect(await show('restarted', 'ActiveState')).toBe('active');
  expect(await show('restarted', 'InvocationID')).not.toBe(invocation);
  const now = await show('restarted', 'MainPID');
  expect(now).not.toBe(pid);
  expect(await letter(now)).toBe('S');
});

test('process-restart spares a transient unit, which systemd could not start again', async () => {
  const pid = await victim('transient');
  const file = await experiment({ fault: 'process-restart', target: { host: { unit: 'transient' } }, mode: 'one' });
  const { stdout } = await promisify(execFile)(main, ['run', file, '--yes']).catch((error) => error);
  expect(stdout).toContain('transient.service');
  expect(await show('transient', 'MainPID')).toBe(pid);
});

test('workers of cpu-stress share the quota of the unit under cgroup v2, and leave it', async () => {
  const pid = await victim('small', 'CPUQuota=20%');
  const cgroup = `/sys/fs/cgroup${await show('small', 'ControlGroup')}`;
  const inside = async () => (await readFile(`${cgroup}/cgroup.procs`, 'utf8')).trim().split('\n');
  const throttled = async () => Number(/nr_throttled (\d+)/.exec(await readFile(`${cgroup}/cpu.stat`, 'utf8'))?.[1]);
  expect(await inside()).toEqual([pid]);
  const file = await experiment({
    fault: 'cpu-stress',
    target: { host: { unit: 'small' } },
    mode: 'one',
    params: { workers: 1, load: 100 },
    duration: '20s',
  });
  const running = run(main, 'run', file, '--yes');
  await until(async () => (await inside()).length > 1);
  const before = await throttled();
  await until(async () => (await throttled()) > before);
  await running;
  expect(await inside()).toEqual([pid]);
});
