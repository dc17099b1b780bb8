import type { EventBody, JournalEvent, Phase } from '../core/events.ts';
import type { Json } from '../core/model.ts';
import { judge } from '../core/verdict.ts';
import {
  answers,
  calm,
  injection,
  me,
  readings,
  reaper,
  type Script,
  script,
  startOf,
  store,
  threeUp,
  worker,
} from './fixtures.ts';

/** The end of a run, with the verdict that its events amount to. */
const done = (out: Script, t: number) => {
  const start = out.events.find((event) => event.type === 'run-started');
  if (start) out.at(t, { type: 'run-finished', author: me, ...judge(start.plan.experiment, out.events) });
};

const phases = (out: Script, times: Partial<Record<Phase, number>>) => {
  for (const [phase, t] of Object.entries(times)) out.at(t, { type: 'phase', phase: phase as Phase });
  const order = Object.entries(times).sort((a, b) => a[1] - b[1]);
  return (t: number): Phase => (order.findLast(([, from]) => from <= t)?.[0] ?? 'before') as Phase;
};

const steps = (out: Script, list: readonly (readonly [string, string, number, number])[]) => {
  for (const [step, label, from, to] of list) {
    out.at(from, { type: 'step-started', step, label });
    out.at(to, { type: 'step-finished', step });
  }
};

/** A worker is killed, then the store is paused; the shop comes back both times. `heal` shifts the recovery. */
export function held(seed = 7, heal = 0, run = '20261120T051207-k3x9'): readonly JournalEvent[] {
  const out = script();
  out.at(
    0,
    startOf(
      'shop-survives-a-crash',
      { description: 'A worker is killed and the store freezes: buyers must not notice for long.' },
      [
        { fault: 'process-kill', on: [worker(2)], params: { signal: 'SIGKILL' } },
        { fault: 'process-pause', on: [store], duration: 4000 },
      ],
      { seed, run },
    ),
  );
  out.at(4, { type: 'reaper-started', reaper: { pid: 5131, startTime: '913061', bootId: 'b8c1' } });
  const end = 14_400 + heal;
  const phase = phases(out, { before: 8, method: 2000, recover: 9990, after: 10_030 });
  steps(out, [
    ['method[0]', 'process-kill', 2010, 2100],
    ['method[1]', 'process-pause', 6001, 10_040],
  ]);
  const kill = { step: 'method[0]', fault: 'process-kill', on: worker(2), params: { signal: 'SIGKILL' } };
  injection(out, 'i1', { ...kill, detail: 'pid 4712 is gone' }, { from: 2040, off: null, oneShot: true });
  const pause = { step: 'method[1]', fault: 'process-pause', on: store, detail: 'state T (stopped)' };
  injection(out, 'i2', pause, { from: 6020, off: 10_000 });
  const base = calm(seed);
  const shop = (t: number) => {
    if (t > 2040 && t < 2700) return { ms: Math.floor(t / 100) % 2 === 0 ? null : base() * 6 };
    if (t > 6020 && t < 6600) return { ms: 60 + (t - 6020) / 2.6 };
    if (t > 6600 && t < 10_000) return { ms: Math.floor(t / 100) % 9 === 0 ? 410 + base() * 4 : 180 + base() * 4 };
    if (t >= 10_000 && t < 11_350 + heal) return { ms: 330 + (11_350 + heal - t) / 9 };
    return { ms: base() };
  };
  readings(out, [100, end], phase, shop, (t) => (t > 2040 && t < 3480 ? 2 : 3));
  done(out, end + 80);
  return out.events;
}

/** The store is paused and the shop never finds its way back: a retry storm. */
export function deviated(): readonly JournalEvent[] {
  const out = script();
  const cleanUp = { name: 'empty the queue', action: { id: 'exec', params: { argv: ['shopctl', 'drain'] } } } as const;
  const start = startOf('shop-without-timeouts', { rollbacks: [cleanUp] }, [
    { fault: 'process-pause', on: [store], duration: 5000 },
  ]);
  out.at(0, start);
  out.at(4, { type: 'reaper-started', reaper: { pid: 5131, startTime: '913061', bootId: 'b8c1' } });
  const phase = phases(out, { before: 8, method: 2000, recover: 6990, after: 7030, rollback: 13_000 });
  steps(out, [['method[0]', 'process-pause', 2010, 7040]]);
  const what = { step: 'method[0]', fault: 'process-pause', on: store, detail: 'state T (stopped)' };
  injection(out, 'i1', what, { from: 2020, off: 7000 });
  const base = calm(3);
  const shop = (t: number) => {
    if (t < 2020) return { ms: base() };
    if (t < 7000) return { ms: t < 2900 ? 60 + (t - 2020) / 2 : t % 700 === 0 ? 980 : null };
    return { ms: t % 300 === 0 ? null : 620 + base() * 15 };
  };
  readings(out, [100, 12_000], phase, shop, () => 3);
  out.at(13_010, { type: 'rollback', index: 0, ok: true, detail: 'exit code 0', author: me });
  done(out, 13_100);
  return out.events;
}

