import { expect, test, vi } from 'vitest';
import type { Client } from '../client.ts';
import { agentThere } from './start.ts';

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
