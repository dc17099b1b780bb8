import { describe, expect, test } from 'vitest';
import type { FaultStep } from '../core/model.ts';
import { formatProblems } from './problem.ts';
import { parseExperiment, readDocuments, readValue } from './read.ts';

const head = 'apiVersion: zashiki.dev/v1\nkind: Experiment\nmetadata: { name: demo }\n';
const step = { fault: 'process-pause', target: { host: { name: 'nginx' } } };
const experiment = (spec: object, metadata: object = { name: 'demo' }) => ({
  apiVersion: 'zashiki.dev/v1',
  kind: 'Experiment',
  metadata,
  spec: { method: [{ pause: '1ms' }], ...spec },
});
/** Problems as `path: message`. */
const problemsOf = async (value: unknown) => {
  const { documents, problems } = await readValue(value);
  expect(documents.length > 0).toBe(problems.length === 0);
  return problems.map(({ path, message }) => `${path}: ${message}`);
};
const specOf = async (spec: object) => (await parseExperiment(experiment(spec))).spec;

describe('a sound document', () => {
  const text = `${head}spec:
  seed: 7
  steadyStateHypothesis:
    - name: the shop answers
      probe: { http: { url: http://127.0.0.1:8080/, timeout: 1s } }
      every: 200ms
      tolerance: { status: 200 }
      during: { atLeast: 95% }
      recoversWithin: 10s
  method:
    - fault: process-pause
      target: { host: { command: "re2:^node .*worker" } }
      duration: 1m30s
    - pause: 2s
    - parallel:
        - fault: process-kill
          name: crash
          target: { host: { name: nginx } }
          mode: fixed-percent
          value: 50%
          params: { within: 5s }
        - serial: [{ pause: 1s }]
  guards: { blastRadius: 50%, window: { days: Mon-Fri, time: "11:00-18:00", timezone: Asia/Tokyo } }
  stopWhen: [ { probe: { tcp: { port: 22 } } } ]
  rollbacks:
    - exec: { command: [rm, -f, /tmp/x] }
    - name: tell
      http: { url: http://127.0.0.1/, body: { a: 1 }, timeout: 2s }
`;

  test('becomes an experiment', async () => {
    const { documents, problems } = await readDocuments(text, 'shop.yaml');
    expect(formatProblems(problems)).toBe('');
    expect(documents).toMatchInlineSnapshot(`
      [
        {
          "experiment": {
            "apiVersion": "zashiki.dev/v1",
            "kind": "Experiment",
            "metadata": {
              "name": "demo",
            },
            "spec": {
              "guards": {
                "blastRadius": {
                  "percent": 50,
                },
                "window": {
                  "days": [
                    1,
                    2,
                    3,
                    4,
                    5,
                  ],
                  "from": 660,
                  "holidays": [],
                  "timezone": "Asia/Tokyo",
                  "to": 1080,
                },
              },
              "method": [
                {
                  "duration": 90000,
                  "fault": "process-pause",
                  "kind": "fault",
                  "mode": "one",
                  "params": {},
                  "resolve": "plan",
                  "target": {
                    "platform": "host",
                    "selector": {
                      "command": "re2:^node .*worker",
                    },
                  },
                },
                {
                  "kind": "pause",
                  "pause": 2000,
                },
                {
                  "kind": "parallel",
                  "steps": [
                    {
                      "fault": "process-kill",
                      "kind": "fault",
                      "mode": "fixed-percent",
                      "name": "crash",
                      "params": {
                        "within": "5s",
                      },
                      "resolve": "plan",
                      "target": {
                        "platform": "host",
                        "selector": {
                          "name": "nginx",
                        },
                      },
                      "value": 50,
                    },
                    {
                      "kind": "serial",
                      "steps": [
                        {
                          "kind": "pause",
                          "pause": 1000,
                        },
                      ],
                    },
                  ],
                },
              ],
              "rollbacks": [
                {
                  "action": {
                    "id": "exec",
                    "params": {
                      "command": [
                        "rm",
                        "-f",
                        "/tmp/x",
                      ],
                      "timeout": 30000,
                    },
                  },
                  "name": "rm -f /tmp/x",
                },
                {
                  "action": {
                    "id": "http",
                    "params": {
                      "body": {
                        "a": 1,
                      },
                      "method": "POST",
                      "timeout": 2000,
                      "url": "http://127.0.0.1/",
                    },
                  },
                  "name": "tell",
                },
              ],
              "seed": 7,
              "steadyStateHypothesis": [
                {
                  "during": {
                    "atLeast": 0.95,
                  },
                  "every": 200,
                  "name": "the shop answers",
                  "probe": {
                    "id": "http",
                    "params": {
                      "timeout": "1s",
                      "url": "http://127.0.0.1:8080/",
                    },
                  },
                  "recoversWithin": 10000,
                  "tolerance": {
                    "status": 200,
                  },
                },
              ],
              "stopWhen": [
                {
                  "every": 1000,
                  "name": "tcp",
                  "probe": {
                    "id": "tcp",
                    "params": {
                      "port": 22,
                    },
                  },
                  "tolerance": null,
                },
              ],
            },
          },
          "kind": "Experiment",
          "position": {
            "column": 1,
            "file": "shop.yaml",
            "line": 1,
          },
        },
      ]
    `);
  });

  test('is the same as JSON, with tabs too', async () => {
    const { documents } = await readDocuments(text, 'x');
    const [document] = documents;
    if (document?.kind !== 'Experiment') throw new Error('no experiment');
    const json = JSON.stringify(experiment({ method: [step] }), null, '\t');
    const { documents: fromJson, problems } = await readDocuments(json, 'x.json');
    expect(problems).toEqual([]);
    expect(fromJson).toHaveLength(1);
  });

  test('survives JSON: the plan holds it word for word', async () => {
    const { documents } = await readDocuments(text, 'x');
    expect(JSON.parse(JSON.stringify(documents))).toEqual(documents);
  });

  test('keeps parameters as they were written', async () => {
    const spec = await specOf({ method: [{ ...step, fault: 'process-kill', params: { within: '5s' } }] });
    expect((spec.method[0] as FaultStep).params).toEqual({ within: '5s' });
  });
});

