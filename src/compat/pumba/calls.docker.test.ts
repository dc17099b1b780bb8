import { describe, expect, test } from 'vitest';
import { container, unable, unique } from '../../../test/fixtures/docker.ts';
import { isBuilt, run } from '../../../test/fixtures/pumba-program.ts';
import { recordingEngine } from '../../../test/fixtures/recording-engine.ts';

describe.skipIf(unable !== undefined || !isBuilt())("What Pumba's commands ask of the engine", () => {
  test.each([
    ['kill'],
    ['stop', '--restart'],
    ['restart'],
    ['pause', '-d', '1s'],
    ['rm'],
    ['exec', '-s', 'ls'],
    ['stress', '-d', '1s'],
    ['netem', '-d', '1s', 'delay'],
    ['iptables', '-d', '1s', 'loss', '--probability', '1'],
  ])('PU-10 a dry run of %s changes nothing, and says what would be hit', async (...command) => {
    const web = await container();
    const { host, calls } = await recordingEngine();
    const { code, log } = await run(['--host', host, '--dry-run', ...command, web.name]);
    expect(code).toBe(0);
    expect(log[0]).toMatch(/^level=info msg="[a-z ]+" .*dryrun=true/);
    expect(log[0]).toContain(`id=${web.id}`);
    expect(calls.filter((call) => !/^(GET|HEAD) /.test(call))).toEqual([]);
    expect((await web.inspect()).State.Status).toBe('running');
  });

  test('PU-07, PU-12 a kill looks at nothing but the containers that it means', async () => {
    const [web] = await Promise.all([container(), container(), container()]);
    const { host, calls } = await recordingEngine();
    expect((await run(['-H', host, 'kill', '-s', 'SIGUSR1', web.name])).code).toBe(0);
    expect(calls.filter((call) => call.startsWith('POST'))).toEqual([`POST /containers/${web.id}/kill`]);
    expect(new Set(calls.filter((call) => /\/json$/.test(call) && call.includes('/containers/')))).toEqual(
      new Set(['GET /containers/json', `GET /containers/${web.id}/json`]),
    );
    expect(calls.filter((call) => call.includes('/images/'))).toEqual([]);
  });

  test('PU-07 a container that vanishes while they are listed is no error', async () => {
    const tag = unique('pu');
    const [first, second, third] = await Promise.all([
      container({ name: `${tag}-1` }),
      container({ name: `${tag}-2` }),
      container({ name: `${tag}-3` }),
    ]);
    // Gone when the list that has it arrives: nobody can look at it any more.
    let removed: Promise<unknown> | undefined;
    const { host, calls } = await recordingEngine((call) => {
      if (call !== 'GET /containers/json') return undefined;
      removed ??= second.remove();
      return removed;
    });
    const { code } = await run(['-H', host, '--skip-error=false', 'stop', '-t', '1', `re2:^${tag}`]);
    expect(calls).toContain(`GET /containers/${second.id}/json`);
    expect(code).toBe(0);
    const states = await Promise.all([first, third].map(async (each) => (await each.inspect()).State.Status));
    expect(states).toEqual(['exited', 'exited']);
  });
});
