import { describe, expect, test } from 'vitest';
import type { ErrorRecord } from './events.ts';
import type { ExperimentSpec } from './model.ts';
import { experiment, hypothesis, reaper, runner, type Script, script } from './run-script.fixture.ts';
import { judge } from './verdict.ts';

const half: Partial<ExperimentSpec> = {
  steadyStateHypothesis: [hypothesis('the shop answers', { during: { atLeast: 0.95 } })],
};
const error: ErrorRecord = { code: 'recover-failed', message: 'no permission' };

/** A full run of a pause from 1000 to 3000; `bad` says which readings are. */
function run(
  bad: (t: number) => boolean,
  spec: Partial<ExperimentSpec> = half,
): { script: Script; judge: () => ReturnType<typeof judge> } {
  const subject = experiment(spec);
  const own = script(subject)
    .started(0)
    .phase(1, 'before')
    .phase(900, 'method')
    .intent(990, 'i1')
    .injected(1000, 'i1')
    .at(1002, { type: 'observed', injection: 'i1', real: true, detail: 'state T' })
    .recovered(3000, 'i1')
    .at(3001, { type: 'verified', injection: 'i1', clean: true, detail: 'state S' })
    .phase(3002, 'after')
    .readings(5, 6000, bad);
  return { script: own, judge: () => judge(subject, own.events) };
}

/** As far as the first check, and no further. */
const onlyChecked = (spec: Partial<ExperimentSpec> = half) => {
  const subject = experiment(spec);
  const own = script(subject).started(0).phase(1, 'before');
  return { script: own, judge: () => judge(subject, own.events) };
};

describe('held', () => {
  test('with its numbers', () => {
    expect(run(() => false).judge()).toEqual({
      outcome: 'held',
      unverified: false,
      reasons: ['the shop answers: 100% good while the fault was on, at least 95% wanted, never bad'],
    });
    expect(run((t) => t === 1005 || (t > 3000 && t < 4800)).judge()).toMatchObject({
      outcome: 'held',
      reasons: [
        'the shop answers: 95% good while the fault was on, at least 95% wanted, recovered after 1.8 s (limit 10 s)',
      ],
    });
    expect(run((t) => t === 1005).judge().reasons[0]).toMatch('good at once after the fault');
  });

  test('a bad share that nobody asked for is told, not judged', () => {
    const { outcome, reasons } = run((t) => t > 1000 && t < 2400, { steadyStateHypothesis: [hypothesis('x')] }).judge();
    expect({ outcome, reasons }).toEqual({
      outcome: 'held',
      reasons: ['x: 30% good while the fault was on, good at once after the fault'],
    });
  });

  test('without a hypothesis it is unverified', () => {
    expect(run(() => false, { steadyStateHypothesis: [] }).judge()).toMatchObject({
      outcome: 'held',
      unverified: true,
    });
  });

  test('some victims without effect are told', () => {
    const own = run(() => false);
    own.script.at(950, { type: 'step-skipped', step: 'method[0]', reason: 'web (pid:5) is gone' });
    expect(own.judge()).toMatchObject({
      outcome: 'held',
      reasons: [expect.any(String), 'nothing was done at method[0]: web (pid:5) is gone'],
    });
  });

  test('a one-shot kill that nobody noticed', () => {
    const subject = experiment(half);
    const own = script(subject)
      .started(0)
      .phase(900, 'method')
      .intent(990, 'i1', { reversible: false })
      .injected(1000, 'i1')
      .readings(5, 2000);
    expect(judge(subject, own.events)).toMatchObject({
      outcome: 'held',
      reasons: [expect.stringContaining('never bad')],
    });
  });

  test('a one-shot kill is judged by the share of good readings until the method is over', () => {
    const lenient = hypothesis('the shop answers', { during: { atLeast: 0.8 } });
    const subject = experiment({ steadyStateHypothesis: [lenient] });
    const run = (bad: number) =>
      script(subject)
        .started(0)
        .phase(900, 'method')
        .intent(990, 'i1', { reversible: false })
        .injected(1000, 'i1')
        .readings(1001, 1999, (t) => t > 1000 && t < 1000 + bad)
        .phase(2000, 'recover')
        .readings(2005, 3000);
    expect(judge(subject, run(100).events).outcome).toBe('held');
    expect(judge(subject, run(500).events).outcome).toBe('deviated');
  });

  test('a method of pauses only is a measurement of its own', () => {
    const subject = experiment({ ...half, method: [{ kind: 'pause', pause: 100 }] });
    const own = script(subject).started(0).phase(1, 'before').phase(900, 'method').readings(5, 2000);
    expect(judge(subject, own.events).outcome).toBe('held');
  });

  test('a dry run that nothing speaks against, unverified', () => {
    const subject = experiment(half);
    const own = script(subject).started(0, { dryRun: true }).phase(900, 'method').readings(5, 800);
    expect(judge(subject, own.events)).toEqual({
      outcome: 'held',
      unverified: true,
      reasons: ['dry run: nothing was injected'],
    });
  });
});

