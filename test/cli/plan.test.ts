import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Plan } from '../../src/core/model.ts';
import { counting, experiment, hit, pausing } from './documents.ts';
import { cli, lives, root, signal, test, until } from './place.ts';

describe.concurrent('plan', () => {
  test('shows who is hit and how it is undone, and touches nothing', async ({ place }) => {
    const pid = await place.target();
    const { code, stdout } = await place.run(['plan', place.write('x.json', pausing(place))]);
    expect(stdout).toContain(`pid:${pid}`);
    expect(stdout).toContain('SIGCONT');
    expect(code).toBe(0);
    expect(place.runs()).toEqual([]);
  });

  test('same document, same seed, same inventory: the same bytes', async ({ place }) => {
    for (let i = 0; i < 5; i++) await place.target();
    const file = place.write('x.json', pausing(place));
    const plan = async (seed: string, out: string) => {
      const path = join(place.dir, out);
      expect((await place.run(['plan', file, '--seed', seed, '--out', path])).code).toBe(0);
      return readFileSync(path, 'utf8');
    };
    const [one, again, other] = await Promise.all([plan('7', 'a'), plan('7', 'b'), plan('8', 'c')]);
    expect(again).toBe(one);
    expect(other).not.toBe(one);
    expect((JSON.parse(one) as Plan).seed).toBe(7);
  });

  test('--json and --out - print the plan and nothing else', async ({ place }) => {
    const pid = await place.target();
    const file = place.write('x.json', pausing(place));
    const [json, short, dash] = await Promise.all([
      place.run(['plan', file, '--json', '--seed', '1']),
      place.run(['plan', file, '-o', 'json', '--seed', '1']),
      place.run(['plan', '-', '--out', '-', '--seed', '1'], { input: readFileSync(file, 'utf8') }),
    ]);
    const plan = JSON.parse(json.stdout) as Plan;
    expect(plan.kind).toBe('Plan');
    expect(plan.steps[0]?.victims.map(({ id }) => id)).toEqual([`pid:${pid}`]);
    expect(short.stdout).toBe(json.stdout);
    expect(dash.stdout).toBe(json.stdout);
  });

  test('says which guard would refuse, with the exit code of a refusal', async ({ place }) => {
    await place.target();
    await place.target();
    const spec = { method: [hit(place, 'process-pause', { mode: 'all', duration: '1s' })], guards: { blastRadius: 1 } };
    const { code, stdout } = await place.run(['plan', place.write('x.json', experiment('two', spec))]);
    expect(stdout).toMatch(/Would be refused by blast-radius: .*2 targets .*at most 1/);
    expect(code).toBe(5);
  });

  test('an output that cannot be written is the user’s mistake, not a bug of ours', async ({ place }) => {
    await place.target();
    const file = place.write('x.json', pausing(place));
    const { code, stderr } = await place.run(['plan', file, '--out', join(place.dir, 'no/such/folder/plan.json')]);
    expect(stderr).toMatch(/cannot write .*plan\.json/);
    expect(stderr).not.toContain('internal');
    expect(code).toBe(2);
  });

  test.for([
    ['a seed that is no number', ['--seed', 'seven'], /--seed <n>.*"seven" is not a whole number/],
    ['a file that is not there', ['nowhere.yaml'], /cannot read nowhere\.yaml: there is no such file/],
    ['an output form that does not exist', ['-o', 'xml'], /"xml" is neither text nor json/],
  ] as const)('%s: exit 2', async ([, args, message], { place }) => {
    const file = place.write('x.json', pausing(place));
    const { code, stderr } = await place.run(['plan', ...(args[0].startsWith('-') ? [file] : []), ...args]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});

describe.concurrent('apply', () => {
  test('hits exactly the pinned targets', async ({ place }) => {
    const pids = [await place.target(), await place.target(), await place.target()];
    const spec = { method: [hit(place, 'process-kill', { mode: 'fixed', value: 2 })] };
    const out = join(place.dir, 'plan.json');
    await place.run(['plan', place.write('x.json', experiment('kill-two', spec)), '--out', out]);
    const pinned = (JSON.parse(readFileSync(out, 'utf8')) as Plan).steps[0]?.victims.map(({ id }) => id) ?? [];
    const late = await place.target();
    const { code } = await place.run(['apply', out, '--yes']);
    expect(code).toBe(0);
    await until(() => pids.filter(lives).length === 1);
    expect(
      pids
        .filter((pid) => !lives(pid))
        .map((pid) => `pid:${pid}`)
        .sort(),
    ).toEqual([...pinned].sort());
    expect(lives(late)).toBe(true);
    const hits = place.events().flatMap((event) => (event.type === 'intent' ? [event.target.id] : []));
    expect(hits.sort()).toEqual([...pinned].sort());
  });

  test('refuses a plan whose target has gone: exit 5, nothing was done', async ({ place }) => {
    const pid = await place.target();
    const out = join(place.dir, 'plan.json');
    await place.run(['plan', place.write('x.json', pausing(place)), '--out', out]);
    signal(pid, 'SIGKILL');
    await until(() => !lives(pid));
    const other = await place.target();
    const { code, stderr } = await place.run(['apply', out, '--yes']);
    expect(stderr).toContain(`pid:${pid}) is gone or was replaced`);
    expect(stderr).toContain('nothing was done');
    expect(code).toBe(5);
    expect(place.runs()).toEqual([]);
    expect(lives(other)).toBe(true);
  });

  test('refuses a plan that somebody has changed: exit 2, nothing was done', async ({ place }) => {
    await place.target();
    const out = join(place.dir, 'plan.json');
    await place.run(['plan', place.write('x.json', pausing(place)), '--out', out]);
    const text = readFileSync(out, 'utf8');
    for (const [changed, message] of [
      [text.replace('"duration": 300', '"duration": 900'), /changed after it was made/],
      [text.replace('"seed":', '"sed":'), /not a plan of this version/],
      [text.slice(0, -20), /not JSON/],
      [JSON.stringify(pausing(place)), /this is an experiment: use zashiki run/],
    ] as const) {
      expect(changed).not.toBe(text);
      const { code, stderr } = await place.run(['apply', place.write('changed.json', changed), '--yes']);
      expect(stderr).toMatch(message);
      expect(code).toBe(2);
    }
    expect(place.runs()).toEqual([]);
  });

  test('reads a plan from standard input, also one that comes late', async ({ place }) => {
    await place.target();
    const out = join(place.dir, 'plan.json');
    await place.run(['plan', place.write('x.json', pausing(place, '50ms')), '--out', out]);
    const script = '(sleep 3; cat "$0") | "$1" "$2" apply - --yes';
    const { code, stderr } = await place.start('sh', ['-c', script, out, process.execPath, cli]).ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(place.runs().length).toBe(1);
  });
});

describe.concurrent('validate', () => {
  test('good files, a folder and standard input', async ({ place }) => {
    const text = JSON.stringify(pausing(place));
    place.write('many/one.yaml', text);
    place.write('many/below/two.json', text);
    place.write('many/notes.txt', 'not ours');
    const [folder, stdin, json] = await Promise.all([
      place.run(['validate', 'many']),
      place.run(['validate', '-'], { input: text }),
      place.run(['validate', 'many', '--json']),
    ]);
    expect(folder.stdout).toBe('valid: Experiment pausing, Experiment pausing\n');
    expect(stdin.stdout).toBe('valid: Experiment pausing\n');
    expect(JSON.parse(json.stdout)).toEqual({ valid: true, documents: 2, problems: [] });
    expect([folder.code, stdin.code, json.code]).toEqual([0, 0, 0]);
  });

  test('every file below examples/ is valid', async ({ place }) => {
    const examples = join(root, 'examples');
    const files = readdirSync(examples, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
    for (const name of files) {
      // The demo fills in the ports of its shop.
      place.write(`all/${name}`, readFileSync(join(examples, name), 'utf8').replace(/\$\{\w+\}/g, '8080'));
    }
    const { code, stdout } = await place.run(['validate', 'all', '--json']);
    const { documents, problems } = JSON.parse(stdout) as { documents: number; problems: readonly unknown[] };
    expect(problems).toEqual([]);
    expect(documents).toBeGreaterThanOrEqual(files.length);
    expect(code).toBe(0);
  });

  test('each mistake with its place: exit 2', async ({ place }) => {
    const text = `apiVersion: zashiki.dev/v1
kind: Experiment
metadata: { name: broken }
spec:
  method:
    - fault: process-pausse
      target: { host: { name: sleep } }
    - pause: soon
`;
    const file = place.write('broken.yaml', text);
    const [plain, json, run] = await Promise.all([
      place.run(['validate', file]),
      place.run(['validate', file, '--json']),
      place.run(['run', file, '--yes']),
    ]);
    expect(plain.stderr).toMatch(/broken\.yaml:6:14 .*process-pausse.*did you mean "process-pause"/);
    expect(plain.stderr).toMatch(/broken\.yaml:8:14 .*250ms/);
    const { valid, problems } = JSON.parse(json.stdout) as { valid: boolean; problems: readonly { line: number }[] };
    expect(valid).toBe(false);
    expect(problems.map(({ line }) => line)).toEqual([6, 8]);
    expect(run.stderr).toContain('broken.yaml:6:14');
    expect([plain.code, json.code, run.code]).toEqual([2, 2, 2]);
    expect(place.runs()).toEqual([]);
  });

  test('files that cannot be read as a document', async ({ place }) => {
    mkdirSync(join(place.dir, 'empty'));
    place.write('binary.yaml', '\u0000\u0001\uffff');
    place.write('nothing.yaml', '');
    for (const [name, message] of [
      ['empty', /holds no \.yaml/],
      ['binary.yaml', /binary\.yaml/],
      ['nothing.yaml', /nothing\.yaml/],
      ['/proc/self/mem', /cannot read \/proc\/self\/mem/],
    ] as const) {
      const { code, stderr } = await place.run(['validate', name]);
      expect(stderr).toMatch(message);
      expect(stderr).not.toContain('internal');
      expect(code).toBe(2);
    }
  });

  test('a file far too big for a document is refused at once', async ({ place }) => {
    place.write('huge.yaml', `a: ${'x'.repeat(5 << 20)}\n`);
    for (const name of ['huge.yaml', '/dev/zero']) {
      const { code, stderr } = await place.run(['validate', name]);
      expect(stderr).toMatch(/cannot read .*: it is longer than 2 MiB/);
      expect(code).toBe(2);
    }
  });

  test('an experiment in two: the second hypothesis counts as well', async ({ place }) => {
    const spec = { steadyStateHypothesis: [counting(place, {}), { name: 'x' }], method: [{ pause: '1s' }] };
    const { code, stderr } = await place.run(['validate', place.write('x.json', experiment('no-probe', spec))]);
    expect(stderr).toContain('steadyStateHypothesis[1]');
    expect(code).toBe(2);
  });
});