/** The shop is down already, so nothing is done to it. */
export function skipped(): readonly JournalEvent[] {
  const out = script();
  out.at(0, startOf('shop-survives-a-crash', {}, [{ fault: 'process-kill', on: [worker(2)] }]));
  const phase = phases(out, { before: 8 });
  readings(
    out,
    [50, 900],
    phase,
    () => ({ ms: null }),
    () => 3,
  );
  done(out, 1000);
  return out.events;
}

/** Outside of the window, and over the blast radius. */
export function refused(): readonly JournalEvent[] {
  const out = script();
  out.at(0, startOf('shop-survives-a-crash', {}, [{ fault: 'process-kill', on: [worker(1), worker(2)] }]));
  const reason = 'now is Fri 14:12 in Asia/Tokyo, the window is Mon-Fri 10:00-12:00';
  out.at(3, { type: 'guard-refused', guard: 'window', reason });
  const wide = '2 of 3 targets would be hit at one time, 50% (1) are allowed';
  out.at(4, { type: 'guard-refused', guard: 'blastRadius', reason: wide, step: 'method[0]' });
  done(out, 5);
  return out.events;
}

/** What a dry run leaves behind. */
export function dryRun(): readonly JournalEvent[] {
  const out = script();
  out.at(0, startOf('shop-survives-a-crash', {}, [{ fault: 'process-kill', on: [worker(2)] }], { dryRun: true }));
  const phase = phases(out, { before: 8, method: 1000 });
  const base = calm(5);
  readings(
    out,
    [50, 1400],
    phase,
    () => ({ ms: base() }),
    () => 3,
  );
  out.at(1010, { type: 'would-inject', step: 'method[0]', fault: 'process-kill', target: worker(2) });
  done(out, 1500);
  return out.events;
}

/** The runner was killed while a fault was on; the journal just stops. */
export function crashed(): readonly JournalEvent[] {
  const events = deviated();
  return events.filter((event) => event.mono - (events[0]?.mono ?? 0) < 4600);
}

/** The same, and the reaper cleans up four seconds later. */
export function crashedThenReaped(): readonly JournalEvent[] {
  const out = script();
  const before = crashed();
  const t0 = before[0]?.mono ?? 0;
  for (const { seq: _seq, at: _at, mono, ...body } of before) out.at(mono - t0, body as EventBody);
  out.at(8_600, { type: 'warning', message: 'the runner (pid 5120) is gone; everything outstanding is undone now' });
  out.at(8_640, { type: 'recovered', injection: 'i1', author: reaper, took: 4, how: 'undone' });
  out.at(8_668, { type: 'verified', injection: 'i1', clean: true, detail: 'state sleeping' });
  out.at(8_700, { type: 'aborted', reason: 'the runner ended without a verdict', author: reaper });
  return out.events;
}

/** A fault could not be undone. */
export function incomplete(): readonly JournalEvent[] {
  const out = script();
  out.at(0, startOf('shop-disk-full', {}, [{ fault: 'disk-fill', on: [store] }]));
  const phase = phases(out, { before: 8, method: 1000, recover: 3990, after: 4030 });
  const params = { path: '/var/lib/shop', size: '2GiB' };
  const what = { step: 'method[0]', fault: 'disk-fill', on: store, params, detail: '2.0 GiB written, 0 B free' };
  injection(out, 'i1', what, { from: 1020, off: null });
  const message = 'EROFS: read-only file system, unlink /var/lib/shop/.zashiki-fill';
  const error = { code: 'recover-failed', message, hint: 'mount it writable, then: zashiki recover' };
  out.at(4000, { type: 'recover-failed', injection: 'i1', author: me, error });
  const base = calm(9);
  readings(
    out,
    [100, 5000],
    phase,
    (t) => ({ ms: t > 1020 ? 350 + base() : base() }),
    () => 3,
  );
  done(out, 5100);
  return out.events;
}

/** A sealed drill; `over` false: it still goes on. */
export function sealed(over: boolean): readonly JournalEvent[] {
  const events = held().map((event) => (event.type === 'run-started' ? { ...event, sealed: true } : event));
  return over ? events : events.filter((event) => event.mono - (events[0]?.mono ?? 0) < 8000);
}