describe('deviated', () => {
  test('too few good readings while the fault was on, never rounded up', () => {
    expect(run((t) => t === 1105 || t === 1205).judge()).toMatchObject({
      outcome: 'deviated',
      reasons: ['the shop answers: 90% good while the fault was on, at least 95% wanted'],
    });
    const many = { steadyStateHypothesis: [hypothesis('x', { during: { atLeast: 0.9 } })] };
    const own = run((t) => t > 1000 && t < 1300, many);
    for (let t = 1015; t < 2000; t += 110) own.script.reading(t, true);
    expect(own.judge().reasons[0]).toMatch(/^x: 89\.\d% good .* at least 90% wanted$/);
  });

  test('too late', () => {
    expect(
      run((t) => t > 3000 && t < 4800, { steadyStateHypothesis: [hypothesis('x', { recoversWithin: 1000 })] }).judge(),
    ).toMatchObject({
      outcome: 'deviated',
      reasons: ['x: recovered after 1.8 s (limit 1 s)'],
    });
  });

  test('never again', () => {
    expect(run((t) => t > 1000, { steadyStateHypothesis: [hypothesis('x')] }).judge()).toMatchObject({
      outcome: 'deviated',
      reasons: ['x: not recovered (limit 10 s), last read: status 500, wanted 2xx'],
    });
  });

  test('only the hypotheses that deviated are named', () => {
    const both = { steadyStateHypothesis: [hypothesis('a'), hypothesis('b')] };
    const own = run(() => false, both);
    own.script.readings(7, 6000, (t) => t > 1000, 1);
    expect(own.judge().reasons).toEqual([expect.stringMatching(/^b: not recovered/)]);
  });

  test('what was never read cannot have held', () => {
    const subject = experiment(half);
    const blind = script(subject)
      .started(0)
      .phase(900, 'method')
      .intent(990, 'i1')
      .injected(1000, 'i1')
      .recovered(1050, 'i1')
      .readings(1105, 3000);
    expect(judge(subject, blind.events)).toMatchObject({
      outcome: 'deviated',
      reasons: [expect.stringMatching(/no reading while the fault was on/)],
    });
    const cut = script(subject)
      .started(0)
      .phase(900, 'method')
      .intent(990, 'i1')
      .injected(1000, 'i1')
      .recovered(2000, 'i1')
      .readings(5, 1900);
    expect(judge(subject, cut.events)).toMatchObject({
      outcome: 'deviated',
      reasons: [expect.stringMatching(/no reading after the fault/)],
    });
  });

  test.each([
    ['stopped by Ctrl-C', 'stopped by Ctrl-C'],
    ['the stop lever, pulled by aiko: lunch', 'stopped: the stop lever, pulled by aiko: lunch'],
    ['stopWhen "errors": 9 is above 5', 'stopped: stopWhen "errors": 9 is above 5'],
  ])('stopped (%s): the reason comes first', (reason, said) => {
    const own = run((t) => t > 1100);
    own.script.at(2999, { type: 'aborted', reason, author: runner });
    expect(own.judge()).toMatchObject({
      outcome: 'deviated',
      reasons: [said, expect.stringMatching(/^the shop answers: /)],
    });
    const calm = run(() => false);
    calm.script.at(2999, { type: 'aborted', reason, author: runner });
    expect(calm.judge()).toMatchObject({ outcome: 'deviated', reasons: [said] });
  });

  test('stopped before the time to recover was up: not observed; after it: not recovered', () => {
    const subject = experiment(half);
    const until = (end: number) => {
      const own = script(subject).started(0).phase(900, 'method').intent(990, 'i1').injected(1000, 'i1');
      own.at(1999, { type: 'aborted', reason: 'stopped by Ctrl-C', author: runner }).recovered(2000, 'i1');
      return judge(subject, own.readings(5, end, (t) => t > 1000).events).reasons;
    };
    expect(until(2300)[1]).toContain('recovery not observed: the run was stopped');
    expect(until(12_100)[1]).toContain('not recovered (limit 10 s)');
  });

  test('a guard that refuses a later step is told once', () => {
    const own = run(() => false);
    own.script.at(2000, { type: 'guard-refused', guard: 'window', reason: 'it is 18:01', step: 'method[1]' });
    own.script.at(2001, { type: 'aborted', reason: 'it is 18:01', author: runner });
    expect(own.judge()).toMatchObject({
      outcome: 'deviated',
      reasons: ['refused by the guard window at method[1]: it is 18:01'],
    });
  });

  test('somebody else had to undo the fault', () => {
    const own = run(() => false);
    own.script.recovered(3000.5, 'i1', reaper);
    expect(own.judge()).toMatchObject({
      outcome: 'deviated',
      reasons: ['process-pause on shop (pid:99) was undone by the reaper, not by the run itself'],
    });
  });
});

