import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { kill } from '../docker/proc.ts';
import { lifeline } from '../vm/lifeline.ts';
import { LabError, saying } from '../vm/say.ts';
import { holdingCache, isCacheHeld } from './build.ts';
import { clean, remains, traces } from './clean.ts';
import { help, type Options, parseCommandLine, UsageError } from './command-line.ts';
import { clusterStatus, keepCluster, type LabCluster, letGo, startCluster } from './index.ts';
import { inside } from './machine.ts';
import { cacheFolder, placeOf } from './place.ts';
import { prepareAll } from './prepare.ts';

const say = saying('lab:kubernetes');
const signal = lifeline();

async function main(args: readonly string[]): Promise<number> {
  const command = parseCommandLine(args);
  if (command.do === 'help') {
    process.stdout.write(help);
    return 0;
  }
  const { argv, options } = command;
  switch (options.special) {
    case 'status':
      return await status(options);
    case 'down':
      if (!(await letGo(options.name))) say('others hold it still; it ends with the last of them');
      return 0;
    case 'clean':
      return await cleanAll(options);
    case 'build':
      await holdingCache(signal, () => prepareAll(say, signal));
      return 0;
    default:
      return await runBeside(argv, options);
  }
}

async function runBeside(argv: readonly string[], options: Options): Promise<number> {
  const name = options.name === undefined ? {} : { name: options.name };
  const cluster = await startCluster({ ...name, say, signal });
  if (options.keep) await keepCluster(name);
  say(`the cluster is up: export KUBECONFIG=${cluster.kubeconfig}`);
  for (const what of cluster.missing) say(`without the image ${what}`);
  for (const file of options.images) await cluster.importImage(file);
  if (options.ours) say(`imported ${(await cluster.importOurs(options.ours)).name}`);
  const shell = process.env.SHELL ?? '/bin/sh';
  try {
    if (options.special === 'node') return await run(await inNode(cluster, options.node ?? '', argv), cluster);
    if (options.special === 'shell') return await run([shell], cluster);
    return argv.length === 0 ? 0 : await run(argv, cluster);
  } finally {
    await cluster.remove();
  }
}

async function inNode(cluster: LabCluster, name: string, argv: readonly string[]): Promise<readonly string[]> {
  const node = cluster.nodes.find((each) => each.name === name);
  const pid = await node?.pid();
  if (pid === undefined) {
    const names = cluster.nodes.map((each) => each.name).join(', ');
    throw new LabError(node ? `node ${name} is off` : `no node ${name}`, `the nodes are ${names}`);
  }
  return [...inside(pid), ...(argv.length > 0 ? argv : ['/bin/bash'])];
}

/** Run a command with our terminal; resolves to its exit code. */
function run([program = '', ...argv]: readonly string[], { kubeconfig }: LabCluster): Promise<number> {
  const child = spawn(program, argv, { stdio: 'inherit', env: { ...process.env, KUBECONFIG: kubeconfig } });
  const end = () => void child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new LabError(`cannot start ${program}: ${cause.message}`, 'is it installed?')),
    );
    child.once('close', (code, by) => {
      if (signal.aborted) reject(signal.reason);
      else resolve(code ?? 128 + (constants.signals[by ?? 'SIGKILL'] ?? 0));
    });
  });
}

async function status({ name }: Options): Promise<number> {
  console.log(`cache: ${cacheFolder()}`);
  const others = remains().map((place) => place.name);
  for (const each of new Set([placeOf(name).name, ...others])) {
    const now = await clusterStatus(each);
    const place = placeOf(each);
    if (!now) {
      console.log([`${each}: down`, ...traces(place).map((trace) => `  left: ${trace}`)].join('\n'));
      continue;
    }
    console.log(`${each}: up, held by ${now.holders}${now.byHand ? ' and by hand' : ''}, keeper ${now.keeper}`);
    console.log(`  export KUBECONFIG=${now.kubeconfig}`);
    for (const { name: node, address } of now.nodes)
      console.log(`  ${node} ${address}, first process ${now.machines[node] ?? '-'}`);
    console.log(`  API server ${now.server}, pods ${now.pods}, Services ${now.services}, this machine ${now.host}`);
  }
  return 0;
}

async function cleanAll({ name }: Options): Promise<number> {
  const place = placeOf(name);
  const now = await clusterStatus(name);
  if (now) kill(now.keeper, 'SIGTERM');
  for (let tries = 0; tries < 300 && (await clusterStatus(name)); tries++) await sleep(100);
  const left = await clean(place);
  for (const what of left) say(`left: ${what}`);
  if (isCacheHeld()) say(`kept ${cacheFolder()}: it is being built, or a cluster is starting from it`);
  else if (remains().length === 0) rmSync(cacheFolder(), { recursive: true, force: true });
  return left.length > 0 ? 125 : 0;
}

function ended(error: unknown): number {
  if (signal.aborted) {
    const { message, code } = signal.reason as Error & { code?: number };
    console.error(`lab:kubernetes: ${message}`);
    return code ?? 143;
  }
  if (error instanceof UsageError) {
    console.error(`lab:kubernetes: ${error.message}\n\n${help}`);
    return 2;
  }
  if (error instanceof LabError) console.error(`lab:kubernetes: ${error.message}\n  what to do: ${error.hint}`);
  else console.error(error);
  return 125;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = ended(error);
}
// A stream of the caller that never ends must not keep us.
process.exit();
