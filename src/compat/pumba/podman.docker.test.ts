import { expect, test } from 'vitest';
import { type Container, container, unable } from '../../../test/fixtures/docker.ts';
import { noPodman, podmanEngine } from '../../../test/fixtures/podman-engine.ts';
import { isBuilt, run, start } from '../../../test/fixtures/pumba-program.ts';

test('PU-31 --runtime podman: by its socket and by CONTAINER_HOST', async (context) => {
  const reason = unable ?? noPodman ?? (isBuilt() ? undefined : 'not built');
  if (reason) return context.skip(reason);
  const host = await podmanEngine();
  const socket = host.replace(/^unix:\/\//, '');
  const make = () => container({ host, hostConfig: { NetworkMode: 'none' } });
  const [one, two] = [await make(), await make()];
  const status = async (of: Container) => (await of.inspect()).State.Status;

  const killed = await run(['-l', 'info', '--runtime', 'podman', '--podman-socket', socket, 'kill', one.name]);
  expect(killed.log).toEqual([expect.stringContaining('msg="killing container"')]);
  expect([killed.code, await status(one), await status(two)]).toEqual([0, 'exited', 'running']);

  const env = { CONTAINER_HOST: host };
  const going = start(['-l', 'debug', '--runtime', 'podman', 'pause', '-d', '10m', two.name], { env });
  await going.says('paused');
  expect(await status(two)).toBe('paused');
  going.child.kill('SIGKILL');
  await going.ended;
  await expect.poll(() => status(two), { timeout: 60_000, interval: 200 }).toBe('running');
});
