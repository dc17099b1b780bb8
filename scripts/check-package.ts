/** Packs the package, installs the tarball into an empty folder, and uses it from there as a user would. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'zashiki-package-'));
const home = join(folder, 'home');
mkdirSync(home);
const env = { ...process.env, HOME: home, XDG_STATE_HOME: join(home, 'state'), ZASHIKI_STATE: join(home, 'zashiki') };
const check = (what: string, ok: boolean, detail = '') => {
  console.log(`${ok ? 'ok' : 'NOT OK'}  ${what}${ok ? '' : `\n${detail}`}`);
  if (!ok) process.exitCode = 1;
};

const target = spawn('sleep', ['300'], { env: { ...process.env, ZASHIKI_EXAMPLE: 'package' }, stdio: 'ignore' });
try {
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: root,
      encoding: 'utf8',
    }),
  );
  const { filename, files } = (Array.isArray(packed) ? packed[0] : Object.values(packed)[0]) as {
    filename: string;
    files: { path: string }[];
  };
  const paths = files.map(({ path }) => path);
  check(
    'the tarball holds the bundle, the types, the schema and the license',
    [
      'dist/cli/main.cjs',
      'dist/cli/reaper.js',
      'dist/cli/recovery.cjs',
      'dist/schema.json',
      'dist/types/sdk/index.d.ts',
      'LICENSE',
      'README.md',
    ].every((path) => paths.includes(path)),
    paths.join('\n'),
  );
  check(
    'the tarball holds no sources and no tests',
    paths.every((path) => !path.startsWith('src/') && !path.includes('.test.')),
  );

  const app = join(folder, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true, "type": "module" }\n');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', join(folder, filename)], {
    cwd: app,
    env,
    stdio: 'pipe',
  });
  const run = (command: string, ...args: string[]) =>
    spawnSync(join(app, 'node_modules/.bin', command), args, { cwd: app, env, encoding: 'utf8' });

  const help = run('zashiki', '--help');
  check('zashiki --help', help.status === 0 && help.stdout.includes('zashiki COMMAND'), help.stderr);
  const monkey = run('nightmare-monkey', '--version');
  check(
    'nightmare-monkey by its own name',
    monkey.status === 0 && monkey.stdout.includes('Nightmare Monkey'),
    monkey.stderr + monkey.stdout,
  );
  const pumba = run('pumba', '--version');
  check(
    'pumba by its own name',
    pumba.status === 0 && pumba.stdout.startsWith('Pumba version 1.1.7'),
    pumba.stderr + pumba.stdout,
  );

  if (process.platform === 'linux') {
    const file = join(app, 'experiment.yaml');
    writeFileSync(
      file,
      `apiVersion: zashiki.dev/v1
kind: Experiment
metadata: { name: packaged }
spec:
  steadyStateHypothesis:
    - name: it runs
      probe: { process: { env: { ZASHIKI_EXAMPLE: package } } }
      every: 100ms
      tolerance: { count: 1 }
  method:
    - fault: process-pause
      target: { host: { env: { ZASHIKI_EXAMPLE: package } } }
      duration: 500ms
`,
    );
    const real = run('zashiki', 'run', file, '--yes', '--report', join(app, 'report.html'));
    check('a real experiment from the installed package', real.status === 0, real.stdout + real.stderr);
    check('its report', existsSync(join(app, 'report.html')));
  }
  writeFileSync(
    join(app, 'use.mjs'),
    `import { defineExperiment, openEngine } from 'zashiki';\nconst e = await defineExperiment({ metadata: { name: 'x' }, spec: { method: [{ pause: '1ms' }] } });\nif (typeof openEngine !== 'function' || e.metadata.name !== 'x') process.exit(1);\n`,
  );
  const sdk = spawnSync(process.execPath, ['use.mjs'], { cwd: app, env, encoding: 'utf8' });
  check('the SDK by import', sdk.status === 0, sdk.stderr);
  const schema = spawnSync(
    process.execPath,
    ['-e', "const s = require('zashiki/schema.json'); if (!s.$schema) process.exit(1)"],
    { cwd: app, env, encoding: 'utf8' },
  );
  check('the JSON Schema by require', schema.status === 0, schema.stderr);
} finally {
  target.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
