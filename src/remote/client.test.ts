import { expect, test } from 'vitest';
import { alone } from '../core/alone.ts';
import { systemClock } from '../core/clock.ts';
import type { FaultContext } from '../core/ports.ts';
import { agentCapability } from './client.ts';
import type { Transport } from './transport.ts';
import type { InjectionName } from './wire.ts';

/** An agent that has everything on for ever; `asked`: whose leases were renewed, call by call. */
function tireless() {
  const asked: string[][] = [];
  const transport: Transport = async (path, body) => {
    if (path !== '/v1/lease') return { status: 200, body: {} };
    const { injections } = body as unknown as { readonly injections: readonly InjectionName[] };
    asked.push(injections.map(({ injection }) => injection));
    return { status: 200, body: { on: injections.map((each) => ({ ...each })) } };
  };
  const agent = agentCapability(transport, {
    name: 'node',
    target: { platform: 'host', selector: {} },
    offers: [],
    leaseMs: 60,
  });
  const inject = async (injection: string, wanted?: () => boolean) => {
    const { signal } = new AbortController();
    const bare = { ...alone, tag: injection, ttl: null, keep: '/nonexistent', clock: systemClock, signal };
    const context: FaultContext = wanted ? { ...bare, wanted } : bare;
    const undo = { agent: { name: 'node', run: 'r', injection, target: {}, undo: null, claims: [] } };
    await agent.inject({ fault: 'process-pause', params: {} }, undo, context);
  };
  return { asked, inject };
}

test('a lease is renewed for as long as it is wanted, and without end where nobody says', async () => {
  const { asked, inject } = tireless();
  let wanted = true;
  await inject('one', () => wanted);
  await inject('two');
  await expect.poll(() => asked.at(-1)).toEqual(['one', 'two']);
  wanted = false;
  await expect.poll(() => asked.at(-1)).toEqual(['two']);
  // Who wants it again puts it on again.
  wanted = true;
  const calls = asked.length;
  await expect.poll(() => asked.length).toBeGreaterThan(calls + 2);
  expect(asked.at(-1)).toEqual(['two']);
  await inject('one', () => wanted);
  await expect.poll(() => asked.at(-1)).toEqual(expect.arrayContaining(['one', 'two']));
});
