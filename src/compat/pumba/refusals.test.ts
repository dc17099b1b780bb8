import { expect, test } from 'vitest';
import { requests } from './fixtures/requests.ts';

test.each([
  ['kill', 'usage', 'container name, list of names, or RE2 regex is required'],
  ['stop', 'usage', 'container name, list of names, or RE2 regex is required'],
  ['rm', 'usage', 'container name, list of names, or RE2 regex is required'],
  ['kill ""', 'usage', 'the name of a container is empty'],
  ['kill -s SIGFOO web', 'usage', 'undefined Linux signal: SIGFOO'],
  ['kill -s 65 web', 'usage', 'undefined Linux signal: 65'],
  ['kill re2:(', 'document-invalid', /^the pattern "re2:\(" is not an RE2 expression: /],
  ['kill re2:(?=x)', 'document-invalid', /not an RE2 expression/],
  ['pause web', 'usage', 'unset or invalid duration value'],
  ['pause -d 5 web', 'usage', 'unset or invalid duration value'],
  ['pause -d 1d web', 'usage', 'unset or invalid duration value'],
  ['pause -d=-5s web', 'usage', 'unset or invalid duration value'],
  ['stop -d x web', 'usage', 'unset or invalid duration value'],
  ['stress web', 'usage', 'unset or invalid duration value'],
  ['--interval 5s stress -d 5s web', 'usage', 'duration must be shorter than interval'],
  [`stress -d 1s --stressors "--cpu '1" web`, 'usage', `a quote is not closed in "--cpu '1"`],
  ['netem delay web', 'usage', 'error parsing netem parameters: unset or invalid duration value'],
  [
    '--interval 5s netem -d 5s delay web',
    'usage',
    'error parsing netem parameters: duration must be shorter than interval',
  ],
  ['netem -d 1s -i eth0;id delay web', 'usage', /^error parsing netem parameters: bad network interface name/],
  ['netem -d 1s -i 0eth delay web', 'usage', /bad network interface name/],
  [
    'netem -d 1s --egress-port x delay web',
    'usage',
    'error parsing netem parameters: failed to get source ports: invalid port specified: failed to parse port as number: strconv.ParseInt: parsing "x": invalid syntax',
  ],
  [
    'netem -d 1s --ingress-port 80,65536 delay web',
    'usage',
    'error parsing netem parameters: failed to get destination ports: invalid port specified: Port is either below 0 or greater than 65535: 65536',
  ],
  ['netem -d 1s delay -t 0 web', 'usage', 'non-positive delay time'],
  [
    'netem -d 1s delay -t 5 -j 6 web',
    'usage',
    'invalid delay jitter: must be non-negative and smaller than delay time',
  ],
  ['netem -d 1s delay -c 101 web', 'usage', 'invalid delay correlation: must be between 0.0 and 100.0'],
  [
    'netem -d 1s delay -d gauss web',
    'usage',
    'invalid delay distribution: must be one of {uniform | normal | pareto |  paretonormal}',
  ],
  ['netem -d 1s loss -p 101 web', 'usage', 'invalid loss percent: must be between 0.0 and 100.0'],
  ['netem -d 1s loss-gemodel --one-h 101 web', 'usage', 'invalid loss probability: must be between 0.0 and 100.0'],
  ['netem -d 1s rate -r 1Mbit web', 'usage', "invalid rate: invalid rate, must match '\\d+[gmk]?bit'"],
  ['netem -d 1s rate -r= web', 'usage', 'undefined rate limit'],
  ['netem -d 1s rate -s=-1 web', 'usage', 'invalid cell size: must be a non-negative integer'],
  [
    'netem -d 1s combine --delay -- web',
    'usage',
    'at least two netem effects are required; use a single-effect command for one',
  ],
  ['netem -d 1s combine --delay --loss-percent 1 -- web', 'usage', '--loss-percent requires --loss'],
  ['netem -d 1s delay -t 1 delay -t 2 web', 'usage', 'the effect delay is given twice'],
  ['iptables loss web', 'usage', 'error parsing iptables parameters: unset or invalid duration value'],
  [
    'iptables -d 1s -p sctp loss web',
    'usage',
    'error parsing iptables parameters: bad protocol name: must be one of any, tcp, udp or icmp',
  ],
  [
    'iptables -d 1s -s web loss web',
    'usage',
    'error parsing iptables parameters: failed to parse ip: failed to parse CIDR: invalid CIDR address: web',
  ],
  [
    'iptables -d 1s --dport 80 loss web',
    'usage',
    'error parsing iptables parameters: using destination port is only supported for tcp and udp protocol',
  ],
  [
    'iptables -d 1s -p icmp --sport 80 loss web',
    'usage',
    'error parsing iptables parameters: using source port is only supported for tcp and udp protocol',
  ],
  ['iptables -d 1s loss --probability 1.5 web', 'usage', 'invalid loss probability: must be between 0.0 and 1.0'],
  ['iptables -d 1s loss --mode nth web', 'usage', 'invalid loss every: must be > 0'],
  [
    'iptables -d 1s loss --mode nth --every 3 --packet 3 web',
    'usage',
    'invalid loss packet: must be 0 <= packet <= every-1',
  ],
  ['iptables -d 1s loss --mode all web', 'usage', 'invalid loss mode: must be either random or nth'],
  ['--runtime rkt kill web', 'usage', 'unsupported runtime: rkt'],
  ['--interval=-5s kill web', 'usage', 'the interval must not be negative'],
  ['--tls --tlskey PEM kill web', 'usage', '--tlskey is no whole path'],
  ['run', 'usage', '--chaos is required: "containers|interval|command"'],
  ['run --chaos web|x|STOP', 'usage', '--chaos "web|x|STOP": "x" is not an interval, like 10s'],
  ['run --chaos web|5s|DANCE', 'usage', /the command is STOP, KILL:SIGNAL, RM or PAUSE:DURATION$/],
])('PU-05, PU-13, PU-17 … PU-20 %s: %s %s', (argv, code, message) => {
  const text = typeof message === 'string' ? message : expect.stringMatching(message);
  expect(() => requests(argv)).toThrow(expect.objectContaining({ code, message: text }));
});

test('PU-05 a pattern that is no pattern may be taken for one that matches nothing', () => {
  expect(requests('--allow-bad-pattern kill re2:(')[0]?.experiment).toBeNull();
});
