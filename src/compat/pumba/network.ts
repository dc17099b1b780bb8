import { isIP } from 'node:net';
import { ZashikiError } from '../../core/errors.ts';
import type { Json, JsonObject, Milliseconds } from '../../core/model.ts';
import { type Action, named } from './action.ts';
import type { Given } from './command-line.ts';
import { readEffects } from './effects.ts';
import type { FlagSet } from './flag-set.ts';
import { decimals, goQuote } from './go-text.ts';
import type { EngineSettings, Settings } from './settings.ts';
import { engineSelector } from './targets.ts';

/** `netem` with one effect or several. Throws `usage` in Pumba's words. */
export function netemAction(parent: FlagSet, effects: readonly Given[], { interval, engine }: Settings): Action {
  const base = within('error parsing netem parameters', () => {
    const common = readCommon(parent, interval);
    const peers = (parent.values.get('target') as readonly string[]).flatMap((each) => each.split(',')).filter(Boolean);
    return {
      ...common,
      peers,
      sports: ports('failed to get source ports', text(parent, 'egress-port')),
      dports: ports('failed to get destination ports', text(parent, 'ingress-port')),
    };
  });
  const { fault, params, command, failed } = readEffects(effects);
  const { duration, device, peers, sports, dports, pull } = base;
  const networks = { networks: peers.filter(isNetwork).map(cidr) };
  const image = text(parent, 'tc-image');
  return {
    fault,
    params: {
      direction: 'egress',
      interface: device,
      ...traffic({ peers: peers.map((each) => peer(each, engine)), localPorts: sports, remotePorts: dports }),
      ...params,
    },
    duration,
    ...helperOf(parent, 'tc-image'),
    limit: Number(parent.values.get('limit')),
    begins: {
      message: 'running netem on container',
      fields: (target) => ({
        ...named(target),
        command,
        ips: networks,
        sports,
        dports,
        duration: { span: duration },
        'tc-img': image,
        pull,
      }),
    },
    ends: {
      message: 'stopping netem on container',
      fields: (target) => ({ ...named(target), IPs: networks, sports, dports, iface: device, 'tc-img': image, pull }),
    },
    failed,
  };
}

/** `iptables loss`. Throws `usage` in Pumba's words. */
export function iptablesAction(parent: FlagSet, own: FlagSet, interval: Milliseconds): Action {
  const base = within('error parsing iptables parameters', () => readFilter(parent, interval));
  const { duration, device, protocol, sources, destinations, sports, dports, pull } = base;
  const { params, suffix } = readLoss(own);
  const prefix = ['INPUT', '-i', device, ...(protocol === 'any' ? [] : ['-p', protocol])];
  const image = text(parent, 'iptables-image');
  const fields = (way: '-I' | '-D') => ({
    commandPrefix: [way, ...prefix],
    commandSuffix: suffix,
    srcIPs: { networks: sources.map(cidr) },
    dstIPs: { networks: destinations.map(cidr) },
    sports,
    dports,
    img: image,
    pull,
  });
  return {
    fault: 'network-loss',
    params: {
      direction: 'ingress',
      interface: device,
      via: 'firewall',
      ...(protocol === 'any' ? {} : { protocol }),
      ...traffic({ peers: sources, localAddresses: destinations, localPorts: dports, remotePorts: sports }),
      ...params,
    },
    duration,
    ...helperOf(parent, 'iptables-image'),
    limit: Number(parent.values.get('limit')),
    begins: {
      message: 'running iptables on container',
      fields: (target) => ({ ...named(target), ...fields('-I'), duration: { span: duration } }),
    },
    ends: { message: 'stopping iptables on container', fields: (target) => ({ ...named(target), ...fields('-D') }) },
    failed: 'failed to add packet loss for one or more containers',
  };
}

/** The image that was asked for; Pumba's default is that of the platform anyway. */
function helperOf(parent: FlagSet, flag: string): { readonly helper?: string } {
  const image = text(parent, flag);
  return parent.set.has(flag) && image !== '' ? { helper: image } : {};
}

