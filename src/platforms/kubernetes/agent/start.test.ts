import { expect, test, vi } from 'vitest';
import type { Client } from '../client.ts';
import { agentJob } from './pod-spec.ts';
import { agentOn, agentThere, hopeless } from './start.ts';

test('agents are looked for where one is told that they are: nothing else need be allowed', async () => {
  vi.stubEnv('ZASHIKI_AGENT_NAMESPACE', 'chaos');
  const asked: string[] = [];
  const client = {
    list: async ({ path }: { path: string }) => {
      asked.push(path);
      return [];
    },
    call: async ({ path }: { path: string }) => void asked.push(path),
  } as unknown as Client;
  expect(await agentThere(client, { node: 'n1' })).toBeUndefined();
  expect(await agentThere(client, { node: 'n1', namespace: 'mine' })).toBeUndefined();
  expect(asked).toEqual(['/api/v1/namespaces/chaos/pods', '/api/v1/namespaces/mine/pods']);
});

const message = 'back-off 40s restarting failed container=agent';
/** An agent's pod that was started again so often; it waits for the next time, unless it runs. */
const restarted = (restartCount: number, running?: object) => ({
  metadata: { name: 'agent-1', uid: 'u1' },
  spec: { containers: [] },
  status: {
    phase: 'Running',
    containerStatuses: [
      {
        name: 'agent',
        restartCount,
        state: running ? { running } : { waiting: { reason: 'CrashLoopBackOff', message } },
        lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
      },
    ],
  },
});

test('an agent that ends at once again and again is told, with how it ended', async () => {
  const client = { list: async () => [restarted(3)] } as unknown as Client;
  await expect(agentOn(client, { node: 'n1', namespace: 'mine' })).rejects.toMatchObject({
    code: 'not-supported',
    message: expect.stringMatching(/n1 .*CrashLoopBackOff: back-off 40s.*exit code 137 \(OOMKilled\)/),
  });
});

test('an agent that was killed is waited for until it is started again', async () => {
  const answers = [[restarted(1)], [restarted(2, {})]];
  const client = { list: async () => answers.shift() } as unknown as Client;
  expect((await agentOn(client, { node: 'n1', namespace: 'mine' })).metadata.name).toBe('agent-1');
});

test('an agent that is started for a while is started again when it fails, not when it ends', () => {
  expect(agentJob('n1', 'image:1', 'mine')).toMatchObject({
    spec: {
      backoffLimit: expect.toSatisfy((limit: number) => limit > hopeless),
      template: {
        spec: {
          restartPolicy: 'OnFailure',
          containers: [{ name: 'agent', resources: { requests: { memory: '32Mi' } } }],
        },
      },
    },
  });
});
