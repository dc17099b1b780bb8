import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Target } from '../../core/model.ts';
import host from './platform.ts';
import type { HostSelector } from './selector.ts';

/** A real process of a test; it ends with the test at the latest. */
export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Its first line on standard output, once it is there. */
  readonly line: Promise<string>;
  /** Code or signal, once it has ended. */
  readonly ended: Promise<number | string>;
}

/** Start a program; for node give `process.execPath`. */
export async function start(program: string, args: readonly string[], options: SpawnOptions = {}): Promise<Started> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  const ended = new Promise<number | string>((resolve) =>
    child.on('exit', (code, signal) => resolve(code ?? signal ?? 0)),
  );
  const line = new Promise<string>((resolve) => {
    let text = '';
    child.stdout?.on('data', (data) => {
      text += data;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.pid !== undefined) await ended;
  });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  return { pid: child.pid ?? 0, child, line, ended };
}

/** Start node with a script; it has run its first turn when this resolves. */
export async function startNode(script: string, args: readonly string[] = [], options: SpawnOptions = {}) {
  const body = `${script}\n;setInterval(() => {}, 1e6);console.log('ready')`;
  const started = await start(process.execPath, ['-e', body, '--', ...args], options);
  await started.line;
  return started;
}

/** End a process that the code under test has started, when the test ends. */
export function endAfter(pid: number): void {
  onTestFinished(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  });
}

/** A folder for one test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'zashiki host '));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Poll until `check` gives something truthy. */
export async function eventually<T>(check: () => T | Promise<T>, what = 'it'): Promise<NonNullable<T>> {
  for (const until = performance.now() + 20_000; ; await sleep(10)) {
    const value = await check();
    if (value) return value;
    if (performance.now() > until) throw new Error(`${what} did not happen within 20 s`);
  }
}

/** The pids that a selector finds. */
export async function pidsOf(selector: HostSelector): Promise<readonly number[]> {
  return (await host.discover(host.selector.parse(selector))).map(({ identity }) => Number(identity.pid));
}

/** The target of one pid. */
export async function targetOf(pid: number): Promise<Target> {
  const [target] = await host.discover({ pid });
  if (!target) throw new Error(`no process ${pid}`);
  return target;
}

/** The same target as if its pid had been given to another process. */
export const replaced = (target: Target): Target => ({
  ...target,
  identity: { ...target.identity, startTime: String(Number(target.identity.startTime) + 1) },
});

export const isRoot = process.getuid?.() === 0;
export const needsRoot = 'needs root';

/** Put a shell script in the place of a system program until the test ends. */
export function fakeTool(program: string, script: string): void {
  const at = folder();
  writeFileSync(join(at, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = `${at}:${path}`;
  onTestFinished(() => {
    process.env.PATH = path;
  });
}
