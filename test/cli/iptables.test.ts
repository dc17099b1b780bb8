import { afterEach, beforeEach, expect } from 'vitest';
import { makeWire, type Wire, wireMissing } from '../fixtures/network.ts';
import { experiment } from './documents.ts';
import { cli, test, until } from './place.ts';

const why = wireMissing();
let on: Wire;
beforeEach(async () => {
  if (!why) on = await makeWire();
});
afterEach(() => on?.end());

/** As on a machine without nft: nothing can be started there. */
const withoutNft =
  'for each in /usr/sbin/nft /sbin/nft; do [ -e $each ] && mount --bind /dev/null $each; done; exec "$@"';
const rules = () => on.run(['sh', '-c', 'iptables-save; ip6tables-save']).replace(/^#.*$|\[\d+:\d+\]/gm, '');

test.for(['SIGKILL', 'SIGINT'] as const)(
  'without nft, %s takes the rules of iptables away',
  async (signal, { place, skip }) => {
    if (why) skip(why);
    for (const program of ['iptables', 'ip6tables']) {
      // Its tables are there before, and used by somebody else: nobody could take them away without nft.
      expect(on.run([program, '-t', 'mangle', '-A', 'POSTROUTING', '-p', 'tcp', '--dport', '4444', '-j', 'DROP'])).toBe(
        '',
      );
      on.run([program, '-t', 'mangle', '-L', 'PREROUTING']);
    }
    const before = rules();
    const document = experiment('rules', {
      method: [
        {
          fault: 'network-partition',
          target: { host: { pid: on.pid } },
          params: { peers: ['10.77.0.1', 'fd77::1'], via: 'firewall' },
          duration: '10m',
        },
      ],
    });
    const argv = [process.execPath, cli, 'run', place.write('rules.json', document), '--yes'];
    const running = place.start('unshare', ['--mount', '--', 'sh', '-c', withoutNft, 'sh', ...argv]);
    await until(() => place.events().some(({ type }) => type === 'observed'));
    expect(place.events().find(({ type }) => type === 'intent')).toMatchObject({
      note: expect.stringMatching(/firewall rules by iptables \(.*`nft`, which is not installed; without nft/),
    });
    expect(place.events().find(({ type }) => type === 'observed')).toMatchObject({
      real: true,
      detail: expect.stringContaining('20 of 20 round trips lost'),
    });
    expect(rules()).not.toBe(before);
    running.child.kill(signal);
    await until(() => place.events().some(({ type }) => type === 'verified'));
    expect(place.events().find(({ type }) => type === 'verified')).toMatchObject({ clean: true });
    expect(rules()).toBe(before);
  },
);