test('several documents, empty ones between, and problems with the line of their own document', async () => {
  const text = `---\n---\n${head}spec: { method: [{ pause: 1s }] }\n---\n${head}spec: { method: [{ pause: 1 }] }\n`;
  const { documents, problems } = await readDocuments(text, 'two.yaml');
  expect(documents).toMatchObject([{ kind: 'Experiment', position: { line: 3, column: 1 } }]);
  expect(problems).toMatchObject([{ line: 11, column: 27, path: 'spec.method[0].pause' }]);
});

test('all problems are reported, in order of place', async () => {
  const text = `${head}spec:\n  sed: 1\n  method:\n    - pause: x\n    - fault: nope\n      target: { host: { name: a } }\n  guards: { blastRadius: 0 }\n`;
  const { problems } = await readDocuments(text, 'f');
  expect(problems.map(({ line, path }) => `${line} ${path}`)).toEqual([
    '5 spec.sed',
    '7 spec.method[0].pause',
    '8 spec.method[1].fault',
    '10 spec.guards.blastRadius',
  ]);
});

describe('syntax', () => {
  const syntax = async (text: string) => formatProblems((await readDocuments(text, 'f')).problems);

  test.each([
    ['', 'f:1:1  the file holds no document'],
    ['# only words\n', 'f:1:1  the file holds no document'],
    ['- a\n', 'f:1:1  a document is a map with apiVersion, kind, metadata, spec, not a list'],
    ['hello', 'f:1:1  a document is a map'],
    ['a: *nowhere\n', 'f:1:4  a  unknown alias *nowhere'],
    ['a: &x [*x]\n', 'contains itself'],
    ['a: .inf\n', 'must be a finite number'],
    ['a: !!binary aGk=\n', 'a value of this kind cannot be used'],
    ['a: !tag b\n', 'unknown tag !tag: remove it'],
    ['? [a]\n: b\n', 'a key must be a text'],
    ['a: {b: 1\n', 'f:2:1  not valid YAML'],
    ["a: 'b\n", "f:1:4  this ' is never closed"],
    ['a: b: c\n', 'a second ": " in one line'],
  ])('%j', async (text, message) => {
    expect(await syntax(text)).toContain(message);
  });

  test('the line and a caret below the column', async () => {
    expect(await syntax('ok: 1\nkey: "open\n')).toBe(
      'f:2:6  this " is never closed: add the closing one\n    key: "open\n         ^',
    );
  });

  test('an alias bomb is refused, plain anchors and merge keys are fine', async () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 9; i++) {
      const name = String.fromCharCode(97 + i);
      bomb.push(
        `${name}: &${name} [${Array(10)
          .fill(`*${String.fromCharCode(96 + i)}`)
          .join(',')}]`,
      );
    }
    expect(await syntax(bomb.join('\n'))).toContain('too many values');
    const text = `${head}spec:\n  method:\n    - &kill\n      fault: process-pause\n      target: { host: { name: a } }\n    - *kill\n    - { <<: *kill, duration: 3s }\n`;
    const { documents, problems } = await readDocuments(text, 'f');
    expect(formatProblems(problems)).toBe('');
    expect(documents[0]).toMatchObject({
      experiment: { spec: { method: [{}, {}, { duration: 3000, fault: 'process-pause' }] } },
    });
  });

  test('hostile nesting ends in a message', async () => {
    expect(await syntax('- '.repeat(50_000))).toContain('nested too deep');
    expect(await syntax('['.repeat(5000))).toContain('f:');
    expect(await syntax(`${'a'.repeat(2 ** 20)}x`)).toContain('too large');
    const deep = `${'{a: '.repeat(80)}1${'}'.repeat(80)}`;
    expect(await syntax(deep)).toContain('nested deeper than 64 levels');
  });

  test('ten thousand keys are read in time that does not square', async () => {
    const text = Array.from({ length: 10_000 }, (_, i) => `k${i}: 1`).join('\n');
    expect(await syntax(text)).toContain('more problems');
  });
});

