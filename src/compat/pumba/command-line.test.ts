import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readLine } from './command-line.ts';
import { shown } from './fixtures/shown.ts';

// Each row was held against urfave/cli 1.22.17 with the same flags, but for older spellings, chained effects and ours.

const version = '1.1.7 - [zashiki:0.1.0] none';
const read = (argv: readonly string[], env: Record<string, string> = {}) =>
  readLine(argv, { env, program: 'pumba', version });

/** Words as a shell would split them: a part in double quotes is one word, with JSON's escapes. */
const words = (text: string): readonly string[] =>
  [...text.matchAll(/"(?:[^"\\]|\\.)*"|\S+/g)].map(([word]) => (word.startsWith('"') ? JSON.parse(word) : word));

/** Lines in pairs: a command line, and what it is read as. */
const rows = readFileSync(join(import.meta.dirname, 'fixtures/lines.txt'), 'utf8')
  .split(/\n(?! )/)
  .filter(Boolean)
  .map((pair) => pair.replace(/^\$ pumba /, '').split('\n    ') as [argv: string, expected: string]);

test('PU-01, PU-02, PU-31 every command line is read as Pumba reads it', () => {
  expect(rows.length).toBeGreaterThan(200);
  for (const [argv, expected] of rows) expect(shown(read(words(argv))), argv).toBe(expected);
});

const wrongVariables: readonly (readonly [argv: string, expected: string, env: Record<string, string>])[] = [
  [
    'kill web',
    '1! could not parse yes as bool value for flag json, j: strconv.ParseBool: parsing "yes": invalid syntax',
    { LOG_JSON: 'yes' },
  ],
  [
    'kill web',
    '1! could not parse no way as bool value for flag tlsverify: strconv.ParseBool: parsing "no way": invalid syntax',
    { DOCKER_TLS_VERIFY: 'no way' },
  ],
];

test.each(wrongVariables)('%s: %s', (argv, expected, env) => {
  expect(shown(read(words(argv), env))).toBe(expected);
});

test('PU-02 variables stand in for flags, and flags win', () => {
  const value = (name: string, argv: readonly string[], env: Record<string, string>) => {
    const line = read([...argv, 'kill', 'web'], env);
    return line.kind === 'do' ? line.line.global.values.get(name) : line;
  };
  expect(value('host', [], {})).toBe('unix:///var/run/docker.sock');
  expect(value('host', [], { DOCKER_HOST: 'tcp://1:2' })).toBe('tcp://1:2');
  expect(value('host', [], { DOCKER_HOST: '' })).toBe('');
  expect(value('host', ['-H', 'x'], { DOCKER_HOST: 'tcp://1:2' })).toBe('x');
  expect(value('log-level', [], { LOG_LEVEL: 'info' })).toBe('info');
  expect(value('json', [], { LOG_JSON: 'T' })).toBe(true);
  expect(value('json', [], { LOG_JSON: '' })).toBe(false);
  expect(value('json', ['--json=false'], { LOG_JSON: '1' })).toBe(false);
  expect(value('tlsverify', [], { DOCKER_TLS_VERIFY: '1' })).toBe(true);
  expect(value('dry-run', [], { 'DRY-RUN': 'true' })).toBe(true);
  expect(value('tlscacert', [], {})).toBe('/etc/ssl/docker/ca.pem');
  expect(value('tlskey', [], { DOCKER_CERT_PATH: '/certs' })).toBe('/certs/key.pem');
});

test('help has the layout of urfave: columns, defaults, variables', () => {
  const { text } = read(['--help']) as { text: string };
  expect(text).toMatch(
    /^NAME:\n {3}Pumba - .*\n\nUSAGE:\n {3}pumba \[global options\] command \[command options\] containers/,
  );
  expect(text).toContain(`VERSION:\n   ${version}\n\nCOMMANDS:\n   kill      kill containers\n   exec      run a`);
  expect(text).toContain('\n   help, h   Shows a list of commands or help for one command\n\nGLOBAL OPTIONS:\n');
  expect(text).toContain('socket of the engine (default: "unix:///var/run/docker.sock") [$DOCKER_HOST]\n');
  expect(text).toMatch(/\n {3}--interval value, -i value +do it again and again, .* \(default: 0s\)\n/);
  expect(text).not.toContain('--debug');
  const leaf = (read(['stop', '--help']) as { text: string }).text;
  expect(leaf).toContain('DESCRIPTION:\n   send the stop signal');
  expect(leaf).toMatch(/OPTIONS:\n {3}--time value, -t value +seconds of grace before SIGKILL \(default: 5\)\n/);
  expect(leaf.endsWith('(default: "10s")\n   \n')).toBe(true);
  expect(leaf).not.toContain('--number');
});

test('completion names commands, or the flags that begin like the last word', () => {
  const complete = (argv: string, env = {}) => {
    const said = read([...words(argv), '--generate-bash-completion'], env) as { text: string };
    return said.text.split('\n').filter(Boolean);
  };
  const all = ['kill', 'exec', 'restart', 'stop', 'pause', 'rm', 'stress', 'netem', 'iptables', 'help', 'h'];
  expect(complete('')).toEqual(all);
  expect(complete('--random')).toEqual([]);
  expect(complete('netem')).toEqual([
    'delay',
    'loss',
    'loss-state',
    'loss-gemodel',
    'rate',
    'duplicate',
    'corrupt',
    'combine',
    'help',
    'h',
  ]);
  expect(complete('--lo')).toEqual(['--log-level']);
  expect(complete('netem --t')).toEqual(['--target', '--tc-image']);
  expect(complete('kill')).toEqual([]);
  expect(complete('', { _CLI_ZSH_AUTOCOMPLETE_HACK: '1' })[0]).toBe('kill:kill containers');
});
