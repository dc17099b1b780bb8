import type { Netns } from '../../capabilities/netns.ts';
import { must, readLinks, readQdiscs } from './tools.ts';

/** What the kernel gives a device that has no queue as soon as any qdisc is added, clsact too, and never takes back. */
const given = 1000;

/** Whether a device that had no queue before us still has the length that the kernel gave it, and nobody needs it. */
export async function hasGivenQueue(ns: Netns, device: string): Promise<boolean> {
  const link = (await readLinks(ns)).find(({ ifname }) => ifname === device);
  if (link?.txqlen !== given) return false;
  return (await readQdiscs(ns, device)).every(({ kind }) => kind === 'noqueue');
}

/** Take it back. Nothing is done where somebody has set another length, or has a qdisc of his own. Idempotent. */
export async function takeQueueBack(ns: Netns, device: string): Promise<void> {
  if (await hasGivenQueue(ns, device)) await must(ns, ['ip', 'link', 'set', 'dev', device, 'txqueuelen', '0']);
}
