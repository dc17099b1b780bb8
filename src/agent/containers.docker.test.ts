import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ContainerOptions, container, unable } from '../../test/fixtures/docker.ts';
import type { AgentTarget } from '../capabilities/agent.ts';
import type { JsonObject } from '../core/model.ts';
import { agentCapability } from '../remote/index.ts';
import { contextFor, eventually, startAgent, testFolder } from './testing.ts';

/** Nothing in there but one program, on a root file system that cannot be written. */
const bare: ContainerOptions = {
  image: 'scratch-sleeper',
  hostConfig: { ReadonlyRootfs: true, Memory: 96 * 2 ** 20, PidsLimit: 100 },
};

const faults: readonly { readonly fault: string; readonly params: JsonObject }[] = [
  { fault: 'process-pause', params: {} },
  { fault: 'process-priority', params: { nice: 5 } },
  { fault: 'cpu-stress', params: { load: 30 } },
  { fault: 'memory-stress', params: { size: '8MiB' } },
  { fault: 'pids-exhaust', params: {} },
  { fault: 'network-partition', params: { action: 'drop' } },
  { fault: 'network-delay', params: { latency: '100ms' } },
  { fault: 'fd-exhaust', params: {} },
];

const capabilities = ['signal', 'priority', 'limits', 'cgroup', 'bounds', 'files', 'netns'] as const;

describe.skipIf(unable)(`a container without a shell, by id alone${unable ? `: skipped, ${unable}` : ''}`, () => {
  test.each(faults)(
    '$fault: on, seen, the agent killed with -9, off when it starts again',
    async ({ fault, params }) => {
      const folder = testFolder();
      const agent = await startAgent(folder);
      const { id, inspect } = await container(bare);
      const target: AgentTarget = { platform: 'node-container', selector: { id: `docker://${id}` } };
      const on = agentCapability(agent.transport, { name: 'node', target, offers: capabilities, leaseMs: 120_000 });
      const [order, context] = [{ fault, params }, contextFor()];
      const undo = await on.plan(order, context);
      const { Pid: pid } = (await inspect()).State as { readonly Pid: number };
      expect(undo.agent.target).toMatchObject({ identity: { container: id, pid } });
      await on.inject(order, undo, context);
      expect(await on.observe(order, undo, context)).toMatchObject({ yes: true });
      await agent.kill({ reapers: true });
      await startAgent(folder);
      await on.recover(fault, undo, contextFor(context.tag));
      expect(await on.verify(fault, undo, contextFor(context.tag))).toMatchObject({ yes: true });
      await eventually(() => workersOf(undo.agent.run).length === 0, 'no helper is left');
      expect((await inspect()).State).toMatchObject({ Running: true, Paused: false });
    },
  );

  test('the container ends while a fault is on: nothing is left to undo', async () => {
    const agent = await startAgent(testFolder());
    const { id, remove } = await container(bare);
    const target: AgentTarget = { platform: 'node-container', selector: { id } };
    const on = agentCapability(agent.transport, { name: 'node', target, offers: capabilities });
    const [order, context] = [{ fault: 'network-partition', params: { action: 'drop' } }, contextFor()];
    const undo = await on.plan(order, context);
    await on.inject(order, undo, context);
    await remove();
    await on.recover(order.fault, undo, context);
    expect(await on.verify(order.fault, undo, context)).toMatchObject({ yes: true });
    await expect(on.plan(order, contextFor())).rejects.toMatchObject({ code: 'target-gone' });
  });
});

/** Processes whose tag begins with this run. */
function workersOf(run: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const file = `/proc/${pid}/environ`;
      return /^\d+$/.test(pid) && existsSync(file) && readFileSync(file, 'latin1').includes(`ZASHIKI_WORKER=${run}`);
    } catch {
      return false;
    }
  });
}
