import { describe, expect, test } from 'vitest';
import { openCatalogue } from '../../sdk/catalogue.ts';
import { experimentOf, requests, selectorOf, stepOf } from './fixtures/requests.ts';

const catalogue = openCatalogue();
const docker = { engine: 'unix:///var/run/docker.sock' };

test('PU-12 one command is one whole experiment', () => {
  expect(experimentOf('kill web')).toEqual({
    apiVersion: 'zashiki.dev/v1',
    kind: 'Experiment',
    metadata: { name: 'pumba-kill' },
    spec: {
      steadyStateHypothesis: [],
      method: [
        {
          kind: 'fault',
          fault: 'container-kill',
          target: { platform: 'docker', selector: { ...docker, name: 'web', state: 'running' } },
          mode: 'all',
          params: { signal: 'SIGKILL' },
          resolve: 'step',
        },
      ],
      rollbacks: [],
      guards: {},
      stopWhen: [],
    },
  });
});

describe('faults', () => {
  const netem = { direction: 'egress', interface: 'eth0' };
  const rows: readonly (readonly [argv: string, fault: string, params: object, duration?: number])[] = [
    ['kill -s SIGTERM web', 'container-kill', { signal: 'SIGTERM' }],
    ['kill -s term web', 'container-kill', { signal: 'SIGTERM' }],
    ['kill -s 9 web', 'container-kill', { signal: '9' }],
    ['kill -s SIGABRT web', 'container-kill', { signal: 'SIGABRT' }],
    ['kill -s sigrtmin+3 web', 'container-kill', { signal: 'SIGRTMIN+3' }],
    ['kill --signal= web', 'container-kill', { signal: 'SIGKILL' }],
    ['stop web', 'container-stop', { grace: '5s' }],
    ['stop -t 0 web', 'container-stop', { grace: '5s' }],
    ['stop -t 30 web', 'container-stop', { grace: '30s' }],
    ['stop --restart web', 'container-restart', { grace: '5s' }, 10_000],
    ['stop -r -d 1m web', 'container-restart', { grace: '5s' }, 60_000],
    ['restart web', 'container-restart', { grace: '1000ms' }],
    ['restart -t 500ms web', 'container-restart', { grace: '500ms' }],
    ['restart -s 2s web', 'container-restart', { grace: '2000ms' }],
    ['pause -d 10s web', 'container-pause', {}, 10_000],
    ['start web', 'container-start', {}],
    ['rm web', 'container-remove', { force: true, volumes: true, links: false }],
    ['rm -f=false -v=0 web', 'container-remove', { force: false, volumes: false, links: false }],
    ['rm -n web', 'container-remove', { force: true, volumes: true, links: true }],
    ['rm -l web', 'container-remove', { force: true, volumes: true, links: true }],
    ['exec web', 'container-exec', { command: ['kill', '1'], user: 'root', timeout: '9m' }],
    ['exec -s ls -a -la -a /x web', 'container-exec', { command: ['ls', '-la', '/x'], user: 'root', timeout: '9m' }],
    ['exec -s "ls -la" web', 'container-exec', { command: ['ls', '-la'], user: 'root', timeout: '9m' }],
    ['exec -s "my tool" -a x web', 'container-exec', { command: ['my tool', 'x'], user: 'root', timeout: '9m' }],
    ['stress -d 1m web', 'stress', { arguments: ['--cpu', '4', '--timeout', '60s'] }, 60_000],
    [
      `stress -d 1m --stressors "--vm 1 --vm-bytes '1 G'" web`,
      'stress',
      { arguments: ['--vm', '1', '--vm-bytes', '1 G'] },
      60_000,
    ],
    [
      'netem -d 5s delay web',
      'network-delay',
      { ...netem, latency: '100ms', jitter: '10ms', correlation: 20, distribution: 'uniform' },
      5000,
    ],
    [
      'netem -d 5s delay -t 5 web',
      'network-delay',
      { ...netem, latency: '5ms', jitter: '5ms', correlation: 20, distribution: 'uniform' },
      5000,
    ],
    [
      'netem -d 5s delay -t 5 -j 0 web',
      'network-delay',
      { ...netem, latency: '5ms', jitter: '0ms', correlation: 0, distribution: 'uniform' },
      5000,
    ],
    [
      'netem -d 5s -i eth1.100 delay -t 50 -j 5 -c 0.5 -d pareto web',
      'network-delay',
      {
        direction: 'egress',
        interface: 'eth1.100',
        latency: '50ms',
        jitter: '5ms',
        correlation: 0.5,
        distribution: 'pareto',
      },
      5000,
    ],
    [
      'netem -d 5s loss -p 20 -c 5 web',
      'network-loss',
      { ...netem, model: 'random', percent: 20, correlation: 5 },
      5000,
    ],
    [
      'netem -d 5s loss -p 0.001 web',
      'network-loss',
      { ...netem, model: 'random', percent: 0.001, correlation: 0 },
      5000,
    ],
    [
      'netem -d 5s loss-state --p13 5 web',
      'network-loss',
      { ...netem, model: 'state', p13: 5, p31: 100, p32: 0, p23: 100, p14: 0 },
      5000,
    ],
    [
      'netem -d 5s loss-gemodel -p 2 -r 30 web',
      'network-loss',
      { ...netem, model: 'gemodel', pg: 2, pb: 30, oneH: 100, oneK: 0 },
      5000,
    ],
    ['netem -d 5s rate web', 'network-rate', { ...netem, rate: '100kbit' }, 5000],
    [
      'netem -d 5s rate -r 1mbit -p 14 -s 64 -c 2 web',
      'network-rate',
      { ...netem, rate: '1mbit', packetOverhead: 14, cellSize: 64, cellOverhead: 2 },
      5000,
    ],
    ['netem -d 5s duplicate -p 5 web', 'network-duplicate', { ...netem, percent: 5, correlation: 0 }, 5000],
    ['netem -d 5s corrupt -p 5 -c 1 web', 'network-corrupt', { ...netem, percent: 5, correlation: 1 }, 5000],
    [
      'netem -d 5s combine --delay --loss --loss-percent 3 -- web',
      'network-combine',
      {
        ...netem,
        delay: { latency: '100ms', jitter: '10ms', correlation: 20, distribution: 'uniform' },
        loss: { model: 'random', percent: 3, correlation: 0 },
      },
      5000,
    ],
    [
      'netem -d 5s combine --rate --rate-value 1mbit --duplicate --corrupt --corrupt-percent 1 -- web',
      'network-combine',
      {
        ...netem,
        duplicate: { percent: 0, correlation: 0 },
        corrupt: { percent: 1, correlation: 0 },
        rate: { rate: '1mbit' },
      },
      5000,
    ],
    [
      'netem -d 5s delay -t 10 -j 0 loss-state --p13 1 web',
      'network-combine',
      {
        ...netem,
        delay: { latency: '10ms', jitter: '0ms', correlation: 0, distribution: 'uniform' },
        loss: { model: 'state', p13: 1, p31: 100, p32: 0, p23: 100, p14: 0 },
      },
      5000,
    ],
    [
      'netem -d 5s -t 10.0.0.1 -t fd00::/8 loss -p 1 web',
      'network-loss',
      { ...netem, peers: ['10.0.0.1', 'fd00::/8'], model: 'random', percent: 1, correlation: 0 },
      5000,
    ],
    [
      'netem -d 5s -t 10.0.0.1,db loss -p 1 web',
      'network-loss',
      {
        ...netem,
        peers: ['10.0.0.1', { docker: { ...docker, name: 'db' } }],
        model: 'random',
        percent: 1,
        correlation: 0,
      },
      5000,
    ],
    [
      'netem -d 5s --egress-port 80,443 loss -p 1 web',
      'network-loss',
      { ...netem, localPorts: ['80', '443'], model: 'random', percent: 1, correlation: 0 },
      5000,
    ],
    [
      'netem -d 5s -t 1.1.1.1 --ingress-port 53 loss -p 1 web',
      'network-loss',
      { ...netem, peers: ['1.1.1.1'], remotePorts: ['53'], match: 'any', model: 'random', percent: 1, correlation: 0 },
      5000,
    ],
    [
      'iptables -d 5s loss --probability 0.07 web',
      'network-loss',
      { direction: 'ingress', interface: 'eth0', via: 'firewall', model: 'random', percent: 7 },
      5000,
    ],
    [
      'iptables -d 5s -p tcp --dport 80 -s 10.0.0.0/8 loss --mode nth --every 5 --packet 3 web',
      'network-loss',
      {
        direction: 'ingress',
        interface: 'eth0',
        via: 'firewall',
        protocol: 'tcp',
        peers: ['10.0.0.0/8'],
        localPorts: ['80'],
        match: 'any',
        model: 'nth',
        every: 5,
        packet: 3,
      },
      5000,
    ],
    [
      'iptables -d 5s --dest 172.17.0.2 --dest fd00::/64 -s 10.0.0.1 loss --probability 1 web',
      'network-loss',
      {
        direction: 'ingress',
        interface: 'eth0',
        via: 'firewall',
        peers: ['10.0.0.1'],
        localAddresses: ['172.17.0.2', 'fd00::/64'],
        match: 'any',
        model: 'random',
        percent: 100,
      },
      5000,
    ],
    [
      'iptables -d 5s -p udp --sport 53 loss --probability 1 web',
      'network-loss',
      {
        direction: 'ingress',
        interface: 'eth0',
        via: 'firewall',
        protocol: 'udp',
        remotePorts: ['53'],
        model: 'random',
        percent: 100,
      },
      5000,
    ],
  ];
  test.for(rows)('PU-15 … PU-21 %s', ([argv, fault, params, duration]) => {
    const step = stepOf(argv);
    expect({ fault: step.fault, params: step.params, duration: step.duration }).toEqual({ fault, params, duration });
    // The catalogue takes them.
    catalogue.fault(fault).params.parse(step.params);
  });
});

