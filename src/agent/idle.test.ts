import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { agentApi } from '../remote/index.ts';
import { aim, contextFor, eventually, startAgent, startVictim, testFolder } from './testing.ts';

const pause = { fault: 'process-pause', params: {} };
const ended = ({ child }: { readonly child: { readonly exitCode: number | null } }) => child.exitCode !== null;

test('an agent that nobody needs any more ends by itself, and one that is needed does not', async () => {
  const agent = await startAgent(testFolder(), { args: ['--exit-when-idle', '1s'] });
  const victim = await startVictim();
  const { agent: on } = await aim(agent.transport, { pid: victim.pid });
  const context = contextFor();
  const undo = await on.plan(pause, context);
  await on.inject(pause, undo, context);
  const from = performance.now();
  // Longer than the idle time, while something is on and nobody asks.
  await eventually(() => performance.now() - from > 2500, 'some time has passed');
  expect(ended(agent)).toBe(false);
  expect(victim.state()).toBe('T');
  expect((await agentApi(agent.transport, 'node').status()).injections).toHaveLength(1);
  await on.recover('process-pause', undo, context);
  await eventually(() => ended(agent), 'the agent has ended');
  expect(agent.child.exitCode).toBe(0);
  expect(victim.state()).toBe('S');
});

test('`agent call` answers before its input has come to an end', async () => {
  const agent = await startAgent(testFolder());
  const program = resolve(import.meta.dirname, '../../dist/cli/main.cjs');
  const call = spawn(process.execPath, [program, 'agent', 'call', '/v1/lease', '--url', agent.url]);
  const closed = once(call, 'close');
  let out = '';
  call.stdout.on('data', (chunk) => {
    out += chunk;
  });
  call.stdin.write(`${JSON.stringify({ injections: [], lease: 1000 })}\n`);
  await closed;
  expect(JSON.parse(out)).toEqual({ status: 200, body: { on: [] } });
});
