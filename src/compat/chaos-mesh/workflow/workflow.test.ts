import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readChaos } from '../read.ts';
import { expressionError, holds } from './expression.ts';
import { type PlanNode, planWorkflow, type WorkflowPlan, withAll } from './plan.ts';
import { type Action, type NodeState, nextStep, type States } from './step.ts';

const pods = { mode: 'one', selector: {} };
const kill = (name: string, more = {}) => ({
  name,
  templateType: 'PodChaos',
  podChaos: { action: 'pod-kill', ...pods },
  ...more,
});
const fail = (name: string, deadline: string) => ({
  name,
  templateType: 'PodChaos',
  deadline,
  podChaos: { action: 'pod-failure', ...pods },
});
const wait = (name: string, deadline: string) => ({ name, templateType: 'Suspend', deadline });
const group = (name: string, templateType: 'Serial' | 'Parallel', children: readonly string[], more = {}) => ({
  ...{ name, templateType, children },
  ...more,
});
const check = (name: string, more = {}) => ({
  ...{ name, templateType: 'StatusCheck' },
  statusCheck: { type: 'HTTP', http: { url: 'http://web/', criteria: { statusCode: '200' } } },
  ...more,
});
const task = (name: string, conditionalBranches: readonly object[] = []) => ({
  ...{ name, templateType: 'Task', conditionalBranches },
  task: { container: { name: 'main', image: 'busybox' } },
});

function planOf(...templates: readonly { readonly name: string }[]): WorkflowPlan {
  const read = readChaos({
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'Workflow',
    metadata: { name: 'story', namespace: 'shop' },
    spec: { entry: templates[0]?.name, templates },
  });
  expect(read.findings ?? []).toEqual([]);
  const [document] = read.findings ? [] : read.documents;
  if (document?.kind !== 'Workflow') throw new Error('not a workflow');
  return planWorkflow(document);
}

/** Carries actions out as an operator would, with a clock of its own. */
function play(plan: WorkflowPlan) {
  let [states, now]: [States, number] = [{}, 0];
  const log: string[] = [];
  const carryOut = (action: Action) => {
    const { id, template } = action.node;
    const state: NodeState =
      action.do === 'start' ? { startedAt: now } : { ...(states[id] as NodeState), ended: action.as };
    if (action.do === 'start' ? states[id] : states[id]?.ended) throw new Error(`${action.do} ${id} twice`);
    states = { ...states, [id]: state };
    log.push(`${now / 1000} ${action.do} ${template}${action.do === 'end' ? ` ${action.as}` : ''}`);
  };
  const settle = (abort = false) => {
    for (let rounds = 0; ; rounds++) {
      const step = nextStep(plan, states, now, abort);
      if (step.actions.length === 0) return step;
      if (rounds > 1000) throw new Error('does not settle');
      for (const action of step.actions) carryOut(action);
    }
  };
  return {
    settle,
    log: () => log.splice(0),
    at: (seconds: number) => {
      now = seconds * 1000;
      return settle();
    },
    report: (template: string, report: NonNullable<NodeState['report']>) => {
      const node = withAll(plan.entry).find((each) => each.template === template && states[each.id]) as PlanNode;
      states = { ...states, [node.id]: { ...(states[node.id] as NodeState), report } };
      return settle();
    },
    states: () => states,
  };
}