describe('kinds', () => {
  test.each([
    [{ kind: 'Experiment' }, 'apiVersion: missing: write apiVersion: zashiki.dev/v1'],
    [{ apiVersion: 'zashiki.dev/v1' }, 'kind: missing: write kind: Experiment'],
    [{ apiVersion: 'zashiki.dev/v1', kind: 'Experimnt' }, 'kind: unknown kind "Experimnt"; did you mean "Experiment"?'],
    [{ apiVersion: 'zashiki.dev/v1', kind: 'Plan' }, 'zashiki apply'],
    [{ apiVersion: 'zashiki.dev/v1', kind: 'Fleet' }, 'not yet available'],
    [
      { apiVersion: 'chaos-mesh.org/v1alpha1', kind: 'Schedule' },
      'kind: Schedule of chaos-mesh.org/v1alpha1 is not read here',
    ],
    [{ apiVersion: 'chaos-mesh.org/v1alpha1', kind: 'X' }, 'has no kind "X"'],
  ])('%j', async (value, message) => {
    expect((await problemsOf(value)).join('\n')).toContain(message);
  });
});

describe('metadata', () => {
  test.each(['Shop', 'a_b', '-a', 'a..b', '', 'x'.repeat(254)])('name %j is refused', async (name) => {
    expect((await problemsOf(experiment({}, { name })))[0]).toMatch(/^metadata\.name: /);
  });
  test.each(['a', 'shop-1', 'a.b.c', 'x'.repeat(253)])('name %j is fine', async (name) => {
    expect(await problemsOf(experiment({}, { name }))).toEqual([]);
  });
  test('labels are texts', async () => {
    expect(await problemsOf(experiment({}, { name: 'a', labels: { 'a.b/c': 1 } }))).toEqual([
      'metadata.labels["a.b/c"]: must be a text, not 1',
    ]);
  });
});