describe('skipped', () => {
  test('not steady before: which hypothesis, what was read', () => {
    const own = onlyChecked();
    own.script.reading(10, true).reading(110, false, { why: 'connection refused by 127.0.0.1:8080' });
    expect(own.judge()).toMatchObject({
      outcome: 'skipped',
      reasons: ['not steady before: the shop answers: connection refused by 127.0.0.1:8080'],
    });
  });

  test('stopped before anything was injected', () => {
    const own = onlyChecked();
    own.script.reading(10, true).at(20, { type: 'aborted', reason: 'stopped by Ctrl-C', author: runner });
    expect(own.judge()).toMatchObject({
      outcome: 'skipped',
      reasons: ['stopped by Ctrl-C', 'nothing had been injected'],
    });
  });

  test('every inject failed', () => {
    const own = onlyChecked();
    own.script
      .phase(20, 'method')
      .intent(30, 'i1')
      .at(31, { type: 'inject-failed', injection: 'i1', error })
      .recovered(32, 'i1');
    expect(own.judge()).toMatchObject({
      outcome: 'skipped',
      reasons: ['process-pause on shop (pid:99) could not be injected: no permission'],
    });
  });

  test('no effect was seen', () => {
    const own = run((t) => t > 1000);
    own.script.at(1003, { type: 'observed', injection: 'i1', real: false, detail: 'still runs after SIGSTOP' });
    expect(own.judge()).toMatchObject({
      outcome: 'skipped',
      reasons: ['the fault had no effect: process-pause on shop (pid:99): still runs after SIGSTOP'],
    });
  });

  test('all victims were gone, or nobody was chosen', () => {
    const own = onlyChecked();
    own.script.phase(20, 'method').at(30, { type: 'step-skipped', step: 'method[0]', reason: 'shop (pid:99) is gone' });
    expect(own.judge()).toMatchObject({
      outcome: 'skipped',
      reasons: ['nothing was done at method[0]: shop (pid:99) is gone'],
    });
    const silent = onlyChecked();
    silent.script.phase(20, 'method');
    expect(silent.judge()).toMatchObject({
      outcome: 'skipped',
      reasons: ['the fault had no effect: nothing was injected'],
    });
  });
});

