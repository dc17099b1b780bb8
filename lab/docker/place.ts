import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where everything of one lab engine is. Several engines of different names live side by side. */
export interface Place {
  readonly name: string;
  /** Sockets, pid file, exec root, log; gone after `down`. */
  readonly run: string;
  /** The engine's data root; made anew by every start. */
  readonly data: string;
  /** Root file systems of the images, kept for the next time. */
  readonly cache: string;
  readonly socket: string;
  /** The abstract socket that the keeper listens on: bound by one process at a time, freed by the kernel. */
  readonly keeper: string;
  readonly log: string;
  readonly bridge: string;
  /** The first two numbers of all addresses of this engine's containers. */
  readonly prefix: string;
  /** Address of the default bridge. */
  readonly address: string;
  /** Parent cgroup of all containers, in every hierarchy. */
  readonly cgroup: string;
}

const runs = '/run/zashiki-lab';

/** The engine's name when none is given: one that all test runs of this machine share. */
export const shared = 'shared';

/** The place of the engine of this name (letters, digits, `-`; at most 20). */
export function placeOf(name = shared): Place {
  if (!/^[a-z0-9][a-z0-9-]{0,19}$/.test(name)) throw new Error(`"${name}" is no name for a lab engine`);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'zashiki-lab', 'docker');
  const run = join(runs, name);
  const number = createHash('sha256').update(name).digest().readUInt16BE(0);
  const prefix = `10.${100 + (number % 150)}`;
  return {
    name,
    run,
    data: join(cache, 'engines', name),
    cache: join(cache, 'images'),
    socket: join(run, 'docker.sock'),
    keeper: `\0zashiki-lab-docker-${name}`,
    log: join(run, 'dockerd.log'),
    bridge: `zlab${number.toString(16)}`,
    prefix,
    address: `${prefix}.0.1/24`,
    cgroup: `/zashiki-lab/${name}`,
  };
}

/** What DOCKER_HOST must be to reach it. */
export const hostOf = (place: Place): string => `unix://${place.socket}`;

/** Engines of other names whose keeper has died: what they left is to be cleaned. */
export async function orphans(): Promise<readonly Place[]> {
  const found: Place[] = [];
  for (const name of existsSync(runs) ? readdirSync(runs) : []) {
    if (!existsSync(join(runs, name, 'keeper.pid'))) continue;
    if (!(await isKept(placeOf(name)))) found.push(placeOf(name));
  }
  return found;
}

function isKept(place: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(place.keeper);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
