import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TargetKind } from '../../scripts/docs/matrix.ts';
import type { JsonObject } from '../../src/core/model.ts';
import { docker, unique } from '../fixtures/docker.ts';
import { makeWire } from '../fixtures/network.ts';
import { ours, specimen } from '../fixtures/proxy-target.ts';

/** A real target that one fault is tried on. */
export interface MadeTarget {
  readonly platform: string;
  /** Finds this one and no other. */
  readonly selector: JsonObject;
  /** A folder of the test, for targets that see it under this name. */
  readonly folder: string;
  /** Who answers pings from there. */
  readonly peer?: string | undefined;
  end(): Promise<void>;
}

export interface MakeOptions {
  /** Address of a container that containers can ping. */
  readonly peer?: string | undefined;
  /** The container is not started. Default false. */
  readonly stopped?: boolean;
}

/** How each kind of target is made. */
export const makers: Readonly<Record<TargetKind, (options: MakeOptions) => Promise<MadeTarget>>> = {
  process: async () => {
    const place = folder();
    const child = spawn('sleep', ['100000'], { stdio: 'ignore', cwd: '/' });
    await once(child, 'spawn');
    return {
      ...{ platform: 'host', selector: { pid: child.pid ?? 0 }, folder: place },
      async end() {
        child.kill('SIGKILL');
        rmSync(place, { recursive: true });
      },
    };
  },
  'process-netns': async () => {
    const wire = await makeWire();
    const { pid, peer, end } = wire;
    return { platform: 'host', selector: { pid }, folder: '', peer: peer.v4, end };
  },
  machine: async () => {
    const place = folder();
    const end = async () => rmSync(place, { recursive: true });
    return { platform: 'host', selector: { machine: true }, folder: place, end };
  },
  container: (options) => container({ Image: 'zashiki-lab/busybox', Cmd: ['sleep', '100000'] }, options),
  'container-bare': (options) => container({ Image: 'zashiki-lab/scratch-sleeper' }, options),
  proxy: async () => {
    const server = await ours();
    const { end } = await specimen({}, server);
    return { platform: 'proxy', selector: { url: server.url, name: 'echo' }, folder: '', end };
  },
};

/** A container that answers pings, and its address; ended by `end`. */
export async function makePeer(): Promise<{ readonly address: string; end(): Promise<void> }> {
  const name = unique('zm-peer');
  await create(name, { Image: 'zashiki-lab/echo' });
  await start(name);
  const { NetworkSettings } = await docker('GET', `/containers/${name}/json`);
  return { address: NetworkSettings.Networks.bridge.IPAddress, end: () => remove(name) };
}

async function container(image: object, { peer, stopped = false }: MakeOptions): Promise<MadeTarget> {
  const [name, place] = [unique('zm'), folder()];
  await create(name, { ...image, HostConfig: { Binds: [`${place}:/data`], PidsLimit: 50 } });
  if (!stopped) await start(name);
  return {
    ...{ platform: 'docker', selector: { name, state: 'all' }, folder: '/data', peer },
    async end() {
      await remove(name);
      rmSync(place, { recursive: true });
    },
  };
}

const create = (name: string, body: object) =>
  docker('POST', `/containers/create?name=${name}`, { Labels: { 'zashiki.dev/test': 'true' }, ...body });
const start = (name: string) => docker('POST', `/containers/${name}/start`);

// By its name: one that was made again has another id, and one that was removed is gone.
async function remove(name: string): Promise<void> {
  await docker('DELETE', `/containers/${name}?force=1&v=1`).catch((error) => {
    if (!/: (404|409) /.test(String(error))) throw error;
  });
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'zashiki-matrix-'));
  writeFileSync(join(made, 'data'), 'x'.repeat(3000));
  return made;
}
