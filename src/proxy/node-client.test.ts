import { type ICreateToxicBody, type ToxicType, Toxiproxy } from 'toxiproxy-node-client';
import { expect, test } from 'vitest';
import { call, echo, startServer } from './testing.ts';

const attributesOf: Readonly<Record<string, object>> = {
  latency: { latency: 10, jitter: 5 },
  bandwidth: { rate: 1000 },
  slow_close: { delay: 10 },
  timeout: { timeout: 0 },
  reset_peer: { timeout: 10 },
  slicer: { average_size: 10, size_variation: 2, delay: 1 },
  limit_data: { bytes: 1000 },
};

/** The client of the npm registry, as it is. */
test("toxiproxy-node-client's calls pass unchanged", async () => {
  const { url } = await startServer();
  const toxiproxy = new Toxiproxy(url);
  expect(await toxiproxy.getVersion()).toContain('2.12.0');
  const upstream = await echo();
  const made = await toxiproxy.createProxy({ name: 'redis', listen: 'localhost:0', upstream });
  expect(made).toMatchObject({ name: 'redis', enabled: true, upstream });
  const caller = await call(made.listen);
  caller.socket.write('x');
  await caller.received(1);

  for (const [type, attributes] of Object.entries(attributesOf)) {
    const body = { name: `my-${type}`, type: type as ToxicType, stream: 'downstream', toxicity: 0.5, attributes };
    const toxic = await made.addToxic(body as ICreateToxicBody<object>);
    expect(toxic.toJson()).toEqual(body);
    expect((await made.getToxic(toxic.name)).toJson()).toEqual(body);
    const changed = await toxic.update({ ...body, toxicity: 1 } as ICreateToxicBody<object>);
    expect(changed.toxicity).toBe(1);
    await toxic.remove();
    await expect(made.getToxic(toxic.name)).rejects.toThrow(/404/);
  }

  const down = await made.update({ enabled: false, listen: made.listen, upstream });
  expect(down.enabled).toBe(false);
  expect(await (await call(made.listen)).ended()).toBe('ECONNREFUSED');
  await toxiproxy.reset();
  expect((await toxiproxy.get('redis')).enabled).toBe(true);
  const populated = await toxiproxy.populate([
    { name: 'redis', listen: made.listen, upstream },
    { name: 'other', listen: '127.0.0.1:0', upstream, enabled: false },
  ]);
  expect(Object.keys(populated).sort()).toEqual(['other', 'redis']);
  expect(Object.keys(await toxiproxy.getAll())).toEqual(['other', 'redis']);
  await expect(toxiproxy.createProxy({ name: 'redis', listen: 'localhost:0', upstream })).rejects.toThrow(/409/);
  await made.remove();
  await expect(toxiproxy.get('redis')).rejects.toThrow(/404/);
});