describe('the order of things', () => {
  test('serial: one after the other, a Suspend until its deadline', () => {
    const workflow = play(planOf(group('all', 'Serial', ['a', 'b']), wait('a', '10s'), fail('b', '20s')));
    expect(workflow.settle()).toMatchObject({ wakeAt: 10_000, over: null });
    expect(workflow.log()).toEqual(['0 start all', '0 start a']);
    workflow.at(9);
    expect(workflow.log()).toEqual([]);
    expect(workflow.at(10)).toMatchObject({ wakeAt: 30_000 });
    expect(workflow.log()).toEqual(['10 end a DeadlineExceed', '10 start b']);
    expect(workflow.at(30)).toMatchObject({ over: 'Accomplished', wakeAt: null });
    expect(workflow.log()).toEqual(['30 end b DeadlineExceed', '30 end all Accomplished']);
  });

  test('parallel: all at once, over when the last one is', () => {
    const workflow = play(planOf(group('all', 'Parallel', ['a', 'b']), wait('a', '10s'), wait('b', '20s')));
    workflow.settle();
    expect(workflow.log()).toEqual(['0 start all', '0 start a', '0 start b']);
    expect(workflow.at(10).over).toBeNull();
    expect(workflow.at(20).over).toBe('Accomplished');
  });

  test('a deadline of a group ends what is below it first', () => {
    const workflow = play(
      planOf(
        group('all', 'Serial', ['both', 'c'], { deadline: '5s' }),
        group('both', 'Parallel', ['a', 'b']),
        ...[wait('a', '1m'), wait('b', '1s'), wait('c', '1s')],
      ),
    );
    workflow.settle();
    workflow.at(1);
    workflow.log();
    expect(workflow.at(5).over).toBe('DeadlineExceed');
    expect(workflow.log()).toEqual(['5 end a DeadlineExceed', '5 end both DeadlineExceed', '5 end all DeadlineExceed']);
  });

  test('the same template twice is two nodes', () => {
    const workflow = play(planOf(group('all', 'Serial', ['a', 'a']), wait('a', '1s')));
    workflow.settle();
    workflow.at(1);
    expect(workflow.at(2).over).toBe('Accomplished');
    expect(workflow.log().filter((line) => line.endsWith(' start a'))).toHaveLength(2);
  });
});

test('groups of groups of the same ones are refused before they are built', () => {
  const layers = Array.from({ length: 30 }, (_, i) => group(`g${i}`, 'Serial', [`g${i + 1}`, `g${i + 1}`]));
  const { findings = [] } = readChaos({
    ...{ apiVersion: 'chaos-mesh.org/v1alpha1', kind: 'Workflow', metadata: { name: 'laughs' } },
    spec: { entry: 'g0', templates: [...layers, wait('g30', '1s')] },
  });
  expect(findings.map(({ message }) => message)).toEqual([expect.stringContaining('more than 10000')]);
});

describe('faults', () => {
  test('one that is over at once is over when it was done; with a deadline it waits for that', () => {
    const workflow = play(planOf(group('all', 'Serial', ['a', 'b']), kill('a'), kill('b', { deadline: '5s' })));
    workflow.settle();
    expect(workflow.report('a', { kind: 'done' })).toMatchObject({ wakeAt: 5000 });
    workflow.report('b', { kind: 'done' });
    expect(workflow.log()).toEqual(['0 start all', '0 start a', '0 end a Accomplished', '0 start b']);
    expect(workflow.at(5).over).toBe('Accomplished');
  });
});

describe('tasks', () => {
  const plan = planOf(
    group('all', 'Serial', ['ask', 'end']),
    task('ask', [
      { target: 'good', expression: 'exitCode == 0' },
      { target: 'bad', expression: 'exitCode != 0' },
      { target: 'always' },
    ]),
    ...[wait('good', '1s'), wait('bad', '2s'), wait('always', '1s'), wait('end', '1s')],
  );

  test('the branches whose condition holds follow, all at once', () => {
    const workflow = play(plan);
    workflow.settle();
    workflow.log();
    workflow.report('ask', { kind: 'task', exitCode: 3, stdout: '' });
    expect(workflow.log()).toEqual(['0 start bad', '0 start always']);
    workflow.at(1);
    workflow.log();
    workflow.at(2);
    expect(workflow.log()).toEqual(['2 end bad DeadlineExceed', '2 end ask Accomplished', '2 start end']);
  });
});

describe('status checks', () => {
  test('one that fails goes on, unless it aborts', () => {
    const workflow = play(planOf(group('all', 'Serial', ['look', 'a']), check('look'), wait('a', '1s')));
    workflow.settle();
    workflow.report('look', { kind: 'check', ok: false });
    expect(workflow.at(1).over).toBe('Accomplished');
  });

  test('one that aborts ends everything that goes on, and starts nothing more', () => {
    const workflow = play(
      planOf(
        group('all', 'Parallel', ['look', 'then']),
        check('look', { abortWithStatusCheck: true }),
        group('then', 'Serial', ['a', 'b']),
        ...[fail('a', '1m'), fail('b', '1m')],
      ),
    );
    workflow.settle();
    workflow.log();
    expect(workflow.report('look', { kind: 'check', ok: false }).over).toBe('Aborted');
    expect(workflow.log()).toEqual([
      '0 end a Aborted',
      '0 end then Aborted',
      '0 end look Aborted',
      '0 end all Aborted',
    ]);
    expect(workflow.at(100)).toEqual({ actions: [], wakeAt: null, over: 'Aborted' });
  });

  test('somebody may abort it, too; before it began as well', () => {
    const workflow = play(planOf(wait('a', '1m')));
    expect(nextStep(planOf(wait('a', '1m')), {}, 0, true)).toEqual({ actions: [], wakeAt: null, over: 'Aborted' });
    workflow.settle();
    expect(workflow.settle(true).over).toBe('Aborted');
  });
});

