import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { AgentCapability, AgentOrder, AgentUndo } from '../capabilities/agent.ts';
import { alone } from '../core/alone.ts';
import { systemClock } from '../core/clock.ts';
import type { JsonObject, TargetRef } from '../core/model.ts';
import type { FaultContext } from '../core/ports.ts';
import { runIds } from '../journal/runs.ts';
import { scanJournal } from '../journal/scan.ts';
import { journalPath } from '../journal/state.ts';
import { agentApi, agentCapability, openTransport, type Transport } from '../remote/index.ts';

const program = resolve(import.meta.dirname, '../../dist/cli/main.cjs');

/** A real agent in a process of its own, on a socket in its state folder's parent. */
export interface StartedAgent {
  readonly folder: string;
  readonly state: string;
  readonly pid: number;
  readonly url: string;
  readonly transport: Transport;
  readonly child: ChildProcess;
  log(): string;
  /** kill -9, of the agent and, when told, of its reapers too. */
  kill(options?: { readonly reapers?: boolean }): Promise<void>;
  /** SIGTERM; its exit code. */
  stop(): Promise<number | null>;
}

/** A folder for one test. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'zashiki-agent-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Start one; resolves when it listens. It ends with the test. */
export async function startAgent(
  folder: string,
  options: { readonly listen?: readonly string[]; readonly args?: readonly string[]; readonly state?: string } = {},
): Promise<StartedAgent> {
  const state = options.state ?? join(folder, 'state');
  const socket = join(folder, 'agent.sock');
  const listen = options.listen ?? [`unix:${socket}`];
  const args = [...listen.flatMap((each) => ['--listen', each]), ...(options.args ?? [])];
  const child = spawn(process.execPath, [program, 'agent', '--state', state, '--name', 'node', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
  });
  let said = '';
  const gone = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  const urls = await new Promise<string>((done, failed) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      said += `${line}\n`;
      const found = /listening on (.*)$/.exec(line)?.[1];
      if (found) done(found);
    });
    gone.then((code) => failed(new Error(`the agent ended with ${code}: ${said}`)));
  });
  const started: StartedAgent = {
    folder,
    state,
    pid: child.pid ?? 0,
    url: urls.split(', ')[0] ?? '',
    transport: openTransport({ url: `unix:${socket}` }),
    child,
    log: () => said,
    async kill({ reapers = false } = {}) {
      const others = reapers ? reapersOf(state) : [];
      child.kill('SIGKILL');
      for (const pid of others) quietKill(pid);
      await gone;
      await eventually(() => others.every((pid) => !reapersOf(state).includes(pid)), 'no reaper lives');
    },
    async stop() {
      child.kill('SIGTERM');
      return gone;
    },
  };
  onTestFinished(async () => {
    await started.kill();
    await eventually(() => reapersOf(state).length === 0, 'the reapers are done');
  });
  return started;
}

/** Pids of the reapers of a state folder. */
export function reapersOf(state: string): readonly number[] {
  return processes((line) => line.includes('reaper.js') && line.includes(`\0${state}\0`));
}

function processes(test: (line: string) => boolean): readonly number[] {
  const { readdirSync } = process.getBuiltinModule('node:fs');
  return readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) && test(readFileSync(`/proc/${name}/cmdline`, 'utf8')) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

function quietKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Wait for a state; throws after a long while. */
export async function eventually(check: () => boolean | Promise<boolean>, what: string, limit = 40_000): Promise<void> {
  const end = performance.now() + limit;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`waited ${limit} ms, but not so: ${what}`);
    await sleep(25);
  }
}

/** A process to hit. SIGSTOP takes a moment to be seen, SIGCONT none. */
export async function startVictim(): Promise<{
  readonly pid: number;
  /** Its letter as ps shows it. */
  state(): string;
  paused(): boolean;
  nice(): number;
}> {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await new Promise((done, failed) => child.once('spawn', done).once('error', failed));
  const gone = new Promise((done) => child.once('exit', done));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  const pid = child.pid ?? 0;
  const fields = () => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  };
  return { pid, state: () => fields()[0] ?? '', paused: () => fields()[0] === 'T', nice: () => Number(fields()[16]) };
}

let serial = 0;

/** The context of a controller's injection. */
export function contextFor(tag = `test-${process.pid}.i${++serial}`, ttl: number | null = null): FaultContext {
  const signal = new AbortController().signal;
  return { ...alone, tag, ttl, keep: '/nonexistent', clock: systemClock, signal };
}

/** What a controller does with one process behind an agent. */
export async function aim(
  transport: Transport,
  selector: JsonObject,
  leaseMs = 30_000,
): Promise<{ readonly agent: AgentCapability; readonly target: TargetRef }> {
  const [target] = await agentApi(transport, 'node').targets('host', selector);
  if (!target) throw new Error(`nothing matches ${JSON.stringify(selector)}`);
  return {
    agent: agentCapability(transport, {
      name: 'node',
      target: { ref: target },
      offers: ['signal', 'priority', 'netns'],
      leaseMs,
    }),
    target,
  };
}

/** Plan and inject with a lease that nobody renews. */
export async function injectAndForget(
  transport: Transport,
  target: TargetRef,
  order: AgentOrder,
  options: { readonly lease?: number; readonly ttl?: number | null; readonly tag?: string } = {},
): Promise<AgentUndo> {
  const { lease = 30_000, ttl = null } = options;
  const { tag } = contextFor(options.tag);
  const planned = await post(transport, '/v1/plan', { target: { ref: ref(target) }, ...order, tag, ttl });
  await post(transport, '/v1/inject', { ...planned, ...order, ttl, lease });
  return { agent: { name: 'node', ...planned } } as AgentUndo;
}

const ref = ({ platform, id, name, identity }: TargetRef): JsonObject => ({ platform, id, name, identity });

/** Ask, and expect an answer. */
export async function post(transport: Transport, path: string, body: JsonObject): Promise<JsonObject> {
  const answer = await transport(path, body);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body as JsonObject;
}

/** The types of all events in the agent's journals, in order. */
export function story(state: string): readonly string[] {
  return [...runIds(state)]
    .reverse()
    .flatMap((run) => scanJournal(journalPath(state, run)).events.map(({ type }) => type));
}