describe('steps', () => {
  const method = (...steps: unknown[]) => problemsOf(experiment({ method: steps }));

  test.each([
    [{}, 'spec.method[0]: missing: a step needs one of fault, pause, serial or parallel'],
    ['x', 'spec.method[0]: must be a step: a map with fault, pause, serial or parallel, not "x"'],
    [{ ...step, pause: '1s' }, 'spec.method[0]: a step does one thing, and this one has fault and pause'],
    [{ pause: '1s', duration: '2s' }, 'spec.method[0].duration: unknown key "duration"; allowed: pause, name, when'],
    [{ serial: [] }, 'spec.method[0].serial: needs at least one step'],
    [{ parallel: [{ serial: [{ pause: '' }] }] }, 'spec.method[0].parallel[0].serial[0].pause: not a duration'],
    [{ ...step, target: {} }, 'spec.method[0].target: needs exactly one platform, and has none; known: host'],
    [{ ...step, target: { host: {}, docker: {} } }, 'has host and docker'],
    [{ fault: 'process-pause' }, 'spec.method[0].target: missing: a map with one platform (host'],
    [{ ...step, fault: 3 }, 'spec.method[0].fault: must be the name of a fault, not 3; known: '],
    [
      { ...step, target: { host: { prt: 80 } } },
      'spec.method[0].target.host.prt: unknown key "prt"; did you mean "port"?',
    ],
    [{ ...step, mode: 'one', value: 1 }, 'spec.method[0].value: mode one takes no value: remove it'],
    [{ ...step, mode: 'fixed', value: 1.5 }, 'spec.method[0].value: mode fixed needs a whole number from 1, not 1.5'],
    [{ ...step, mode: 'fixed', value: 0 }, 'not 0'],
    [{ ...step, mode: 'random-max-percent' }, 'missing: mode random-max-percent needs a percentage'],
    [{ ...step, mode: 'fixed-percent', value: '150%' }, 'not "150%"'],
    [{ ...step, reselect: true }, 'spec.method[0].reselect: needs a duration: new targets are looked for'],
    [{ ...step, duration: '1s', reselect: 'yes' }, 'spec.method[0].reselect: must be true or false'],
    [{ ...step, resolve: 'later' }, 'spec.method[0].resolve: must be one of plan, step; not "later"'],
    [{ ...step, duration: '0s' }, 'spec.method[0].duration: must be at least 1ms'],
    [{ ...step, when: { probe: { tcp: { port: 'x' } }, tol: 1 } }, 'spec.method[0].when.tol: unknown key "tol"'],
  ])('%j', async (given, message) => {
    expect((await method(given)).join('\n')).toContain(message);
  });

  test('the bounds of a percentage are fine, and a text with a sign', async () => {
    const value = (value: unknown) => ({ ...step, mode: 'fixed-percent', value });
    expect(await method(value(0), value(100), value('50%'), value(12.5))).toEqual([]);
  });
});