function readFilter(parent: FlagSet, interval: Milliseconds) {
  const common = readCommon(parent, interval);
  const protocol = text(parent, 'protocol');
  if (!['any', 'tcp', 'udp', 'icmp'].includes(protocol)) {
    throw usage('bad protocol name: must be one of any, tcp, udp or icmp');
  }
  const list = (name: string) => parent.values.get(name) as readonly string[];
  const [sources, destinations] = [list('source'), list('destination')];
  for (const each of [...sources, ...destinations]) {
    if (!isNetwork(each)) throw usage(`failed to parse ip: failed to parse CIDR: invalid CIDR address: ${each}`);
  }
  const sports = ports('failed to get source ports', text(parent, 'src-port'));
  const dports = ports('failed to get destination ports', text(parent, 'dst-port'));
  if (protocol !== 'tcp' && protocol !== 'udp') {
    if (sports) throw usage('using source port is only supported for tcp and udp protocol');
    if (dports) throw usage('using destination port is only supported for tcp and udp protocol');
  }
  return { ...common, protocol, sources, destinations, sports, dports };
}

function readLoss(own: FlagSet): { readonly params: JsonObject; readonly suffix: readonly string[] } {
  const count = (name: string) => Number(own.values.get(name));
  const mode = text(own, 'mode');
  const statistic = ['-m', 'statistic', '--mode', mode];
  if (mode === 'random') {
    const probability = count('probability');
    if (!(probability >= 0 && probability <= 1)) throw usage('invalid loss probability: must be between 0.0 and 1.0');
    // 0.07 × 100 is not quite 7 in floating point.
    const percent = Number((probability * 100).toPrecision(12));
    const suffix = [...statistic, '--probability', decimals(probability), '-j', 'DROP'];
    return { params: { model: 'random', percent }, suffix };
  }
  if (mode !== 'nth') throw usage('invalid loss mode: must be either random or nth');
  const [every, packet] = [count('every'), count('packet')];
  if (every <= 0) throw usage('invalid loss every: must be > 0');
  if (packet < 0 || packet > every - 1) throw usage('invalid loss packet: must be 0 <= packet <= every-1');
  const suffix = [...statistic, '--every', `${every}`, '--packet', `${packet}`, '-j', 'DROP'];
  return { params: { model: 'nth', every, packet }, suffix };
}

function readCommon(parent: FlagSet, interval: Milliseconds) {
  const duration = Number(parent.values.get('duration'));
  if (!(duration > 0)) throw usage('unset or invalid duration value');
  if (interval !== 0 && duration >= interval) throw usage('duration must be shorter than interval');
  const device = text(parent, 'interface');
  if (!/^[a-zA-Z][a-zA-Z0-9.:_-]*$/.test(device)) {
    throw usage("bad network interface name: must match '[a-zA-Z][a-zA-Z0-9.:_-]*'");
  }
  return { duration, device, pull: parent.values.get('pull-image') === true };
}

const text = ({ values }: FlagSet, name: string) => String(values.get(name));
const usage = (message: string) => new ZashikiError('usage', message);

function within<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ZashikiError ? usage(`${what}: ${error.message}`) : error;
  }
}

/** Comma-separated ports; null when there is none. */
function ports(what: string, given: string): readonly string[] | null {
  const all = given.split(',').map((each) => each.trim());
  if (all[0] === '') return null;
  for (const port of all.filter(Boolean)) {
    const said = `${what}: invalid port specified: `;
    if (!/^[+-]?\d+$/.test(port)) {
      const syntax = `failed to parse port as number: strconv.ParseInt: parsing ${goQuote(port)}: invalid syntax`;
      throw usage(said + syntax);
    }
    if (Number(port) < 0 || Number(port) > 65_535) {
      throw usage(`${said}Port is either below 0 or greater than 65535: ${port}`);
    }
  }
  return all.filter(Boolean);
}

/** The parameters that say which packets. Filters of several kinds: one of them is enough. */
function traffic(given: Readonly<Record<string, readonly Json[] | null>>): JsonObject {
  const kinds = Object.entries(given).filter(([, list]) => list !== null && list.length > 0);
  return { ...(Object.fromEntries(kinds) as JsonObject), ...(kinds.length > 1 ? { match: 'any' } : {}) };
}

const isNetwork = (peer: string) => {
  const [address = '', prefix, ...rest] = peer.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
};

/** A bare address is a network of one; Pumba writes /32 also behind IPv6. */
const cidr = (peer: string) => (peer.includes('/') ? peer : `${peer}/${isIP(peer) === 6 ? 128 : 32}`);

/** An address, a network, or a container by its name or id. */
const peer = (given: string, engine: EngineSettings): Json =>
  isNetwork(given) ? given : { docker: { ...engineSelector(engine), name: given } };