test('refused: all reasons, nothing else', () => {
  const own = onlyChecked();
  own.script.at(2, { type: 'guard-refused', guard: 'window', reason: 'it is Sunday' });
  own.script.at(3, {
    type: 'guard-refused',
    guard: 'blast-radius',
    reason: '4 of 4 is more than 50%',
    step: 'method[0]',
  });
  expect(own.judge()).toMatchObject({
    outcome: 'refused',
    reasons: [
      'refused by the guard window: it is Sunday',
      'refused by the guard blast-radius at method[0]: 4 of 4 is more than 50%',
    ],
  });
});

describe('rollback-incomplete always wins', () => {
  const still = () => {
    const subject = experiment(half);
    const own = script(subject)
      .started(0)
      .phase(900, 'method')
      .intent(990, 'i1')
      .injected(1000, 'i1')
      .readings(5, 6000, (t) => t > 1000);
    return { script: own, judge: () => judge(subject, own.events) };
  };

  test('a fault that is still on', () => {
    expect(still().judge()).toMatchObject({
      outcome: 'rollback-incomplete',
      reasons: [
        'process-pause on shop (pid:99) is still on: it was not recovered',
        expect.stringMatching(/^the shop answers: /),
      ],
    });
    const own = still();
    own.script.at(3000, { type: 'recover-failed', injection: 'i1', author: runner, error });
    own.script.at(3001, { type: 'aborted', reason: 'stopped by Ctrl-C', author: runner });
    expect(own.judge().reasons.slice(0, 2)).toEqual([
      'process-pause on shop (pid:99) is still on: no permission',
      'stopped by Ctrl-C',
    ]);
    own.script.recovered(3500, 'i1');
    expect(own.judge().outcome).toBe('deviated');
  });

  test('a half-done inject that was not undone', () => {
    const own = onlyChecked();
    own.script.phase(20, 'method').intent(30, 'i1').at(31, { type: 'inject-failed', injection: 'i1', error });
    own.script.at(32, { type: 'recover-failed', injection: 'i1', author: runner, error });
    expect(own.judge().outcome).toBe('rollback-incomplete');
  });

  test('an unclean target, until it is found clean', () => {
    const own = run(() => false);
    own.script.at(3002, { type: 'verified', injection: 'i1', clean: false, detail: '3 bytes differ' });
    expect(own.judge()).toMatchObject({
      outcome: 'rollback-incomplete',
      reasons: ['process-pause on shop (pid:99) left something behind: 3 bytes differ'],
    });
    own.script.at(3003, { type: 'verified', injection: 'i1', clean: true, detail: '' });
    expect(own.judge().outcome).toBe('held');
  });

  test("the user's rollback failed, until it works", () => {
    const rollbacks = [{ name: 'reset the cart', action: { id: 'exec', params: {} } } as const];
    const own = run(() => false, { ...half, rollbacks });
    own.script.at(5000, { type: 'rollback', index: 0, ok: false, detail: 'exit code 1', author: runner });
    expect(own.judge()).toMatchObject({
      outcome: 'rollback-incomplete',
      reasons: ['the rollback "reset the cart" failed: exit code 1'],
    });
    own.script.at(5001, { type: 'rollback', index: 0, ok: true, detail: '', author: runner });
    expect(own.judge().outcome).toBe('held');
  });

  test('a one-shot fault leaves nothing', () => {
    const subject = experiment(half);
    const own = script(subject)
      .started(0)
      .phase(900, 'method')
      .intent(990, 'i1', { reversible: false })
      .readings(5, 2000);
    expect(judge(subject, own.events).outcome).not.toBe('rollback-incomplete');
  });
});
