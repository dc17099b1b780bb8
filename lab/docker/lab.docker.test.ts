import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { container, docker, unable, unique } from '../../test/fixtures/docker.ts';
import { traces } from './clean.ts';
import { down, hold, status, up } from './index.ts';
import { placeOf } from './place.ts';
import { kill, textOf, until } from './proc.ts';

const own = () => unique('lab').slice(0, 14);

/** Another process that holds an engine and then only waits. */
async function holder(name: string) {
  const index = pathToFileURL(`${import.meta.dirname}/index.ts`).href;
  const script = `import(${JSON.stringify(index)}).then(async ({ hold }) => { const e = await hold(process.argv[1]); console.log(e.host); setInterval(() => {}, 1e6); })`;
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', script, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [host] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, host: String(host) };
}

async function containersIn(host: string) {
  await container({ host, image: 'echo', hostConfig: { RestartPolicy: { Name: 'always' } } });
  const frozen = await container({ host, image: 'scratch-sleeper' });
  await docker('POST', `/containers/${frozen.id}/pause`, undefined, host);
  await docker('POST', '/networks/create', { Name: 'some' }, host);
  await container({ host, hostConfig: { NetworkMode: 'some', PortBindings: {} } });
}

describe.skipIf(unable)('the private Docker engine', () => {
  test('ends with the process that holds it, also when that is killed: nothing is left', async () => {
    const name = own();
    const { child, host } = await holder(name);
    await containersIn(host);
    expect((await status(name))?.holders).toBe(1);
    child.kill('SIGKILL');
    expect(await until(() => traces(placeOf(name)).length === 0, 60_000)).toBe(true);
    expect(await status(name)).toBeNull();
  });

  test('stays while anybody holds it', async () => {
    const name = own();
    const { child } = await holder(name);
    const mine = await hold(name);
    child.kill('SIGKILL');
    await expect.poll(async () => (await status(name))?.holders, { timeout: 30_000 }).toBe(1);
    expect(await docker('GET', '/containers/json', undefined, mine.host)).toEqual([]);
    await mine.release();
    expect(traces(mine.place)).toEqual([]);
  });

  test('a killed keeper leaves things behind, and the next one cleans them up', async () => {
    const name = own();
    onTestFinished(async () => void (await down(name)));
    const { host } = await up(name);
    await containersIn(host);
    const keeper = Number(textOf(`${placeOf(name).run}/keeper.pid`));
    kill(keeper);
    expect(await until(() => textOf(`/proc/${keeper}/stat`) === '', 10_000)).toBe(true);
    expect(traces(placeOf(name))).not.toEqual([]);
    await up(name);
    expect(await docker('GET', '/containers/json?all=1', undefined, host)).toEqual([]);
    expect(await down(name)).toBe(true);
    expect(traces(placeOf(name))).toEqual([]);
  });

  test('its daemon can be killed and started again', async () => {
    const name = own();
    const engine = await hold(name, { args: ['--live-restore'] });
    onTestFinished(() => engine.release());
    const { id } = await container({ host: engine.host });
    await engine.killDaemon();
    await expect(docker('GET', '/_ping', undefined, engine.host)).rejects.toThrow(/ECONNREFUSED|ENOENT/);
    await engine.startDaemon();
    const after = await docker('GET', `/containers/${id}/json`, undefined, engine.host);
    expect(after.State.Status).toBe('running');
  });
});
