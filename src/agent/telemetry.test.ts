import { expect, test } from 'vitest';
import { aim, contextFor, injectAndForget, startAgent, startVictim, testFolder } from './testing.ts';

test('metrics tell what is on this machine, what was put on, and who took it off', async () => {
  const agent = await startAgent(testFolder());
  const victim = await startVictim();
  const { agent: on, target } = await aim(agent.transport, { pid: victim.pid });
  const metrics = async () => String((await agent.transport('/metrics', null)).body).split('\n');
  expect(await metrics()).toContain('zashiki_agent_faults_present 0');
  const undo = await injectAndForget(agent.transport, target, { fault: 'process-pause', params: {} });
  expect(await metrics()).toContain('zashiki_agent_faults_present{fault="process-pause",state="on"} 1');
  await on.recover('process-pause', undo, contextFor());
  const after = await metrics();
  expect(after).toEqual(
    expect.arrayContaining([
      'zashiki_agent_faults_present 0',
      'zashiki_agent_injected_total{fault="process-pause"} 1',
      'zashiki_agent_recovered_total{fault="process-pause",by="controller",clean="true"} 1',
      'zashiki_agent_recover_seconds_count 1',
    ]),
  );
});
