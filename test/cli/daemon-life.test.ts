import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { JournalEvent } from '../../src/core/events.ts';
import { hit } from './documents.ts';
import { lives, type Place, type Running, signal, stateOf, test, until } from './place.ts';

/** End it the way a service manager does; it must exit with 0. */
async function end(running: Running): Promise<void> {
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(0);
}

const schedule = (method: readonly object[], more: object = {}, guards: object = {}) => ({
  apiVersion: 'zashiki.dev/v1',
  kind: 'Schedule',
  metadata: { name: 'often' },
  spec: { schedule: { every: '1s' }, ...more, experiment: { method, guards } },
});

const serve = (place: Place, document: object) =>
  place.zashiki(['serve', place.write('often.json', document), '--no-http', '--execute']);

const has = (events: readonly JournalEvent[], type: JournalEvent['type']) =>
  events.some((event) => event.type === type);

describe.concurrent('a daemon', () => {
  test('SIGTERM in the middle of a scheduled run: the fault is recovered, exit 0', async ({ place }) => {
    const pid = await place.target();
    const running = serve(place, schedule([hit(place, 'process-pause', { duration: '10m' })]));
    await until(() => stateOf(pid) === 'T');
    await end(running);
    expect(stateOf(pid)).toBe('S');
    expect(place.events().at(-1)).toMatchObject({ type: 'run-finished', outcome: 'deviated' });
  });

  test('SIGKILL of the daemon and of the reaper: the next start recovers first', async ({ place }) => {
    const pid = await place.target();
    const document = schedule([hit(place, 'process-pause', { duration: '10m' })]);
    const first = serve(place, document);
    await until(() => stateOf(pid) === 'T' && has(place.events(), 'injected'));
    // It must not put another reaper in the place of the dead one.
    signal(first.pid, 'SIGSTOP');
    for (const event of place.events()) if (event.type === 'reaper-started') signal(event.reaper.pid, 'SIGKILL');
    signal(first.pid, 'SIGKILL');
    await first.ended;
    expect(stateOf(pid)).toBe('T');
    const [crashed = ''] = place.runs();
    expect(has(place.events(crashed), 'run-finished')).toBe(false);
    const second = serve(place, document);
    await until(() => has(place.events(crashed), 'run-finished'));
    await until(() => place.runs().length > 1 && has(place.events(), 'run-started'));
    await end(second);
    const events = place.events(crashed);
    expect(events.find(({ type }) => type === 'recovered')).toMatchObject({ author: { role: 'startup' } });
    expect(second.stderr()).toContain(`Run ${crashed} had left faults behind: 1 recovered.`);
    const next = place.events().find(({ type }) => type === 'run-started');
    expect(next?.at).toBeGreaterThanOrEqual(events.at(-1)?.at ?? Number.POSITIVE_INFINITY);
    expect(stateOf(pid)).toBe('S');
  });

  test('a budget holds although the journals of the runs that spent it are thrown away', async ({ place }) => {
    const pids = [await place.target(), await place.target(), await place.target(), await place.target()];
    const kill = [hit(place, 'process-kill', { mode: 'one' })];
    const limits = { budget: { injections: 2, per: '24h' } };
    const running = serve(place, schedule(kill, { historyLimit: 0 }, limits));
    await until(() => /refused: .*2 injections in the last/.test(running.stdout()));
    await until(() => (running.stdout().match(/refused: .*injections in the last/g) ?? []).length >= 2);
    await end(running);
    expect(pids.filter(lives)).toHaveLength(2);
    expect(readdirSync(join(place.state, 'runs'))).toEqual([]);
    expect(existsSync(join(place.state, 'history.jsonl'))).toBe(true);
    const kept = readFileSync(join(place.state, 'history.jsonl'), 'utf8');
    expect(kept.match(/"type":"injected"/g)).toHaveLength(2);
  });
});
