import { afterAll, beforeAll, expect } from 'vitest';
import { lives, type Place, signal, test } from '../cli/place.ts';
import { makeWire, type Wire } from '../fixtures/network.ts';
import { dress, inNetwork, isAsBefore, ours, state, steady, withoutCounters } from './crew.ts';
import { areOn, begin, leavesNobody, ofType } from './run.ts';
import { eventually } from './wait.ts';

/** Two at once in one namespace, both by netem, in both directions. */
const wanted = [
  ['network-delay', { latency: '150ms' }],
  ['network-duplicate', { percent: 100 }],
] as const;

let wire: Wire;
let before: string;
const now = async () => withoutCounters(await inNetwork(wire.pid, state));

beforeAll(async () => {
  wire = await makeWire();
  expect(await inNetwork(wire.pid, dress)).toBe('');
  before = await steady(now);
  expect(before).not.toMatch(ours);
  expect(feel()).toEqual({ late: false, twice: false });
});
afterAll(() => wire?.end());

/** What pings tell: whether every one is late, and whether any came twice. */
function feel() {
  const text = wire.run(['ping', '-n', '-c', '6', '-i', '0.05', '-W', '5', wire.peer.v4]);
  const times = [...text.matchAll(/time=([\d.]+)/g)].map((match) => Number(match[1]));
  expect(times.length, text).toBeGreaterThan(0);
  return { late: Math.min(...times) >= 300, twice: text.includes('DUP!') };
}

async function allOn(place: Place) {
  const steps = wanted.map(([fault, params]) => ({
    ...{ fault, member: { id: '' }, target: { host: { pid: wire.pid } } },
    params: { ...params, via: 'netem', direction: 'both' },
  }));
  const going = await begin(place, steps, { peer: wire.peer.v4 });
  // Whoever is first does not yet see what the others do.
  await areOn(going, wanted.length, false);
  expect(feel()).toEqual({ late: true, twice: true });
  expect(await now()).not.toBe(before);
  return going;
}

async function allIsAsBefore(place: Place) {
  await isAsBefore({ fault: 'netem', before, now });
  expect(feel()).toEqual({ late: false, twice: false });
  await leavesNobody(place);
}

test('kill -9 of the runner: its reaper undoes it, and what others have there is as it was, byte by byte', async ({
  place,
}) => {
  const going = await allOn(place);
  going.runner.child.kill('SIGKILL');
  await going.isOver('undone');
  expect(ofType(going.events(), 'recovered').every(({ author }) => author.role === 'reaper')).toBe(true);
  await allIsAsBefore(place);
});

test('kill -9 of both: it stays until `zashiki recover`, and then all is as it was, byte by byte', async ({
  place,
}) => {
  const going = await allOn(place);
  signal(going.reaper, 'SIGKILL');
  going.runner.child.kill('SIGKILL');
  await eventually(
    () => !lives(going.reaper) && !lives(going.runner.pid),
    () => 'both to end',
  );
  expect(feel()).toEqual({ late: true, twice: true });
  const { code, stderr } = await place.run(['recover']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  await going.isOver('undone');
  await allIsAsBefore(place);
});
