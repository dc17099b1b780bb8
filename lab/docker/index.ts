import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DaemonOptions } from './daemon.ts';
import { onLine } from './lines.ts';
import { type Place, placeOf } from './place.ts';

/** What the keeper says about its engine. */
export interface Status {
  readonly host: string;
  readonly holders: number;
  readonly byHand: boolean;
  /** Images that could not be built here, and why. */
  readonly missing: readonly string[];
}

/** A private engine, held until `release` or the end of this process. */
export interface Engine extends Status {
  readonly place: Place;
  /** SIGKILL to dockerd; containers and shims stay as they are. */
  killDaemon(): Promise<void>;
  startDaemon(): Promise<void>;
  /** Ends the engine, unless others hold it, and resolves when all of it is gone. */
  release(): Promise<void>;
}

/**
 * Start the engine of this name, or join the one that runs. It lives while this process holds it, and at most that
 * long: a crash releases it too. Rejects with dockerd's own words.
 */
export async function hold(name?: string, options: DaemonOptions = {}): Promise<Engine> {
  const place = placeOf(name);
  const { socket, status } = await summon(place, 'hold', options);
  // Holding it does not keep this process alive; waiting for an answer does.
  const asking = asker(socket);
  const ask = (word: string) => {
    socket.ref();
    return asking(word).finally(() => socket.unref());
  };
  socket.unref();
  return {
    ...status,
    place,
    killDaemon: async () => void (await ask('kill-daemon')),
    startDaemon: async () => void (await ask('start-daemon')),
    async release() {
      const { holders, byHand } = await ask('status');
      const last = holders === 1 && !byHand;
      socket.destroy();
      if (last) await gone(place);
    },
  };
}

/** Start it, or join it, and keep it until `down`. */
export async function up(name?: string, options: DaemonOptions = {}): Promise<Status> {
  const { socket, status } = await summon(placeOf(name), 'keep', options);
  socket.destroy();
  return status;
}

/** Let go of what `up` keeps. False when test runs hold it still; it ends with the last of them. */
export async function down(name?: string): Promise<boolean> {
  const place = placeOf(name);
  const socket = await open(place);
  if (!socket) return true;
  const answer = await asker(socket)('down').catch(ignoreLeaving);
  socket.destroy();
  if (answer && answer.holders > 0) return false;
  await gone(place);
  return true;
}

/** How the engine of this name is; null when it does not run, or not any more. */
export async function status(name?: string): Promise<Status | null> {
  const socket = await open(placeOf(name));
  if (!socket) return null;
  const answer = await asker(socket)('status').catch(ignoreLeaving);
  socket.destroy();
  return answer ?? null;
}

/** Wait until its keeper has ended: nothing of the engine is left then. */
async function gone(place: Place): Promise<void> {
  for (let socket = await open(place); socket; socket = await open(place)) {
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function summon(place: Place, word: 'hold' | 'keep', options: DaemonOptions) {
  for (const until = performance.now() + 120_000; ; ) {
    const socket = await open(place);
    if (socket) {
      try {
        return { socket, status: await asker(socket)(word) };
      } catch (error) {
        socket.destroy();
        if (!(error instanceof Leaving)) throw error;
      }
    } else startKeeper(place, options);
    if (performance.now() > until) throw new Error('the keeper of the lab engine does not answer');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function startKeeper(place: Place, options: DaemonOptions): void {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const args = ['--import', tsx, join(import.meta.dirname, 'keeper.ts'), place.name, JSON.stringify(options)];
  spawn(process.execPath, args, { detached: true, stdio: 'ignore', cwd: '/' }).unref();
}

class Leaving extends Error {}

function ignoreLeaving(error: unknown): undefined {
  if (!(error instanceof Leaving)) throw error;
}

function open(place: Place): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(place.keeper);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

/** One question at a time over a connection to the keeper. Rejects with `Leaving` when it closes. */
function asker(socket: Socket): (word: string) => Promise<Status> {
  let waiting: { resolve(answer: Status): void; reject(error: Error): void } | undefined;
  onLine(socket, (line) => {
    const answer = JSON.parse(line);
    if (answer.error === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(answer.error));
  });
  socket.on('close', () => waiting?.reject(new Leaving('the lab engine is being ended')));
  return (word) =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      if (socket.destroyed) return reject(new Leaving('the lab engine is being ended'));
      socket.write(`${JSON.stringify({ do: word })}\n`);
    });
}
