import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
// @ts-expect-error plain JavaScript, as a reader of the demo meets it
import { ask } from './lib.mjs';

interface Shop {
  readonly id: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly supervisor: ChildProcess;
}

const open: Shop[] = [];
afterEach(async () => {
  for (const { supervisor, id } of open.splice(0)) {
    if (supervisor.exitCode === null && supervisor.signalCode === null) {
      const gone = new Promise((done) => supervisor.once('exit', done));
      supervisor.kill('SIGTERM');
      await gone;
    }
    expect(processesOf(id)).toEqual([]);
  }
});

function openShop(): Promise<Shop> {
  const id = randomUUID();
  const env = { ...process.env, ZASHIKI_SHOP_ID: id };
  const supervisor = fork(join(import.meta.dirname, 'supervisor.mjs'), { env, execArgv: [], stdio: 'ignore' });
  return new Promise((ready, failed) => {
    supervisor.once('exit', failed);
    supervisor.on('message', (message: { ready?: { ports: Record<string, number> } }) => {
      if (!message.ready) return;
      const shop = { id, ports: message.ready.ports, supervisor };
      open.push(shop);
      ready(shop);
    });
  });
}

/** Pids of a shop's parts, the supervisor apart; of one role when it is given. */
function processesOf(id: string, role?: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
        const part = entries.find((entry) => entry.startsWith('ZASHIKI_SHOP='));
        return entries.includes(`ZASHIKI_SHOP_ID=${id}`) && part && (!role || part === `ZASHIKI_SHOP=${role}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function onePid(id: string, role: string): number {
  const [pid] = processesOf(id, role);
  if (pid === undefined) throw new Error(`no ${role} runs`);
  return pid;
}

async function until(what: string, holds: () => unknown): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error(`never: ${what}`);
}

const order = async ({ ports }: Shop, id: string = randomUUID()): Promise<number> =>
  ask(ports.balancer, '/order', { id }, 3000).then(
    ({ status }: { status: number }) => status,
    () => 0,
  );
const ordersIn = async ({ ports }: Shop): Promise<number> => (await ask(ports.store, '/stats', {}, 3000)).body.orders;

describe.skipIf(process.platform !== 'linux')('the shop', () => {
  test('a killed worker comes back on its port, and customers are served meanwhile', async () => {
    const shop = await openShop();
    await until('the shop takes orders', async () => (await order(shop)) === 200);
    const victim = onePid(shop.id, 'worker');
    process.kill(victim, 'SIGKILL');
    expect(await order(shop)).toBe(200);
    await until('three workers are up', () => processesOf(shop.id, 'worker').length === 3);
    expect(processesOf(shop.id, 'worker')).not.toContain(victim);
  });

  test('orders survive a restart of the store', async () => {
    const shop = await openShop();
    await until('some orders are in', async () => (await ordersIn(shop)) > 20);
    const before = await ordersIn(shop);
    process.kill(onePid(shop.id, 'store'), 'SIGKILL');
    await until('the store answers again', () =>
      ordersIn(shop).then(
        () => true,
        () => false,
      ),
    );
    expect(await ordersIn(shop)).toBeGreaterThanOrEqual(before);
  });

  test('everybody ends when the supervisor is killed', async () => {
    const shop = await openShop();
    expect(processesOf(shop.id)).toHaveLength(6);
    shop.supervisor.kill('SIGKILL');
    await until('nobody is left', () => processesOf(shop.id).length === 0);
  });

  test('the demo finds the weakness, writes both reports, and leaves nothing behind', {
    timeout: 120_000,
  }, async () => {
    const out = mkdtempSync(join(tmpdir(), 'zashiki-demo-test-'));
    const demo = spawn(process.execPath, [join(import.meta.dirname, 'demo.mjs'), '--out', out], {
      env: { ...process.env, ZASHIKI_STATE: '', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (chunk) => (text += chunk));
    const code = await new Promise((done) => demo.once('exit', done));
    expect(code, text).toBe(0);
    expect(text).toContain('1. A crash of a worker: the shop held.');
    expect(text).toContain('2. A hanging store:     the shop did not hold.');
    for (const name of ['survives-a-crash', 'survives-a-stall'])
      expect(existsSync(join(out, `${name}.html`))).toBe(true);
    rmSync(out, { recursive: true });
  });
});