describe('hypotheses', () => {
  const hypothesis = async (given: object) => specOf({ steadyStateHypothesis: [given] });
  const probe = { http: { url: 'http://127.0.0.1/' } };

  test('defaults: every 1s, recovers within 30s, no judgment during, tolerance left to the probe', async () => {
    const { steadyStateHypothesis } = await hypothesis({ name: 'up', probe });
    expect(steadyStateHypothesis).toEqual([
      { name: 'up', probe: { id: 'http', params: probe.http }, tolerance: null, every: 1000, recoversWithin: 30_000 },
    ]);
  });

  test.each([
    [{ probe }, 'name: missing: a text is needed here'],
    [{ name: 'a', probe, every: '9ms' }, 'every: must be at least 10ms; got "9ms"'],
    [{ name: 'a', probe: {} }, 'probe: needs exactly one probe, and has none'],
    [{ name: 'a', probe: { http: probe.http, tcp: {} } }, 'probe: needs exactly one probe, and has http and tcp'],
    [{ name: 'a' }, 'probe: missing: a map with one probe'],
    [{ name: 'a', probe, tolerance: { sttus: 1 } }, 'tolerance.sttus: unknown key "sttus"; did you mean "status"?'],
    [
      { name: 'a', probe, during: { atLeast: '101%' } },
      'during.atLeast: a percentage lies between 0% and 100%; got "101%"',
    ],
    [{ name: 'a', probe, during: {} }, 'during.atLeast: '],
    [
      { name: 'a', probe, recoverswithin: '1s' },
      'recoverswithin: unknown key "recoverswithin"; did you mean "recoversWithin"?',
    ],
    [{ name: 'a', probe: { process: { nme: 'x' } } }, 'probe.process.nme: unknown key "nme"; did you mean "name"?'],
  ])('%j', async (given, message) => {
    const problems = await problemsOf(experiment({ steadyStateHypothesis: [given] }));
    expect(problems.join('\n')).toContain(`spec.steadyStateHypothesis[0].${message}`);
  });
});

describe('guards', () => {
  test('become the core form', async () => {
    const guards = {
      blastRadius: 2,
      window: { days: 'Fri-Mon', time: '22:00-06:00', timezone: 'Asia/Tokyo', holidays: ['2026-01-01', '12-25'] },
      minInterval: '1h',
      budget: { injections: 3, per: '1d' },
      environment: 'staging',
      protect: ['sshd', 're2:^postgres'],
    };
    expect((await specOf({ guards })).guards).toEqual({
      blastRadius: { count: 2 },
      window: {
        days: [0, 1, 5, 6],
        from: 1320,
        to: 360,
        timezone: 'Asia/Tokyo',
        holidays: ['2026-01-01', '12-25'],
      },
      minInterval: 3_600_000,
      budget: { injections: 3, per: 86_400_000 },
      environment: 'staging',
      protect: ['sshd', 're2:^postgres'],
    });
  });

  test.each([
    ['1-5', [1, 2, 3, 4, 5]],
    ['6-7', [0, 6]],
    [
      ['Mon', 'Tue'],
      [1, 2],
    ],
    [
      [1, 7],
      [0, 1],
    ],
    [3, [3]],
  ])('days %j', async (days, expected) => {
    expect((await specOf({ guards: { window: { days } } })).guards.window).toMatchObject({
      days: expected,
      from: 0,
      to: 1439,
    });
  });

  test.each([
    [{ blastRadius: '101%' }, 'blastRadius: a percentage lies'],
    [{ blastRadius: 'half' }, 'blastRadius: not a blast radius: write a count like 2'],
    [{ blastRadius: 0 }, 'blastRadius: must be at least 1, not 0'],
    [{ blastRadius: [] }, 'blastRadius: must be a blast radius such as 2, 50%, not an empty list'],
    [{ window: { time: '9-17' } }, 'window.time: "9" is not a time of day'],
    [{ window: { holidays: ['02-30'] } }, 'window.holidays[0]: "02-30" is not in the calendar'],
    [{ protect: ['re2:('] }, 'protect[0]: not an RE2 expression'],
    [{ budget: { injections: 1 } }, 'budget.per: missing: a duration such as'],
    [{ blastradius: 1 }, 'blastradius: unknown key "blastradius"; did you mean "blastRadius"?'],
  ])('%j', async (guards, message) => {
    expect((await problemsOf(experiment({ guards }))).join('\n')).toContain(`spec.guards.${message}`);
  });
});

