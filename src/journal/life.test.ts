import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { systemClock as clock } from '../core/clock.ts';
import { intentOn, startedBy, testCatalogue } from './fixtures/catalogue.ts';
import { temporaryFolder } from './fixtures/fixtures.ts';
import { ownIdentity } from './identity.ts';
import { createJournal } from './journal.ts';
import { showLife, showsLife } from './life.ts';
import { recoverAll } from './recover.ts';
import { runFolder } from './state.ts';

let folder = '';
let remove = () => {};
beforeEach(() => {
  ({ folder, remove } = temporaryFolder());
});
afterEach(() => remove());

/** Another process that shows life in a folder. */
async function living(where: string) {
  const life = pathToFileURL(join(import.meta.dirname, 'life.ts')).href;
  const script = `import(${JSON.stringify(life)}).then(({ showLife }) => { showLife(process.argv[1]); console.log('up'); setInterval(() => {}, 1e6); })`;
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', script, where], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(createInterface({ input: child.stdout }), 'line');
  return child;
}

test.each(['near', 'f'.repeat(200)])(
  'a process shows life while it lives, also when it is stopped: %s',
  async (name) => {
    const where = join(folder, name);
    mkdirSync(where);
    expect(await showsLife(where)).toBeNull();
    const child = await living(where);
    child.kill('SIGSTOP');
    expect(await showsLife(where)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await showsLife(where)).toBe(false);
  },
);

test('what ends well leaves no sign', async () => {
  const end = showLife(folder);
  expect(await showsLife(folder)).toBe(true);
  end();
  expect(readdirSync(folder)).toEqual([]);
  expect(await showsLife(folder)).toBeNull();
});

test('a run of another container is recovered once its runner shows no life any more, and not before', async () => {
  const journal = createJournal({ state: folder, run: 'far', clock });
  const elsewhere = { ...ownIdentity(), pid: 1, startTime: '1', place: 'another-container/pid:[1]' };
  journal.append(startedBy(elsewhere));
  journal.append({ type: 'intent', ...intentOn(join(folder, 'a'), 'i1', {}) });
  journal.close();
  const sweep = () => {
    const { signal } = new AbortController();
    return recoverAll({
      state: folder,
      catalogue: testCatalogue,
      author: { role: 'startup', user: 'x' },
      clock,
      signal,
    });
  };
  const child = await living(runFolder(folder, 'far'));
  expect(await sweep()).toMatchObject([{ did: 'failed', error: { message: expect.stringContaining('container') } }]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await sweep()).toMatchObject([{ did: 'recovered', recovery: { recovered: ['i1'] } }]);
});
