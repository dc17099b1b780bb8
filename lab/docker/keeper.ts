// The process that owns one private engine: ends it when nobody holds it any more, whoever crashed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { clean, markOf } from './clean.ts';
import { type DaemonOptions, startDaemon } from './daemon.ts';
import { loadImages } from './images.ts';
import { onLine } from './lines.ts';
import { hostOf, orphans, placeOf } from './place.ts';
import { pidsWith, textOf, until } from './proc.ts';

const [name, given = '{}'] = process.argv.slice(2);
const place = placeOf(name);
const options: DaemonOptions = JSON.parse(given);

/** Connections that hold the engine; the kernel closes them when their owner dies. */
const holders = new Set<Socket>();
let byHand = false;
let leaving = false;
let daemon: Awaited<ReturnType<typeof startDaemon>> | undefined;

const server = createServer((socket) => {
  const say = (answer: object) => socket.write(`${JSON.stringify(answer)}\n`);
  if (leaving) {
    socket.destroy();
    return;
  }
  onLine(socket, async (line) => {
    const { do: what } = JSON.parse(line) as { do: string };
    try {
      if (what === 'hold') holders.add(socket);
      if (what === 'keep') byHand = true;
      if (what === 'down') byHand = false;
      const missing = await ready;
      if (what === 'kill-daemon') await killDaemon();
      if (what === 'start-daemon') daemon = await startDaemon(place, options);
      say({ host: hostOf(place), holders: holders.size, byHand, missing });
      if (what === 'down') leaveIfIdle();
    } catch (error) {
      say({ error: error instanceof Error ? error.message : String(error) });
    }
  });
  socket.on('close', () => {
    if (holders.delete(socket)) leaveIfIdle();
  });
});

const ready = new Promise<readonly string[]>((resolve, reject) => {
  // Another keeper of this name lives: it will answer.
  server.once('error', () => process.exit(0));
  server.listen(place.keeper, () => begin().then(resolve, reject));
});
ready.catch(() => setTimeout(() => leave(1), 1000));

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => leave(0));

async function begin(): Promise<readonly string[]> {
  for (const other of await orphans()) await clean(other);
  await clean(place);
  mkdirSync(place.run, { recursive: true });
  writeFileSync(`${place.run}/keeper.pid`, `${process.pid}\n`);
  execFileSync('ip', ['link', 'add', 'name', place.bridge, 'type', 'bridge']);
  execFileSync('ip', ['address', 'add', place.address, 'dev', place.bridge]);
  execFileSync('ip', ['link', 'set', 'dev', place.bridge, 'up']);
  daemon = await startDaemon(place, options);
  const missing = await loadImages(place);
  // Whoever asked for it may have died meanwhile.
  setTimeout(leaveIfIdle, 5000).unref();
  return missing;
}

async function killDaemon(): Promise<void> {
  const child = daemon;
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  const containerd = () => pidsWith(markOf(place)).some((pid) => textOf(`/proc/${pid}/comm`) === 'containerd\n');
  await until(() => !containerd(), 5000);
}

function leaveIfIdle(): void {
  if (holders.size === 0 && !byHand) leave(0);
}

async function leave(code: number): Promise<void> {
  if (leaving) return;
  leaving = true;
  await clean(place);
  process.exit(code);
}
