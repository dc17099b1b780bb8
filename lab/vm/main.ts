import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder, listImages, remove } from './cache.ts';
import { help, type Options, parseCommandLine } from './command-line.ts';
import { type Bench, bringOut, ensureImage, guestCheckout, startClone } from './lab.ts';
import { ended, lifeline } from './lifeline.ts';
import { guestEnv } from './machine.ts';
import { LabError, saying } from './say.ts';

const bench: Bench = { say: saying(), signal: lifeline() };

async function main(args: readonly string[]): Promise<number> {
  const command = parseCommandLine(args);
  if (command.do === 'run') return await runInClone(command.argv, command.options, false);
  if (command.do === 'help') {
    process.stdout.write(help);
    return 0;
  }
  if (command.do === 'status') return await status();
  if (command.do === 'clean') {
    await remove(cacheFolder());
    bench.say(`removed ${cacheFolder()}`);
    return 0;
  }
  if (command.do === 'build') {
    await ensureImage(bench, true);
    return 0;
  }
  const columns = String(process.stdout.columns ?? 80);
  const rows = String(process.stdout.rows ?? 24);
  const env = { TERM: process.env.TERM ?? 'linux', COLUMNS: columns, LINES: rows };
  const start = `stty rows ${Number(rows)} cols ${Number(columns)}; exec bash -l`;
  const argv = ['script', '--quiet', '--return', '--command', start, '/dev/null'];
  return await runInClone(argv, { ...command.options, env: { ...env, ...command.options.env } }, true);
}

async function runInClone(argv: readonly string[], options: Options, terminal: boolean): Promise<number> {
  const image = await ensureImage(bench);
  const onConsole = options.verbose ? (text: string) => void process.stderr.write(text) : undefined;
  const machine = await startClone(image, options.checkout, bench, onConsole);
  try {
    if (terminal && process.stdin.isTTY) process.stdin.setRawMode(true);
    const order = { argv, cwd: options.checkout ? guestCheckout : '/root', env: { ...guestEnv, ...options.env } };
    const work = machine.agent.run(order, {
      onOut: (bytes) => void process.stdout.write(bytes),
      onErr: (bytes) => void process.stderr.write(bytes),
      // A terminal that nobody types on must not keep the program from ending; a pipe is passed on.
      ...(terminal || !process.stdin.isTTY ? { input: process.stdin } : {}),
    });
    const code = await (options.timeoutS === undefined ? work : Promise.race([work, late(options.timeoutS)]));
    for (const { from, to } of code === 124 ? [] : options.out)
      if (!(await bringOut(machine, from, to))) bench.say(`the guest has no ${from}, or it could not be read`);
    return code;
  } catch (cause) {
    bench.signal.throwIfAborted();
    throw new LabError(
      `the guest was lost: ${(cause as Error).message}\n${machine.lastLines()}`,
      'see its last lines',
      { cause },
    );
  } finally {
    if (terminal && process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdin.destroy();
    await machine.close();
  }
}

async function late(seconds: number): Promise<number> {
  await sleep(seconds * 1000, undefined, { ref: false });
  bench.say(`ended after ${seconds} s`);
  return 124;
}

async function status(): Promise<number> {
  const images = await listImages(cacheFolder());
  console.log(`cache: ${cacheFolder()}`);
  for (const { key, manifest, usedAt } of images) {
    const { kernel, node, qemu, builtAt } = manifest;
    console.log(`${key}  Linux ${kernel}, Node ${node}, ${qemu}; built ${builtAt}, last used ${usedAt.toISOString()}`);
  }
  if (images.length === 0) console.log('no image; the first command builds one');
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = ended(error, help);
}
// A stream of the caller that never ends must not keep us.
process.exit();
