import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { call } from '../../lab/docker/api.ts';
import type { BoundsCapability } from '../../src/capabilities/bounds.ts';
import type { JsonObject, Target } from '../../src/core/model.ts';
import type { Catalogue, Rng } from '../../src/core/ports.ts';
import type { Specimen } from './specimens.ts';

/** Parameters that make each fault quick and small on a container. */
export const recipes: Readonly<Record<string, (rng: Rng) => JsonObject>> = {
  'container-pause': () => ({}),
  'container-recreate': () => ({}),
  'container-restart': () => ({ grace: '100ms' }),
  'cpu-stress': () => ({ load: 30 }),
  'disk-fill': () => ({ path: '/tmp', size: '3MiB' }),
  'fd-exhaust': () => ({}),
  'file-corrupt': (rng) => ({ path: '/etc/group', mode: ['flip', 'zero', 'truncate'][rng.below(3)] ?? 'flip' }),
  'file-delete': () => ({ path: '/etc/group' }),
  'file-permission': () => ({ path: '/etc/group', mode: '0000' }),
  'io-stress': () => ({ path: '/tmp', size: '256KiB' }),
  'memory-exhaust': () => ({ victim: 'worker', limit: '80MiB' }),
  'memory-stress': () => ({ size: '4MiB' }),
  'pids-exhaust': () => ({ leave: 2 }),
  'process-pause': () => ({}),
  stress: () => ({ arguments: ['--cpu', '1', '--cpu-load', '10'] }),
};

/** Faults that have a recipe for containers. */
export const containerFaults: readonly string[] = Object.keys(recipes);

const host = () => (process.env.DOCKER_HOST ?? '').replace(/^unix:\/\//, '');
let serial = 0;

/** A container of the lab, looked at by its name: what was made again has another id. */
export async function makeContainerSpecimen(fault: string, catalogue: Catalogue, rng: Rng): Promise<Specimen> {
  const recipe = recipes[fault];
  if (!recipe) throw new Error(`no container specimen for the fault ${fault}: add it to test/crash/containers.ts`);
  const name = `crash-${process.pid}-${++serial}`;
  const body = {
    Image: 'zashiki-lab/busybox',
    Cmd: ['sleep', '3600'],
    Env: [`CRASH_TEST=${name}`],
    HostConfig: { Binds: [`${name}:/data`], PidsLimit: 50 },
  };
  await call(host(), 'POST', `/containers/create?name=${name}`, body);
  await call(host(), 'POST', `/containers/${name}/start`);
  const duration = rng.below(2) === 0 ? { duration: 30 + rng.below(60) } : {};
  return {
    fault,
    step: {
      ...{ kind: 'fault', fault, mode: 'one', resolve: 'plan', params: recipe(rng) },
      target: { platform: 'docker', selector: { name } },
      ...duration,
    },
    snapshot: () => snapshot(name, catalogue),
    async end() {
      await call(host(), 'DELETE', `/containers/${name}?force=1&v=1`).catch(() => undefined);
      await call(host(), 'DELETE', `/volumes/${name}?force=1`).catch(() => undefined);
    },
  };
}

async function snapshot(name: string, catalogue: Catalogue): Promise<unknown> {
  const { Config, HostConfig, Mounts, State } = JSON.parse(await call(host(), 'GET', `/containers/${name}/json`));
  const { Hostname: _, ...config } = Config;
  const engine = { config, HostConfig, Mounts, status: State.Status };
  if (State.Status !== 'running') return engine;
  const platform = await catalogue.platform('docker');
  const found = await platform.discover(platform.selector.parse({ name }) as never);
  const target = found[0] as Target;
  const { bounds } = (await platform.attach(target)) as { bounds: BoundsCapability };
  const memory = await bounds.locate('memory');
  const { max, swap } = await bounds.memory(memory);
  const root = `/proc/${State.Pid}/root`;
  return {
    ...engine,
    stopped: / T /.test(readFileSync(`/proc/${State.Pid}/stat`, 'utf8')),
    tasks: (await bounds.tasks(await bounds.locate('pids'))).max,
    memory: { max, swap },
    scores: (await bounds.members(memory)).map(({ score }) => score),
    limits: readFileSync(`/proc/${State.Pid}/limits`, 'utf8'),
    files: ['/etc', '/tmp', '/data'].map((folder) => files(join(root, folder))),
  };
}

function files(folder: string): unknown {
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const { mode, uid, gid, size, mtimeMs } = lstatSync(join(folder, name));
      const whole = (mode & 0o170000) === 0o100000;
      // The engine writes these anew with every start.
      if (['hosts', 'hostname', 'resolv.conf'].includes(name)) return name;
      const bytes = whole
        ? createHash('sha256')
            .update(readFileSync(join(folder, name)))
            .digest('hex')
        : '';
      return { name, mode, uid, gid, ...(whole ? { size, mtimeMs, bytes } : {}) };
    });
}
