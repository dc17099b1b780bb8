import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { defineFault } from './fault.ts';
import { Device } from './network/fields.ts';
import { type InterfaceState, isUp, lostOf, readInterface, restoreInterface } from './network/interface.ts';
import { must, readLinks } from './network/tools.ts';
import { besides, devicesFor, openAgain, openPlace, openTarget, type Place, sharedName } from './network/undo.ts';

type Undo = Place & { readonly name: string; readonly state: InterfaceState };

/**
 * Sets a network device of the target down, and up again with the addresses and routes that it had: IPv6 addresses and
 * all routes through it are lost meanwhile, which is what a pulled cable plus an impatient kernel looks like.
 */
export default defineFault({
  id: 'network-down',
  summary: 'Set a network device of the target down.',
  needs: ['netns'],
  params: z.strictObject({
    interface: Device.optional().describe('The device. Default: the only one that is up, but lo.'),
  }),
  reversible: true,
  undoneBy: 'setting it up, with its addresses and routes',
  claims: ({ ns, state }: Undo) => [`device ${state.ifindex} of ${ns}`],
  shares: ({ ns }: Undo) => sharedName(ns),
  describe: (undo: Undo) => `ip link set ${undo.name} down${besides(undo)}`,
  async plan(on, params): Promise<Undo> {
    const { ns, place } = await openTarget(on.netns);
    const [device, ...more] = await devicesFor(ns, params.interface);
    if (!device || more.length > 0) {
      const names = [device, ...more].map((link) => link?.ifname).join(', ');
      throw new ZashikiError('not-supported', `the target has several devices that are up: ${names}`, {
        hint: 'say which one: interface: eth0',
      });
    }
    if (!(await isUp(ns, device.ifindex))) {
      throw new ZashikiError('not-supported', `${device.ifname} is down already`);
    }
    return { ...place, name: device.ifname, state: await readInterface(ns, device.ifname, device.ifindex) };
  },
  async inject(on, _params, undo) {
    await must(await openAgain(on.netns, undo), ['ip', 'link', 'set', 'dev', undo.name, 'down']);
  },
  async observe(on, _params, undo) {
    const { name, state } = undo;
    const up = await isUp(await openPlace(on.netns, undo), state.ifindex);
    return up ? { yes: false, detail: `${name} is up` } : { yes: true, detail: `${name} is down` };
  },
  async recover(on, undo) {
    const { state } = undo;
    const ns = await openPlace(on.netns, undo);
    // It may have been renamed; a new one of the same name is another device.
    const name = (await readLinks(ns)).find(({ ifindex }) => ifindex === state.ifindex)?.ifname;
    if (name !== undefined) await restoreInterface(ns, name, state);
  },
  async verify(on, undo) {
    const { name: before, state } = undo;
    const ns = await openPlace(on.netns, undo);
    const name = (await readLinks(ns)).find(({ ifindex }) => ifindex === state.ifindex)?.ifname;
    if (name === undefined) return { yes: true, detail: `the device ${before} is gone` };
    const lost = await lostOf(ns, name, state);
    if (lost.length === 0)
      return { yes: true, detail: `${name} is up; no address, route or neighbor that was read before is missing` };
    return { yes: false, detail: `not as before: ${lost.join(', ')}` };
  },
});
