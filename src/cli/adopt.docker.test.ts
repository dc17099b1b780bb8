import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { docker as call, container, dockerHost, unable, unique } from '../../test/fixtures/docker.ts';
import { systemClock as clock } from '../core/clock.ts';
import { intentOn, startedBy } from '../journal/fixtures/catalogue.ts';
import { temporaryFolder } from '../journal/fixtures/fixtures.ts';
import { createJournal } from '../journal/journal.ts';
import { journalPath } from '../journal/state.ts';
import docker from '../platforms/docker/platform.ts';
import { targetOf } from '../platforms/docker/testing.ts';

const root = resolve(import.meta.dirname, '../..');

const script = `
import { adopt } from ${JSON.stringify(`${root}/src/cli/adopt.ts`)};
console.log(JSON.stringify(await adopt('/state', { url: 'unix:///var/run/docker.sock' })));
`;

/** The journal of a run that died with something on. */
function crashed(): string {
  const { folder, remove } = temporaryFolder();
  const journal = createJournal({ state: folder, run: 'r', clock });
  journal.append(startedBy({ pid: 1, startTime: '1', bootId: '' }));
  journal.append({ type: 'intent', ...intentOn('/somewhere', 'i1') });
  journal.close();
  const text = readFileSync(journalPath(folder, 'r'), 'utf8');
  remove();
  return text;
}

const write =
  'mkdir -p /state/runs/$RUN; printf %s "$JOURNAL" > /state/runs/$RUN/journal.jsonl; echo > /ready; exec sleep 3600';

describe.skipIf(unable)('taking over what other containers left behind', () => {
  test('only from those of the same owner that have ended, with the state in a layer of their own', async () => {
    const owner = { 'zashiki.dev/skip': 'true', 'com.docker.compose.project': unique('project') };
    const left = async (run: string, more: object = {}) => {
      const Env = [`RUN=${run}`, `JOURNAL=${crashed()}`];
      const one = await container({ labels: owner, cmd: ['sh', '-c', write], config: { Env, ...more } });
      const { exec } = await docker.attach(await targetOf({ id: one.id }));
      await expect.poll(async () => (await exec?.run(['ls', '/ready']))?.code).toBe(0);
      return one;
    };
    const [dead, paused, running] = [await left('dead'), await left('paused'), await left('running')];
    const apart = await left('apart', { Volumes: { '/state': {} } });
    for (const { id } of [dead, apart]) await call('POST', `/containers/${id}/kill`);
    await call('POST', `/containers/${paused.id}/pause`);
    expect((await running.inspect()).State.Running).toBe(true);
    const Binds = [
      ...['/usr:/usr:ro', '/usr/lib:/lib:ro', ...(process.arch === 'x64' ? ['/usr/lib64:/lib64:ro'] : [])],
      `${root}:${root}:ro`,
      `${dockerHost().replace('unix://', '')}:/var/run/docker.sock`,
    ];
    const me = await container({ labels: owner, hostConfig: { Binds } });
    const { exec } = await docker.attach({ ...(await targetOf({ id: me.id })) });
    const node = [process.execPath, '--import', `${root}/node_modules/tsx/dist/loader.mjs`];
    const done = await exec?.run([...node, '--input-type=module', '-e', script], { timeoutMs: 60_000 });
    expect(done).toMatchObject({ code: 0, stdout: '["dead"]\n' });
  });
});
