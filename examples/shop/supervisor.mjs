// The supervisor: starts the shop, and starts again whatever dies, on the port that it had.
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const restartAfter = 400;
const folder = mkdtempSync(join(tmpdir(), 'zashiki-shop-'));
const id = process.env.ZASHIKI_SHOP_ID ?? randomUUID();
const children = new Map();
let closing = false;

/** Start one part; resolves with its port once it listens. */
function start(name, role, env = {}) {
  return new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, `${role}.mjs`), {
      env: { ...process.env, ...env, ZASHIKI_SHOP: role, ZASHIKI_SHOP_ID: id, SHOP_FILE: join(folder, 'orders') },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    children.set(name, child);
    child.once('error', reject);
    child.once('message', ({ port }) => resolve(port));
    child.once('exit', (code, signal) => {
      if (closing) return;
      process.send?.({ event: `${name} died (${signal ?? code}), starting it again` });
      setTimeout(async () => {
        if (!closing) await start(name, role, { ...env, PORT: String(env.PORT ?? ports[name] ?? 0) }).catch(() => {});
      }, restartAfter);
    });
  }).then((port) => {
    ports[name] = port;
    return port;
  });
}

const ports = {};
const STORE_PORT = String(await start('store', 'store'));
const workers = await Promise.all(
  ['worker-1', 'worker-2', 'worker-3'].map((name) => start(name, 'worker', { STORE_PORT })),
);
const BALANCER_PORT = String(await start('balancer', 'balancer', { WORKER_PORTS: workers.join(',') }));
await start('load', 'load', { BALANCER_PORT, STORE_PORT });
process.send?.({ ready: { id, ports } });
if (!process.send) console.log(JSON.stringify({ id, ports }, null, 2));

async function close() {
  if (closing) return;
  closing = true;
  for (const child of children.values()) {
    // A part that is stopped would not hear SIGTERM.
    child.kill('SIGCONT');
    child.kill('SIGTERM');
  }
  await Promise.all(
    [...children.values()].map(
      (child) => child.exitCode ?? child.signalCode ?? new Promise((done) => child.once('exit', done)),
    ),
  );
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, close);
process.on('disconnect', close);
