// The demo: a small shop of real processes, one experiment that it survives and one that it does not.
import { fork, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { ask } from './lib.mjs';

const here = import.meta.dirname;
const cli = resolve(here, '../../dist/cli/main.cjs');
const color = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (style, text) => (color ? styleText(style, text) : text);
const say = (text = '') => console.log(text);
const title = (text) => say(`\n${paint('bold', `── ${text} ${'─'.repeat(Math.max(0, 74 - text.length))}`)}\n`);

const { values: flags } = parseArgs({
  options: {
    serve: { type: 'boolean', default: false },
    fixed: { type: 'boolean', default: false },
    out: { type: 'string', default: 'zashiki-demo' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (flags.help) {
  say(`npm run demo [-- --fixed] [-- --serve] [-- --out FOLDER]

Starts a small shop, runs two experiments against it, writes a report of each, cleans up.
  --fixed  the shop with its weakness cured: it survives both
  --serve  keep the shop up afterwards, to play with, until Ctrl-C
  --out    folder for the reports (default: zashiki-demo)`);
  process.exit(0);
}
if (process.platform !== 'linux') fail('the demo needs Linux: the host platform finds processes in /proc.');
if (!existsSync(cli)) fail('dist/ is missing. Build it first: npm run build');

const shopId = randomUUID();
const scratch = mkdtempSync(join(tmpdir(), 'zashiki-demo-'));
const state = process.env.ZASHIKI_STATE || join(scratch, 'state');
let supervisor;
let running;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true;
    // On a terminal Ctrl-C reaches the run by itself; a second one would only ask it what is outstanding.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) running?.kill(signal);
    stopServing?.();
  });
}
let stopServing;

let code = 1;
try {
  code = await demo();
} catch (error) {
  console.error(`demo: ${error.message}`);
} finally {
  const left = await cleanUp();
  if (left.length > 0) {
    console.error(`demo: these processes are still there: ${left.join(', ')}`);
    code = 1;
  }
}
process.exit(interrupted && code === 0 ? 130 : code);

async function demo() {
  title('A small shop');
  say(`   customers ──► balancer ──┬─► worker 1 ─┐
   40 orders/s              ├─► worker 2 ─┼─► store (keeps every order in a file)
                            └─► worker 3 ─┘
   A supervisor starts again whatever dies. All of it are real processes of this machine.\n`);
  const shop = await openShop();
  say(
    `The shop is open${flags.fixed ? ', with its weakness cured' : ''}: http://127.0.0.1:${shop.ports.balancer}/order`,
  );
  await steady(shop);

  title('1. What if a worker crashes?');
  const crash = await experiment('survives-a-crash', shop);
  if (interrupted) return 1;

  title('2. What if the store hangs for three seconds?');
  const stall = await experiment('survives-a-stall', shop);
  if (interrupted) return 1;

  title('What was learned');
  const wanted = flags.fixed ? 0 : 1;
  say(
    `1. A crash of a worker: ${crash === 0 ? paint('green', 'the shop held') : paint('red', 'the shop did not hold')}.`,
  );
  say(
    `2. A hanging store:     ${stall === 0 ? paint('green', 'the shop held') : paint('red', 'the shop did not hold')}.`,
  );
  if (stall === 1) {
    const { waiting, amplification } = await storm(shop);
    say(`
   The store is well again, yet the shop stays down. Each worker waits only 400 ms and then asks again at
   once, up to five times, and the store also works on orders nobody waits for any more. Right now
   ${waiting} orders wait in the store, and each order of a customer is asked for ${amplification} times.
   Two small local settings keep the whole shop down: a retry storm.
   The same experiments on the cured shop:  npm run demo -- --fixed`);
  }
  say(`\nReports: ${paint('underline', relative('.', join(flags.out, 'survives-a-crash.html')))}`);
  say(`         ${paint('underline', relative('.', join(flags.out, 'survives-a-stall.html')))}`);
  if (flags.serve) await serve(shop);
  if (crash === 0 && stall === wanted) return 0;
  console.error(`demo: expected exit codes 0 and ${wanted} of the two experiments, got ${crash} and ${stall}`);
  return 1;
}

function openShop() {
  return new Promise((ready, failed) => {
    supervisor = fork(join(here, 'supervisor.mjs'), {
      env: { ...process.env, ZASHIKI_SHOP_ID: shopId, ...(flags.fixed ? { SHOP_FIXED: '1' } : {}) },
      // A group of its own: Ctrl-C is for the run; the shop closes after it.
      detached: true,
    });
    supervisor.on('message', (message) => message.ready && ready(message.ready));
    supervisor.once('exit', (status) => failed(new Error(`the shop's supervisor ended with ${status}`)));
    setTimeout(() => failed(new Error('the shop did not open within 30 s')), 30_000).unref();
  });
}

/** Wait until orders go through, so that the first experiment begins in a calm shop. */
async function steady({ ports }) {
  for (let good = 0; good < 3; ) {
    const { status } = await ask(ports.balancer, '/order', {}, 2000).catch(() => ({ status: 0 }));
    good = status === 200 ? good + 1 : 0;
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Fill in the ports, run it as a user would, with a report. Resolves to the exit code. */
function experiment(name, { ports }) {
  const values = { SHOP_ID: shopId, BALANCER_PORT: ports.balancer, LOAD_PORT: ports.load };
  const text = readFileSync(join(here, `${name}.yaml`), 'utf8').replace(/\$\{(\w+)\}/g, (_, key) => values[key]);
  const file = join(scratch, `${name}.yaml`);
  writeFileSync(file, text);
  mkdirSync(flags.out, { recursive: true });
  const report = join(flags.out, name);
  const args = ['run', file, '--yes', '--seed', '7', '--report', `${report}.html`, '--report', `${report}.svg`];
  say(paint('dim', `$ zashiki run ${name}.yaml --yes --report ${report}.html\n`));
  running = spawn(process.execPath, [cli, ...args], {
    stdio: 'inherit',
    env: { ...process.env, ZASHIKI_STATE: state },
  });
  return new Promise((done) => running.once('exit', (status) => done(status ?? 1)));
}

async function storm({ ports }) {
  const numbers = async () => {
    const stats = async (port) => (await ask(port, '/stats', {}, 3000)).body;
    const workers = await Promise.all([1, 2, 3].map((n) => stats(ports[`worker-${n}`])));
    const { sent } = await stats(ports.load);
    return { asked: workers.reduce((sum, { asked }) => sum + asked, 0), sent, ...(await stats(ports.store)) };
  };
  try {
    const before = await numbers();
    await new Promise((done) => setTimeout(done, 2000));
    const after = await numbers();
    const amplification = ((after.asked - before.asked) / Math.max(1, after.sent - before.sent)).toFixed(1);
    return { waiting: after.waiting, amplification };
  } catch {
    return { waiting: 'many', amplification: 'several' };
  }
}

function serve({ ports }) {
  say(`\nThe shop stays open until Ctrl-C. Its processes carry ZASHIKI_SHOP_ID=${shopId}, for example:
  node dist/cli/main.cjs targets env.ZASHIKI_SHOP_ID=${shopId}
  curl -X POST http://127.0.0.1:${ports.balancer}/order
  curl http://127.0.0.1:${ports.load}/stats`);
  return new Promise((done) => {
    stopServing = done;
  });
}

/** Close the shop; pids of what is left of it after that. */
async function cleanUp() {
  if (supervisor && supervisor.exitCode === null && supervisor.signalCode === null) {
    const gone = new Promise((done) => supervisor.once('exit', done));
    supervisor.kill('SIGTERM');
    await Promise.race([gone, new Promise((done) => setTimeout(done, 5000))]);
  }
  let left = ours();
  for (const pid of left) process.kill(pid, 'SIGKILL');
  if (left.length > 0) {
    await new Promise((done) => setTimeout(done, 500));
    left = ours();
  }
  rmSync(scratch, { recursive: true, force: true });
  return left;
}

function ours() {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`ZASHIKI_SHOP_ID=${shopId}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function fail(message) {
  console.error(`demo: ${message}`);
  process.exit(1);
}