describe('rollbacks', () => {
  test.each([
    [{}, ': a rollback does one thing: it needs exec or http'],
    [{ exec: { command: [] } }, '.exec.command: needs at least 1 entry'],
    [{ exec: { command: 'rm -rf x' } }, '.exec.command: must be a list, not "rm -rf x"'],
    [{ http: { url: 'ftp://x' } }, '.http.url: not a URL'],
    [
      { http: { url: 'http://x', method: 'post' } },
      '.http.method: must be one of GET, HEAD, POST, PUT, PATCH, DELETE; not "post"; did you mean "POST"?',
    ],
    [{ exec: { command: ['x'] }, http: { url: 'http://x' } }, ': a rollback does one thing: exec or http, not both'],
  ])('%j', async (rollback, message) => {
    expect((await problemsOf(experiment({ rollbacks: [rollback] }))).join('\n')).toContain(
      `spec.rollbacks[0]${message}`,
    );
  });
});

describe('schedules', () => {
  const inner = { method: [step] };
  const schedule = (spec: object) => ({
    apiVersion: 'zashiki.dev/v1',
    kind: 'Schedule',
    metadata: { name: 'nightly' },
    spec: { schedule: { every: '10m' }, experiment: inner, ...spec },
  });

  test('defaults', async () => {
    const { documents } = await readValue(schedule({}));
    expect(documents).toMatchObject([
      {
        kind: 'Schedule',
        schedule: {
          spec: {
            schedule: { every: 600_000 },
            concurrencyPolicy: 'Forbid',
            missedRuns: 'skip',
            historyLimit: 10,
            suspend: false,
            sealed: false,
            experiment: { method: [{ kind: 'fault' }] },
          },
        },
      },
    ]);
  });

  test.each([
    { cron: '*/5 * * * *' },
    { cron: '@daily' },
    { cron: '0 30 9 * * 1-5' },
    { random: { min: '1m', max: '2m' } },
    { meanTimeBetween: '1d' },
  ])('%j', async (timing) => {
    expect(await problemsOf(schedule({ schedule: timing }))).toEqual([]);
  });

  test.each([
    [{ schedule: {} }, 'spec.schedule: needs exactly one of every, cron, random, meanTimeBetween'],
    [{ schedule: { every: '1s', cron: '@daily' } }, 'and has every and cron'],
    [{ schedule: { every: '10ms' } }, 'spec.schedule.every: must be at least 1s; got "10ms"'],
    [{ schedule: { cron: '61 * * * *' } }, 'spec.schedule.cron: not a cron expression'],
    [{ schedule: { cron: '0 0 30 2 *' } }, 'spec.schedule.cron: '],
    [{ schedule: { random: { min: '2m', max: '1m' } } }, 'spec.schedule.random.min: min must not be longer than max'],
    [{ concurrencyPolicy: 'forbid' }, 'did you mean "Forbid"?'],
    [{ experiment: { method: [] } }, 'spec.experiment.method: nothing to do'],
    [{ experiment: undefined }, 'spec.experiment: missing'],
    [{ timezone: 'Mars' }, 'spec.timezone: unknown time zone "Mars"'],
  ])('%j', async (spec, message) => {
    expect((await problemsOf(schedule(spec))).join('\n')).toContain(message);
  });
});

test('parseExperiment throws document-invalid with paths and without places', async () => {
  const wrong = parseExperiment({ ...experiment({}), kind: 'Nope' }, 'request');
  await expect(wrong).rejects.toMatchObject({ code: 'document-invalid', at: undefined });
  await expect(wrong).rejects.toThrow(/request {2}kind {2}unknown kind "Nope"/);
});

test('a value that is not JSON is a problem, not a crash', async () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  expect((await problemsOf(loop))[0]).toContain('not plain JSON');
  expect((await problemsOf(undefined))[0]).toContain('a document is a map');
  expect((await problemsOf(JSON.parse('{"__proto__": {}}'))).join()).toContain('unknown key "__proto__"');
});