describe('targets', () => {
  const running = { ...docker, state: 'running' };
  const id = 'f'.repeat(64);
  const rows: readonly (readonly [argv: string, selector: object])[] = [
    ['pause -d 1s', running],
    ['kill web', { ...running, name: 'web' }],
    ['kill /web', { ...running, name: 'web' }],
    ['kill re2:^hello', { ...running, name: 're2:^hello' }],
    ['kill re2:redis', { ...running, name: 're2:redis' }],
    ['kill re2:e2e:re2', { ...running, name: 're2:e2e:re2' }],
    ['kill web db', { ...running, name: ['web', 'db'] }],
    ['kill web,/db', { ...running, name: ['web', 'db'] }],
    ['kill web re2:x.y', { ...running, name: ['web', 're2:^re2:x\\.y$'] }],
    [`kill ${id}`, { ...running, id }],
    ['kill 0123456789ab ba9876543210', { ...running, id: ['0123456789ab', 'ba9876543210'] }],
    ['kill web 0123456789ab,/db', { ...running, nameOrId: ['web', '0123456789ab', '/db'] }],
    ['kill /0123456789ab cafe', { ...running, name: ['0123456789ab', 'cafe'] }],
    ['--label a=b --label c,d=e=f kill web', { ...running, name: 'web', labels: { a: 'b', c: '', d: 'e=f' } }],
    ['--label app=web kill', { ...running, labels: { app: 'web' } }],
    ['-H tcp://1.2.3.4:2375 kill web', { ...running, engine: 'tcp://1.2.3.4:2375', name: 'web' }],
    ['rm web', { ...docker, name: 'web', state: 'all' }],
    ['start web', { ...docker, name: 'web', state: 'stopped' }],
    ['--runtime podman kill web', { runtime: 'podman', state: 'running', name: 'web' }],
    [
      '--runtime podman --podman-socket /run/x.sock kill web',
      { ...running, runtime: 'podman', engine: 'unix:///run/x.sock', name: 'web' },
    ],
    [
      '--runtime containerd --containerd-namespace moby kill web',
      {
        ...running,
        runtime: 'containerd',
        engine: { url: 'unix:///run/containerd/containerd.sock', namespace: 'moby' },
        name: 'web',
      },
    ],
    [
      '-H tcp://h:2376 --tls kill web',
      {
        ...running,
        engine: {
          url: 'tcp://h:2376',
          ca: '/etc/ssl/docker/ca.pem',
          cert: '/etc/ssl/docker/cert.pem',
          key: '/etc/ssl/docker/key.pem',
          verify: false,
        },
        name: 'web',
      },
    ],
    [
      '-H tcp://h:2376 --tlsverify --tlscacert /ca --tlscert= kill web',
      { ...running, engine: { url: 'tcp://h:2376', ca: '/ca', verify: true }, name: 'web' },
    ],
    ['netem -d 1s --tc-image my/tools delay web', { ...running, name: 'web', helperImage: 'my/tools' }],
    ['netem -d 1s --tc-image= delay web', { ...running, name: 'web' }],
  ];
  test.for(rows)('PU-02, PU-03, PU-04, PU-31 %s', async ([argv, selector]) => {
    expect(selectorOf(argv)).toEqual(selector);
    (await catalogue.platform('docker')).selector.parse(selector);
  });

  test('PU-02 DOCKER_HOST, its empty form, and DOCKER_CERT_PATH', () => {
    expect(selectorOf('kill web', { DOCKER_HOST: 'tcp://1:2' })).toMatchObject({ engine: 'tcp://1:2' });
    expect(selectorOf('kill web', { DOCKER_HOST: '' })).toMatchObject(docker);
    expect(selectorOf('--runtime podman kill web', { PODMAN_SOCK: '/p' })).toMatchObject({ engine: 'unix:///p' });
    const env = { DOCKER_HOST: 'tcp://1:2', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/certs' };
    expect(selectorOf('kill web', env)).toMatchObject({ engine: { ca: '/certs/ca.pem', key: '/certs/key.pem' } });
  });

  test('PU-08 --random is one, --limit so many, else all', () => {
    const chosen = (argv: string) => [stepOf(argv).mode, stepOf(argv).value];
    expect(chosen('kill web')).toEqual(['all', undefined]);
    expect(chosen('--random kill web')).toEqual(['one', undefined]);
    expect(chosen('kill --limit 2 web')).toEqual(['fixed', 2]);
    expect(chosen('kill -n 2 web')).toEqual(['fixed', 2]);
    expect(chosen('kill --limit=-1 web')).toEqual(['all', undefined]);
    expect(chosen('--random kill --limit 2 web')).toEqual(['one', undefined]);
    expect(chosen('netem -d 1s --limit 3 delay web')).toEqual(['fixed', 3]);
    expect(chosen('stress -d 1s -l 3 web')).toEqual(['fixed', 3]);
  });
});

test('several commands at once, as Pumba 0.1 wrote them', () => {
  const all = requests('run -c web,db|10s|KILL:SIGTERM -c "re2:a|b|5s|PAUSE:1s" -c |1m|RM -c x||STOP');
  expect(all.map(({ request, experiment }) => [request.command, request.interval, experiment?.spec.method[0]])).toEqual(
    [
      ['kill', 10_000, expect.objectContaining({ fault: 'container-kill', params: { signal: 'SIGTERM' } })],
      ['pause', 5000, expect.objectContaining({ fault: 'container-pause', duration: 1000 })],
      ['rm', 60_000, expect.objectContaining({ fault: 'container-remove' })],
      ['stop', 0, expect.objectContaining({ fault: 'container-stop', params: { grace: '10s' } })],
    ],
  );
  expect(all.map(({ request }) => request.target.which)).toEqual([
    { names: ['web', 'db'] },
    { pattern: 'a|b' },
    'all',
    { names: ['x'] },
  ]);
});
