import { expect, test } from 'vitest';
import type { TargetRef } from '../../core/model.ts';
import { requests } from './fixtures/requests.ts';

const web: TargetRef = { platform: 'docker', id: 'c1', name: 'web', identity: { id: 'f'.repeat(64) } };
const loggedAs = (argv: string) => {
  const { begins, ends } = requests(argv)[0]?.request.action ?? {};
  return [begins, ends].map((told) => told && { message: told.message, ...told.fields(web) });
};

test('PU-11, PU-19, PU-20 what Pumba logs of a container', () => {
  const named = { name: '/web', id: 'f'.repeat(64) };
  expect(loggedAs('kill web')).toEqual([{ message: 'killing container', ...named, signal: 'SIGKILL' }, undefined]);
  expect(loggedAs('stop -r -t 7 web')).toEqual([
    { message: 'stopping container', ...named, timout: 7, signal: 'SIGTERM' },
    { message: 'starting container', ...named },
  ]);
  expect(loggedAs('rm web')[0]).toEqual({
    message: 'removing container',
    ...named,
    force: true,
    links: false,
    volumes: true,
  });
  expect(loggedAs('restart web')[0]).toEqual({ message: 'restart container', ...named, timeout: { span: 1000 } });
  expect(loggedAs('exec web')[0]).toEqual({ message: 'exec container', ...named, command: 'kill 1' });
  const [begins, ends] = loggedAs('netem -d 5s -t 10.1.2.3 --egress-port 80 delay web');
  expect(begins).toEqual({
    message: 'running netem on container',
    ...named,
    command: ['delay', '100ms', '10ms', '20.00'],
    ips: { networks: ['10.1.2.3/32'] },
    sports: ['80'],
    dports: null,
    duration: { span: 5000 },
    'tc-img': 'ghcr.io/alexei-led/pumba-alpine-nettools:latest',
    pull: true,
  });
  expect(ends).toMatchObject({
    message: 'stopping netem on container',
    iface: 'eth0',
    IPs: { networks: ['10.1.2.3/32'] },
  });
  const command = (argv: string) => (loggedAs(argv)[0] as { command?: unknown } | undefined)?.command;
  expect(command('netem -d 5s loss -p 20 -c 5 web')).toEqual(['loss', '20.00', '5.00']);
  expect(command('netem -d 5s loss -p 0.001 web')).toEqual(['loss', '0.001']);
  expect(command('netem -d 5s loss-state --p13 5 web')).toEqual([
    'loss',
    'state',
    '5.00',
    '100.00',
    '0.00',
    '100.00',
    '0.00',
  ]);
  expect(command('netem -d 5s loss-gemodel --pg 2 --pb 30 web')).toEqual([
    'loss',
    'gemodel',
    '2.00',
    '30.00',
    '100.00',
    '0.00',
  ]);
  expect(command('netem -d 5s rate -r 1mbit -p 14 -s 64 -c 2 web')).toEqual(['rate', '1mbit', '14', '64', '2']);
  expect(command('netem -d 5s rate -s 64 web')).toEqual(['rate', '100kbit', '0', '64']);
  expect(loggedAs('iptables -d 5s -p tcp --dport 80 loss --probability 0.2 web')[0]).toMatchObject({
    message: 'running iptables on container',
    commandPrefix: ['-I', 'INPUT', '-i', 'eth0', '-p', 'tcp'],
    commandSuffix: ['-m', 'statistic', '--mode', 'random', '--probability', '0.20', '-j', 'DROP'],
    dports: ['80'],
  });
});
