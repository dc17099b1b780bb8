import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { candidateLine } from '../../src/cli/ask-first.ts';
import { countMatches, discoverCandidates } from '../../src/cli/candidates.ts';
import { commandList } from '../../src/cli/commands/list.ts';
import { firstExperiment, shortCommand } from '../../src/cli/first-experiment.ts';
import type { Target } from '../../src/core/model.ts';
import { faults } from '../../src/faults/index.ts';
import { probes } from '../../src/probes/index.ts';
import { counting, experiment, hit, pausing } from './documents.ts';
import { cli, signal, test, until } from './place.ts';

const names = commandList.map(({ name }) => name);

describe.concurrent('help', () => {
  test('the overview names every command; without a command it is a usage error', async ({ place }) => {
    const [help, short, word, none, version] = await Promise.all(
      [['--help'], ['-h'], ['help'], [], ['--version']].map((args) => place.run(args)),
    );
    for (const name of names) expect(help?.stdout).toMatch(new RegExp(`^ +${name} `, 'm'));
    expect(help?.stdout).toContain('Exit codes:');
    expect([short?.stdout, word?.stdout]).toEqual([help?.stdout, help?.stdout]);
    expect([help?.code, short?.code, word?.code, none?.code, version?.code]).toEqual([0, 0, 0, 2, 0]);
    expect(version?.stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  });

  test.for(names)('%s --help shows its flags and examples', async (name, { place }) => {
    const [flag, word] = await Promise.all([place.run([name, '--help']), place.run(['help', name])]);
    expect(flag.code).toBe(0);
    expect(word.stdout).toBe(flag.stdout);
    expect(flag.stderr).toBe('');
    // In the layout of the original.
    if (name === 'nightmare-monkey' || name === 'pumba')
      return expect(flag.stdout).toContain(`USAGE:\n   ${name} [global options]`);
    expect(flag.stdout).toContain(`Usage: zashiki ${name} [options]`);
    const examples = flag.stdout.split('\nExamples:\n')[1] ?? '';
    expect(examples).toMatch(new RegExp(`^ +.*zashiki ${name}`, 'm'));
    expect(flag.stdout).toContain('--json');
  });

  test.for([
    ['a command', ['runn'], /unknown command "runn"\n {2}did you mean "run"\?/],
    ['a flag', ['runs', '--limt', '3'], /unknown option '--limt'\n {2}did you mean --limit\?/],
    ['a fault', ['faults', 'proces-kill'], /unknown fault "proces-kill"\n {2}did you mean "process-kill"\?/],
    ['a probe', ['probes', 'htp'], /unknown probe "htp"\n {2}did you mean "http"\?/],
    ['a shell', ['completion', 'tcsh'], /no completion for "tcsh"\n {2}there is one for bash, zsh, fish/],
    ['a platform', ['targets', '-p', 'hots'], /unknown platform "hots".*\n.*host/],
    ['a selector key', ['targets', 'nam=x'], /unknown key "nam"; did you mean "name"\?/],
    ['a selector', ['targets', 'nginx'], /"nginx" is not KEY=VALUE/],
    ['a run', ['runs', 'show', 'nope'], /no runs? /],
    ['a report form', ['report', '--format', 'pdf'], /"pdf" is none of html, markdown, junit, json, svg/],
    ['too many words', ['faults', 'process-kill', 'process-pause'], /too many arguments/],
    ['a missing word', ['diff', 'last'], /missing required argument 'after'/],
    ['no file', ['run'], /missing required argument 'file'/],
  ] as const)('%s that is not there: exit 2 and the way out', async ([, args, message], { place }) => {
    const { code, stdout, stderr } = await place.run(args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

describe.concurrent('the catalogue', () => {
  test('faults: all, one, as JSON', async ({ place }) => {
    const [all, one, json] = await Promise.all([
      place.run(['faults']),
      place.run(['faults', 'process-pause']),
      place.run(['faults', '--json']),
    ]);
    for (const { id } of faults) expect(all.stdout).toMatch(new RegExp(`^${id} `, 'm'));
    expect(one.stdout).toContain('Undone by: SIGCONT');
    expect(one.stdout).toMatch(/Needs: +signal/);
    const rows = JSON.parse(json.stdout) as readonly { readonly id: string }[];
    expect(rows.map(({ id }) => id)).toEqual(faults.map(({ id }) => id));
  });

  test('probes: all, one, as JSON', async ({ place }) => {
    const [all, one, json] = await Promise.all([
      place.run(['probes']),
      place.run(['probes', 'http']),
      place.run(['probes', 'http', '--json']),
    ]);
    for (const { id } of probes) expect(all.stdout).toMatch(new RegExp(`^${id} `, 'm'));
    expect(one.stdout).toContain('Tolerance');
    expect(JSON.parse(json.stdout)).toMatchObject([{ id: 'http', params: expect.anything() }]);
  });

  test('targets: what a selector finds, protected ones only on request', async ({ place }) => {
    const pid = await place.target('shop');
    const [found, json, all, machine] = await Promise.all([
      place.run(['targets', `env.${place.mark}=shop`]),
      place.run(['targets', `env.${place.mark}=shop`, 'name=sleep', '--json']),
      place.run(['targets', 'pid=1', '--all']),
      place.run(['targets', 'machine=true', '--json']),
    ]);
    expect(found.stdout).toContain(`pid:${pid}`);
    expect(found.stdout).toMatch(/^1 targets?$/m);
    expect((JSON.parse(json.stdout) as Target[]).map(({ id }) => id)).toEqual([`pid:${pid}`]);
    expect(all.stdout).toContain('protected: pid 1');
    expect(JSON.parse(machine.stdout)).toHaveLength(1);
  });
});

describe.concurrent('past runs', () => {
  test('runs, runs show, report and diff tell the same story', async ({ place }) => {
    const pid = await place.target();
    const file = place.write('x.json', pausing(place, '50ms'));
    expect((await place.run(['runs'])).stdout).toContain('No runs in');
    expect(JSON.parse((await place.run(['runs', '--json'])).stdout)).toEqual([]);
    await place.run(['run', file, '--yes']);
    signal(pid, 'SIGKILL');
    const other = await place.target();
    const spec = { steadyStateHypothesis: [counting(place, { min: 1 }, { recoversWithin: '100ms' })] };
    const kill = place.write('y.json', experiment('pausing', { ...spec, method: [hit(place, 'process-kill')] }));
    await place.run(['run', kill, '--yes']);
    const [first = '', second = ''] = place.runs();
    const [list, limited, json, show, direct, showJson, report, junit, diff, diffJson] = await Promise.all([
      place.run(['runs']),
      place.run(['runs', '-n', '1']),
      place.run(['runs', 'list', '--json']),
      place.run(['runs', 'show', first]),
      place.run(['runs', first.slice(0, -1)]),
      place.run(['runs', 'show', '--json']),
      place.run(['report', first]),
      place.run(['report', 'last', '--format', 'junit']),
      place.run(['diff', first, 'last']),
      place.run(['diff', first, second, '--json']),
    ]);
    expect(list.stdout.indexOf(second)).toBeLessThan(list.stdout.indexOf(first));
    expect(limited.stdout).not.toContain(first);
    expect(JSON.parse(json.stdout)).toMatchObject([
      { id: second, outcome: 'deviated', experiment: 'pausing' },
      { id: first, outcome: 'held', dryRun: false },
    ]);
    expect(show.stdout).toContain(`pid:${pid}`);
    expect(direct.stdout).toBe(show.stdout);
    expect(JSON.parse(showJson.stdout)).toEqual({ id: second, torn: false, damaged: [], events: place.events(second) });
    expect(report.stdout).toContain('Held: pausing');
    expect(junit.stdout).toMatch(/<failure/);
    expect(diff.stdout).toMatch(/verdict/i);
    expect(diff.stdout).toContain(`pid:${other}`);
    expect(JSON.stringify(JSON.parse(diffJson.stdout))).toContain('deviated');
    for (const { code, stderr } of [list, json, show, report, junit, diff, diffJson]) {
      expect(stderr).toBe('');
      expect(code).toBe(0);
    }
  });

  test('report --out: by its ending, over several runs, and where it cannot be written', async ({ place }) => {
    await place.target();
    await place.run(['run', place.write('x.json', pausing(place, '50ms')), '--yes', '--repeat', '2']);
    const [one = '', two = ''] = place.runs();
    const html = await place.run(['report', one, two, '--out', 'both.html']);
    expect(html.stdout).toContain('both.html');
    const text = readFileSync(join(place.dir, 'both.html'), 'utf8');
    expect(text).toContain(one);
    expect(text).toContain(two);
    const [unknown, blocked] = await Promise.all([
      place.run(['report', 'last', '--out', 'x.doc']),
      place.run(['report', 'last', '--out', 'both.html/x.md']),
    ]);
    expect(unknown.stderr).toContain('.html .md .xml .json .svg');
    expect(blocked.stderr).toMatch(/cannot write both\.html\/x\.md/);
    expect([unknown.code, blocked.code]).toEqual([2, 2]);
  });
});

describe.concurrent('outputs', () => {
  test('a reader that goes away is no error', async ({ place }) => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: for the shell
    const script = '"$0" "$1" faults --json | head -1; echo "${PIPESTATUS[0]}"';
    const { stdout, stderr } = await place.start('bash', ['-c', script, process.execPath, cli]).ended;
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^\[\n0\n$/);
  });

  test('a run whose reader goes away is carried out to its end, with its own exit code', async ({ place }) => {
    await place.target();
    const file = place.write('x.json', pausing(place, '1s'));
    // biome-ignore lint/suspicious/noTemplateCurlyInString: for the shell
    const script = '"$0" "$1" run "$2" --yes -o json | head -1 >/dev/null; echo "${PIPESTATUS[0]}"';
    const { stdout } = await place.start('bash', ['-c', script, process.execPath, cli, file]).ended;
    expect(stdout).toBe('0\n');
    expect(place.events().at(-1)).toMatchObject({ type: 'run-finished', outcome: 'held', author: { role: 'run' } });
  });

  test('a full disk behind the output ends no run either', async ({ place }) => {
    await place.target();
    const file = place.write('x.json', pausing(place, '300ms'));
    const script = '"$0" "$1" run "$2" --yes >/dev/full';
    const { code, stderr } = await place.start('sh', ['-c', script, process.execPath, cli, file]).ended;
    expect(stderr).toContain('cannot be written any more');
    expect(code).toBe(0);
    expect(place.events().at(-1)).toMatchObject({ type: 'run-finished', outcome: 'held' });
  });

  test('colour: none on a pipe, forced by FORCE_COLOR, and NO_COLOR', async ({ place }) => {
    await place.target();
    const file = place.write('x.json', pausing(place));
    const plan = (env: NodeJS.ProcessEnv) => place.run(['plan', file], { env });
    const [pipe, forced, zero, no] = await Promise.all([
      plan({}),
      plan({ FORCE_COLOR: '1' }),
      plan({ FORCE_COLOR: '0' }),
      plan({ NO_COLOR: '1' }),
    ]);
    expect(forced.stdout).toContain('\u001b[');
    for (const { stdout } of [pipe, zero, no]) expect(stdout).not.toContain('\u001b');
  });
});

describe.concurrent('completion', () => {
  const script = async (place: { run: (args: string[]) => Promise<{ stdout: string }> }, shell: string) =>
    (await place.run(['completion', shell])).stdout;

  test('bash: loads, and completes commands and flags', async ({ place }) => {
    const file = place.write('zashiki.bash', await script(place, 'bash'));
    expect((await place.start('bash', ['-n', file]).ended).code).toBe(0);
    const ask = async (...words: string[]) => {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: for the shell
      const body = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _zashiki; printf "%s\\n" "${COMPREPLY[@]}"';
      return (await place.start('bash', ['-c', body, file, ...words]).ended).stdout.split('\n').filter(Boolean);
    };
    const words = await ask('zashiki', '');
    for (const name of names) expect(words).toContain(name);
    expect(await ask('zashiki', 'va')).toEqual(['validate']);
    const flags = await ask('zashiki', 'run', '--');
    for (const flag of ['--yes', '--seed', '--repeat', '--report', '--json', '--state', '--help'])
      expect(flags).toContain(flag);
    expect(await ask('zashiki', 'faults', 'process-p')).toEqual(['process-pause', 'process-priority']);
    expect(await ask('zashiki', 'monkey', '--fault', 'process-pa')).toEqual(['process-pause']);
    expect(await ask('zashiki', 'monkey', '--mode', 'fixed')).toEqual(['fixed', 'fixed-percent']);
    expect(await ask('zashiki', 'report', '--format', 'h')).toEqual(['html']);
    expect(await ask('zashiki', 'run', '-o', '')).toEqual(['text', 'json']);
    expect(await ask('zashiki', 'probes', 'ht')).toEqual(['http']);
    expect(await ask('zashiki', 'runs', '')).toEqual(['list', 'show']);
  });

  test.for([
    ['zsh', '-n'],
    ['fish', '--no-execute'],
  ] as const)('%s: names every command; its own shell reads it', async ([shell, check], { place, skip }) => {
    const text = await script(place, shell);
    for (const name of names) expect(text).toMatch(new RegExp(`\\b${name}\\b`));
    expect(text).toMatch(/-l json\b|--json/);
    const there = ['/bin', '/usr/bin', '/usr/local/bin'].some((folder) => existsSync(join(folder, shell)));
    if (!there) return skip(`${shell} is not installed: its syntax is not checked here`);
    const { code, stderr } = await place.start(shell, [check, place.write(`zashiki.${shell}`, text)]).ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });
});

describe.concurrent('init', () => {
  const listens = (file: string) => `const server = require('http').createServer((_, answer) => answer.end('well'));
    server.listen(0, '127.0.0.1', () => require('fs').writeFileSync(${file}, String(server.address().port)));`;
  const service = `process.title = process.argv[1];
    ${listens('process.argv[2]')}`;

  /** A service with a name of its own that listens. */
  async function serviceIn(place: { dir: string; mark: string; target: (r: string, p: string[]) => Promise<number> }) {
    const name = `zt${place.mark.slice(-10).toLowerCase()}`;
    const file = join(place.dir, 'port');
    await place.target('service', [process.execPath, '-e', service, name, file]);
    const port = await until(() => readFileSync(file, 'utf8'));
    return { name, port };
  }

  test('--yes finds the service, and what it writes validates, plans and runs', async ({ place }) => {
    const { name, port } = await serviceIn(place);
    const { code, stdout } = await place.run(['init', '--yes', '--name', name, '--fault', 'process-pause']);
    expect(stdout).toContain('Wrote experiment.yaml. This matches 1 process.');
    expect(code).toBe(0);
    const text = readFileSync(join(place.dir, 'experiment.yaml'), 'utf8');
    expect(text).toContain(`http://127.0.0.1:${port}/`);
    expect(text).toContain('duration: 10s');
    place.write(
      'experiment.yaml',
      text.replace('duration: 10s', 'duration: 100ms').replace('pause: 3s', 'pause: 10ms'),
    );
    const validate = await place.run(['validate', 'experiment.yaml']);
    const run = await place.run(['run', 'experiment.yaml', '--yes']);
    expect(validate.stdout).toContain(`valid: Experiment ${name}-survives-process-pause`);
    expect([validate.code, run.code]).toEqual([0, 0]);
  });

  test('a service of one command line: nobody else is meant', async ({ place }) => {
    const file = join(place.dir, 'port');
    const script = place.write('front.cjs', `const [, , file] = process.argv;${listens('file')}`);
    await place.target('service', [process.execPath, script, file]);
    await place.target('stranger', [process.execPath, '-e', 'setInterval(() => {}, 1000)']);
    const port = await until(() => readFileSync(file, 'utf8'));
    const command = `${process.execPath} ${script} ${file}`;
    const user = process.getuid?.() === 0 ? {} : { user: userInfo().username };
    const selector = { command, ...user };
    const found = await discoverCandidates();
    expect(found.find((one) => one.command === command)).toMatchObject({ port: Number(port), count: 1 });
    const text = firstExperiment({ name: shortCommand(command), selector, fault: 'process-pause' });
    const path = place.write('front.yaml', text);
    const { victims } = JSON.parse((await place.run(['plan', path, '--json'])).stdout).steps[0];
    expect(victims).toHaveLength(1);
    expect(text).toContain(`probe: { process: { command: ${JSON.stringify(command)}`);
    expect(await countMatches(selector)).toEqual({ free: 1, protected: 0 });
    expect(candidateLine({ command: 'node front.mjs', name: 'node', port: 18080, count: 1 })).toBe(
      'node front.mjs (listens on 18080), 1 process',
    );
  });

  test('no terminal and nothing said: refused; a fault that needs a parameter too', async ({ place }) => {
    const silent = await place.run(['init']);
    expect(silent.stderr).toMatch(/no terminal to ask on[\s\S]*--yes/);
    const corrupt = await place.run(['init', '--yes', '--fault', 'file-corrupt']);
    expect(corrupt.stderr).toMatch(/file-corrupt needs the parameter path[\s\S]*examples\/faults\/file-corrupt\.yaml/);
    expect([silent.code, corrupt.code]).toEqual([2, 2]);
    expect(existsSync(join(place.dir, 'experiment.yaml'))).toBe(false);
  });

  test('what does not validate is not written', async ({ place }) => {
    const { code, stderr } = await place.run(['init', '--name', 'x', '--url', 'nonsense']);
    expect(stderr).toContain('1 problem found');
    expect(code).toBe(2);
    expect(existsSync(join(place.dir, 'experiment.yaml'))).toBe(false);
  });

  test('a file that is there is kept, unless --force', async ({ place }) => {
    place.write('experiment.yaml', 'precious');
    const args = ['init', '--yes', '--name', 'x', '--url', 'http://127.0.0.1:1/'];
    const refused = await place.run(args);
    expect(refused.stderr).toMatch(/experiment\.yaml is there already/);
    expect(refused.code).toBe(2);
    expect(readFileSync(join(place.dir, 'experiment.yaml'), 'utf8')).toBe('precious');
    expect((await place.run([...args, '--force', '--json'])).code).toBe(0);
    expect(readFileSync(join(place.dir, 'experiment.yaml'), 'utf8')).toContain('kind: Experiment');
  });

  test('--out - prints it; an unknown fault says the nearest', async ({ place }) => {
    const args = ['init', '--name', 'A "quoted" name', '--url', 'http://127.0.0.1:1/', '--out', '-'];
    const printed = await place.run(args);
    const { code, stdout } = await place.run(['validate', '-'], { input: printed.stdout });
    expect(stdout).toContain('valid: Experiment a-quoted-name-survives-process-kill');
    expect(code).toBe(0);
    const wrong = await place.run([...args, '--fault', 'proces-kill']);
    expect(wrong.stderr).toContain('did you mean "process-kill"?');
    expect(wrong.code).toBe(2);
  });
});
