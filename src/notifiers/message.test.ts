import { expect, test } from 'vitest';
import { experiment, runEvents, target } from '../../test/fixtures/run-events.ts';
import { announcement, report } from './message.ts';
import type { RunStarted } from './notifier.ts';

const hypothesis = {
  name: 'answers',
  probe: { id: 'http', params: {} },
  tolerance: null,
  every: 1000,
  recoversWithin: 30_000,
};
const judged = experiment('shop', { steadyStateHypothesis: [hypothesis] });

test('the announcement says what, where, who and which run', () => {
  const { text, facts } = announcement(runEvents({ document: judged })[0] as RunStarted);
  expect(text).toBe('shop begins: process-kill on worker (pid:4711). By ada, run r1.');
  expect(facts).toMatchObject({ experiment: 'shop', targets: ['worker (pid:4711)'], dryRun: false });
});

test('a sealed drill is announced without what or where', () => {
  const notice = announcement(runEvents({ document: judged, sealed: true })[0] as RunStarted);
  expect(notice.text).toBe('A drill has begun.');
  expect(JSON.stringify(notice.facts)).not.toMatch(/shop|worker|4711|process-kill|box|ada/);
});

test('a sealed drill is told in full when it is over', () => {
  const notice = report(runEvents({ document: judged, sealed: true }), () => 1300);
  expect(notice?.text).toBe('The drill is over. shop: held. Hit worker (pid:4711). Recovered in 1.3 s. Run r1.');
});

test('the report gives verdict, targets, recovery and run', () => {
  const events = runEvents({ document: judged, outcome: 'deviated', reasons: ['answers: not stable in 30 s'] });
  expect(report(events, () => null)?.text).toBe(
    'shop: deviated. Hit worker (pid:4711). answers: not stable in 30 s Run r1.',
  );
  expect(report(events, () => null)?.facts).toMatchObject({ outcome: 'deviated', recoveryMs: null });
  expect(report(runEvents({ document: judged }), () => 0)?.text).toContain('Steady state was never lost.');
});

test('no hypothesis is reported as unverified, a dry run as one, many targets are counted', () => {
  const victims = Array.from({ length: 8 }, (_, index) => target(100 + index));
  const text = report(runEvents({ dryRun: true, victims }), () => {
    throw new Error('nothing to measure');
  })?.text;
  expect(text).toMatch(/^Dry run: shop-survives: held \(unverified: no hypothesis\)\. Would hit worker \(pid:100\)/);
  expect(text).toContain('and 3 more');
  expect(report(runEvents({ victims: [], outcome: 'skipped', reasons: ['not steady before'] }))?.text).toContain(
    'Nothing was hit. not steady before',
  );
});

test('a run that has not finished has no report', () => {
  expect(report(runEvents().slice(0, -1))).toBeUndefined();
});

test('the recovery is measured from the events', () => {
  const events = runEvents({ document: judged });
  expect(report(events)?.facts).toHaveProperty('recoveryMs');
});