/** Ten thousand readings and forty injections. */
export function long(count = 10_000): readonly JournalEvent[] {
  const out = script();
  const victims = [1, 2, 3].map(worker);
  out.at(0, startOf('shop-all-day', {}, [{ fault: 'process-pause', on: victims }], { seed: 42 }));
  const length = count * 80;
  const phase = phases(out, { before: 8, method: 20_000, recover: length - 40_000, after: length - 39_000 });
  const gap = (length - 80_000) / 40;
  for (let n = 0; n < 40; n++) {
    const from = 21_000 + n * gap;
    const on = victims[n % 3] ?? store;
    const what = { step: 'method[0]', fault: 'process-pause', on, detail: 'state T (stopped)' };
    injection(out, `i${n + 1}`, what, { from, off: from + gap * 0.45 });
  }
  const base = calm(42);
  const shop = (t: number) => {
    const into = (((t - 21_000) % gap) + gap) % gap;
    const on = t > 21_000 && t < length - 60_000 && into < gap * 0.5;
    return { ms: on ? (Math.floor(t / 100) % 11 === 0 ? null : 120 + base() * 9) : base() };
  };
  readings(out, [100, length], phase, shop, () => 3, 100);
  done(out, length + 80);
  return out.events;
}

/** No hypothesis: the run proves nothing, and says so. */
export function unverified(): readonly JournalEvent[] {
  const out = script();
  const spec = { steadyStateHypothesis: [] };
  out.at(0, startOf('just-a-kill', spec, [{ fault: 'process-kill', on: [worker(1)] }]));
  phases(out, { before: 5, method: 6, recover: 90 });
  const what = { step: 'method[0]', fault: 'process-kill', on: worker(1), detail: 'pid 4711 is gone' };
  injection(out, 'i1', what, { from: 30, off: null, oneShot: true });
  done(out, 100);
  return out.events;
}

export const hostileText = `<script>alert('x')</script><img src=x onerror=alert(1)>"'&]]>\u001b[31m\u202e|\`@team\n# h`;

/** Every string from outside tries to break out of the report. */
export function hostile(): readonly JournalEvent[] {
  const bad = hostileText;
  const replaceStrings = (value: Json, key = ''): Json => {
    if (typeof value === 'string') return keep.has(key) ? value : `${value} ${bad}`;
    if (Array.isArray(value)) return value.map((item) => replaceStrings(item, key));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, replaceStrings(inner, name)]));
  };
  const keep = new Set(['type', 'phase', 'of', 'injection', 'outcome', 'role', 'how', 'kind', 'apiVersion', 'mode']);
  const list = [...deviated(), ...refused().filter((event) => event.type === 'guard-refused')];
  return JSON.parse(JSON.stringify(list.map((event) => replaceStrings(event as unknown as Json))));
}

/** A worker is killed three times; `away` says for how long the shop is slow after each. Without kills: of others. */
export function threeKills(away: readonly [number, number, number], ours = true): readonly JournalEvent[] {
  const out = script();
  const kills = [2000, 8000, 14_000] as const;
  const victims = ours ? kills.map((_, i) => ({ fault: 'process-kill', on: [worker(i + 1)] })) : [];
  const method = ours ? {} : { method: [{ kind: 'pause', pause: 18_000 }] as const };
  const steadyStateHypothesis = [ours ? { ...answers, during: { atLeast: 0.5 } } : answers];
  out.at(0, startOf('three-kills', { steadyStateHypothesis, ...method }, victims));
  const phase = phases(out, { before: 8, method: 1000, recover: 19_000, after: 19_040 });
  kills.forEach((from, i) => {
    const on = worker(i + 1);
    const kill = { step: `method[${i}]`, fault: 'process-kill', on, detail: `${on.id} is gone` };
    if (ours) injection(out, `i${i + 1}`, kill, { from, off: null, oneShot: true });
  });
  const base = calm(3);
  const isAway = (t: number) => kills.some((from, i) => t > from && t < from + (away[i] ?? 0));
  readings(
    out,
    [100, 21_000],
    phase,
    (t) => ({ ms: isAway(t) ? 900 : base() }),
    () => 3,
  );
  done(out, 21_900);
  return out.events;
}

/** Runs of the same experiment that heal at different speed, as `--repeat` makes them. */
export function repeated(count = 12): readonly (readonly JournalEvent[])[] {
  return Array.from({ length: count }, (_, index) =>
    held(100 + index, ((index * 7919) % 13) * 70, `20261120T0512${10 + index}-r${index}`),
  );
}

export { answers, threeUp };
