import { run } from '../vm/programs.ts';
import { inside, type Machine } from './machine.ts';
import type { Net, NodeNet, Place } from './place.ts';

/** The control plane is the switch and the router of the cluster; this machine gets a cable into it. */
export async function layNetwork(place: Place, net: Net, router: Machine, signal: AbortSignal): Promise<void> {
  await ip(
    ['link', 'add', 'name', place.link, 'type', 'veth', 'peer', 'name', 'host', 'netns', String(router.pid)],
    signal,
  );
  const lines = [
    'link add name br0 address 02:7a:00:00:00:01 type bridge',
    `address add ${net.controlPlane}/24 dev br0`,
    'link set dev br0 up',
    'link set dev host master br0 up',
    ...net.nodes.map(({ pods, address }) => `route add ${pods} via ${address}`),
  ];
  await batch(router, lines, signal);
  await ip(['address', 'add', `${net.host}/24`, 'dev', place.link], signal);
  await ip(['link', 'set', 'dev', place.link, 'up'], signal);
  // Straight to each node, as the answers come back: a router that sees one direction only takes the packets for invalid.
  for (const { pods, address } of net.nodes) await ip(['route', 'add', pods, 'via', address], signal);
  await ip(['route', 'add', net.services, 'via', net.controlPlane], signal);
}

/** Plug a node into the switch. The cable is gone with the node. */
export async function plugIn(
  net: Net,
  node: NodeNet,
  router: Machine,
  machine: Machine,
  signal: AbortSignal,
): Promise<void> {
  const near = ['name', 'eth0', 'address', node.mac, 'netns', String(machine.pid)];
  const far = ['name', node.name, 'netns', String(router.pid)];
  await ip(['link', 'add', ...near, 'type', 'veth', 'peer', ...far], signal);
  await batch(router, [`link set dev ${node.name} master br0 up`], signal);
  const others = net.nodes.filter(({ name }) => name !== node.name);
  const lines = [
    `address add ${node.address}/24 dev eth0`,
    'link set dev eth0 up',
    `route add default via ${net.controlPlane}`,
    ...others.map(({ pods, address }) => `route add ${pods} via ${address}`),
  ];
  await batch(machine, lines, signal);
}

/** Take a node off the network, or back: its port at the switch goes down, as if the cable were pulled. */
export async function setPort(node: string, state: 'up' | 'down', router: Machine, signal: AbortSignal): Promise<void> {
  await batch(router, [`link set dev ${node} ${state}`], signal);
}

const ip = (args: readonly string[], signal: AbortSignal) => run(['ip', ...args], { signal });

const batch = (machine: Machine, lines: readonly string[], signal: AbortSignal) =>
  run([...inside(machine.pid, 'net'), 'ip', '-batch', '-'], {
    signal,
    input: lines.map((line) => `${line}\n`).join(''),
  });