test('any tree comes to an end, every node starts once at most, and nothing is left on', () => {
  const leaf = fc.constantFrom('wait', 'fail', 'kill', 'check', 'task');
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.record({
        type: fc.constantFrom('Serial', 'Parallel'),
        below: fc.array(tie('tree'), { minLength: 1, maxLength: 4 }),
        deadline: fc.boolean(),
      }),
    ),
  }));
  fc.assert(
    fc.property(tree, fc.boolean(), (shape, ok) => {
      const templates: { name: string }[] = [];
      const make = (each: unknown): string => {
        const name = `n${templates.length}`;
        const at = templates.push({ name }) - 1;
        const leaves: Record<string, () => { name: string }> = {
          wait: () => wait(name, '3s'),
          fail: () => fail(name, '5s'),
          kill: () => kill(name),
          check: () => check(name, { abortWithStatusCheck: true }),
          task: () => task(name, []),
        };
        const map = each as { type: 'Serial' | 'Parallel'; below: unknown[]; deadline: boolean };
        const made = typeof each === 'string' ? leaves[each] : undefined;
        templates[at] = made
          ? made()
          : group(name, map.type, map.below.map(make), map.deadline ? { deadline: '4s' } : {});
        return name;
      };
      make(shape);
      const plan = planOf(...templates);
      const workflow = play(plan);
      let step = workflow.settle();
      for (let rounds = 0; !step.over && rounds < 500; rounds++) {
        const waiting = withAll(plan.entry).find(({ id, type }) => {
          const state = workflow.states()[id];
          return state && !state.ended && !state.report && ['Chaos', 'StatusCheck', 'Task'].includes(type);
        });
        if (waiting) {
          const reports = {
            Task: { kind: 'task', exitCode: 0, stdout: '' },
            StatusCheck: { kind: 'check', ok },
          } as const;
          step = workflow.report(waiting.template, reports[waiting.type as 'Task'] ?? { kind: 'done' });
        } else step = workflow.at((step.wakeAt ?? 0) / 1000);
      }
      expect(step.over).not.toBeNull();
      expect(Object.values(workflow.states()).filter(({ ended }) => !ended)).toEqual([]);
    }),
    { numRuns: 50 },
  );
});

describe('conditions', () => {
  test.each([
    ['exitCode == 0', true],
    ['exitCode != 0', false],
    ['exitCode == 0 && stdout contains "ok"', true],
    ['exitCode > 0 or stdout startsWith "all"', true],
    ['not (stdout endsWith "ok\\n")', false],
    ['stdout not contains "ok"', false],
    ['stdout matches "^all.*ok"', true],
    ["exitCode in [1, 2] || stdout == 'x'", false],
    ['exitCode not in [1, 2]', true],
    ['len(stdout) >= 3 + 2 * 2', true],
    ['-exitCode - 1 < 0', true],
    ['true && !false', true],
    ['(exitCode + 7) % 4 == 3 and 10 / 4 > 2', true],
    ['stdout + "!" == "all ok\\n!"', true],
  ])('%s', (text, expected) => {
    expect(expressionError(text)).toBeUndefined();
    expect(holds(text, { exitCode: 0, stdout: 'all ok\n' })).toBe(expected);
  });

  test.each([
    ['', /ends too early/],
    ['exitCode', /neither true nor false/],
    ['exitCode ==', /ends too early/],
    ['exitCode == "0"', /a number never equals a string/],
    ['exitCode = 0', /is not understood/],
    ['exit == 0', /exit is not known/],
    ['exitCode == 0)', /does not fit there/],
    ['(exitCode == 0', /ends too early/],
    ['stdout matches "("', /not a regular expression/],
    ['stdout contains 5', /takes a string on both sides/],
    ['!exitCode', /takes a boolean/],
    ['constructor == 1', /constructor is not known/],
    [`${'('.repeat(200)}true${')'.repeat(200)}`, /nested too deep/],
  ])('%s is none', (text, why) => {
    expect(expressionError(text)).toMatch(why);
    expect(expressionError(text)).toContain('such as exitCode == 0');
  });
});
