import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Computer, startComputer } from '../lab/vm/computer.ts';
import { ensureImage } from '../lab/vm/lab.ts';
import { saying } from '../lab/vm/say.ts';

const unit = 'zashiki-agent';
const controller = '/root/controller';
let computer: Computer;
const run = (...argv: string[]) => computer.run(...argv);
const write = (path: string, text: string) => run('sh', '-c', 'printf %s "$1" >"$2"', 'sh', text, path);
const bootId = async () => (await run('cat', '/proc/sys/kernel/random/boot_id')).trim();
/** What the agent has said since this boot. */
const said = () => run('journalctl', '--boot', '--output=cat', `--unit=${unit}`);

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(500);
}

/** Resolves once the agent of this boot listens. */
const listening = () => until(async () => (await said()).includes('listening on https://'));

/** What there is in the shop: names, also hidden ones; modes, owners, times; content. */
const look = `#!/bin/sh
cd /srv/shop && ls -A | sort && stat --format='%n %a %U %G %Y' * && sha256sum *
`;
const shop = async () => (await run('/srv/look')).trim().split('\n');
/** The same, as it was when the agent of this boot was about to be started. */
const shopAtStart = async () => (await run('cat', '/run/shop-at-start')).trim().split('\n');
/** How it is when all is well. */
let well: readonly string[];

beforeAll(async () => {
  const bench = { say: saying(), signal: new AbortController().signal };
  computer = await startComputer(await ensureImage(bench), bench);
  await run('ln', '-s', '/checkout/dist/cli/main.cjs', '/usr/local/bin/zashiki');
  await run('mkdir', '/srv/shop', `/etc/systemd/system/${unit}.service.d`);
  for (const name of ['book', 'till', 'ledger']) await write(`/srv/shop/${name}`, `the ${name} of the shop\n`);
  await run('chgrp', 'mail', '/srv/shop/book');
  await run('chmod', '2750', '/srv/shop/book');
  await run('touch', '--date=2001-02-03', '/srv/shop/book', '/srv/shop/till', '/srv/shop/ledger');
  await write('/srv/look', look);
  await run('chmod', '755', '/srv/look');
  well = await shop();
  // The unit as it is, with a look at what it finds.
  const before = "[Service]\nExecStartPre=/bin/sh -c '/srv/look >/run/shop-at-start'\n";
  await write(`/etc/systemd/system/${unit}.service.d/test.conf`, before);
  await run('cp', `/checkout/deploy/${unit}.service`, '/etc/systemd/system');
  await run('zashiki', 'agent', 'certs', '/etc/zashiki/agent');
  await write('/root/shop.json', experiment());
  await run('systemctl', 'enable', unit);
  await run('systemctl', 'daemon-reload');
  await run('systemctl', 'start', unit);
  await run('sync');
});

afterAll(() => computer?.close());

function experiment(): string {
  const agent = { url: 'https://127.0.0.1:7475', tls: '/etc/zashiki/agent', lease: '10m' };
  const machine = { host: { agent, machine: true } };
  const faults = [
    { fault: 'file-permission', target: machine, params: { path: '/srv/shop/book' } },
    { fault: 'file-delete', target: machine, params: { path: '/srv/shop/till' } },
    { fault: 'file-corrupt', target: machine, params: { path: '/srv/shop/ledger' } },
    { fault: 'process-pause', target: { host: { agent, unit: 'clerk' } } },
  ];
  const spec = { method: [{ parallel: faults.map((step) => ({ ...step, mode: 'one', duration: '1h' })) }] };
  return JSON.stringify({ apiVersion: 'zashiki.dev/v1', kind: 'Experiment', metadata: { name: 'shop' }, spec });
}

/** Four faults are on, and their controller is gone. Returns what there is in the shop now. */
async function damaged(): Promise<readonly string[]> {
  await listening();
  expect(await shop()).toEqual(well);
  await run('systemd-run', '--quiet', '--collect', '--unit=clerk', 'sleep', '86400');
  const zashiki = ['zashiki', 'run', '/root/shop.json', '--yes', '--state', controller];
  await run('systemd-run', '--quiet', '--collect', '--unit=controller', ...zashiki);
  await until(async () => (await present()).join() === 'file-corrupt,file-delete,file-permission,process-pause');
  await run('systemctl', 'kill', '--signal=KILL', '--kill-whom=all', 'controller');
  const now = await shop();
  expect(now).toContainEqual(expect.stringMatching(/^book 0 /));
  expect(now).not.toContain('till');
  expect(now.filter((line) => line.endsWith('  ledger') && well.includes(line))).toEqual([]);
  return now;
}

/** The faults that the agent has on. */
async function present(): Promise<readonly string[]> {
  const text = await run('zashiki', 'agent', 'call', '/v1/status', '--url', `unix:/run/${unit}/agent.sock`);
  const { body } = JSON.parse(text) as { body: { injections: readonly { fault: string; phase: string }[] } };
  return body.injections
    .filter(({ phase }) => phase === 'on')
    .map(({ fault }) => fault)
    .sort();
}

/** The machine has been started anew; its agent listens, and all is as before, in the eyes of the controller, too. */
async function isWell(lastBoot: string): Promise<void> {
  await listening();
  expect(await bootId()).not.toBe(lastBoot);
  expect(await shop(), await said()).toEqual(well);
  expect(await present()).toEqual([]);
  expect(await run('zashiki', 'recover', '--state', controller)).toContain(': 4 recovered\n');
}

test('a power cut with faults on: they are there when the machine is back, and gone before the agent listens', async () => {
  const before = await damaged();
  // They have been on for long enough to be on the disk.
  await run('sync');
  const boot = await bootId();
  await computer.cutPower();
  await isWell(boot);
  expect(await shopAtStart()).toEqual(before);
  expect(await said()).toMatch(/run \S+: recovered (\S+, ){3}\S+\n(.*\n)*.*listening on https/);
});

test('a power cut at once: however much of the faults has reached the disk, nothing of it stays', async () => {
  await damaged();
  const boot = await bootId();
  await computer.cutPower();
  await isWell(boot);
});

test('a reboot in order: the agent recovers before the machine goes down', async () => {
  await damaged();
  const boot = await bootId();
  await computer.reboot();
  await isWell(boot);
  expect(await shopAtStart()).toEqual(well);
  expect(await said()).not.toContain('recovered');
});
