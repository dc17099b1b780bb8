import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Experiment, FaultStep, JsonObject } from '../../src/core/model.ts';
import type { Rng } from '../../src/core/ports.ts';
import { outstanding } from '../../src/journal/outstanding.ts';
import { needsRecovery, runIds } from '../../src/journal/runs.ts';
import { scanJournal } from '../../src/journal/scan.ts';
import { journalPath } from '../../src/journal/state.ts';
import type { AgentTask } from './agent-runner.ts';
import type { Installation } from './assemble.ts';
import { differences } from './point.ts';
import { environment, processes } from './processes.ts';
import type { Task } from './runner.ts';
import { makeSpecimen } from './specimens.ts';

/** Who is killed when, and what with them. */
export interface AgentPoint {
  readonly index: number;
  readonly fault: string;
  readonly who: 'agent' | 'controller' | 'both';
  /** A moment of the agent's (or the controller's) own counting, or so long after the controller began. */
  readonly at: { readonly moment: number } | { readonly ms: number };
  readonly reapersDie: boolean;
  /** The agent's state folder is gone when it starts again. */
  readonly diskLost: boolean;
}

export interface AgentPointResult {
  readonly killed: boolean;
  /** Something was on, or may have been, when it was killed. */
  readonly open: boolean;
  readonly wrong: readonly string[];
  readonly folder: string;
}

/** One crash of an agent or its controller, and what comes after it. */
export async function runAgentPoint(
  point: AgentPoint,
  rng: Rng,
  bench: Installation & { readonly root: string },
): Promise<AgentPointResult> {
  const folder = join(bench.root, `p${point.index}`);
  const [state, agentState, socket] = [join(folder, 'state'), join(folder, 'agent'), join(folder, 's')];
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const specimen = await makeSpecimen(point.fault, folder, bench.catalogue, rng);
  const { who, at } = point;
  const moment = 'moment' in at ? at.moment : undefined;
  let agent = await startAgent(bench, { state: agentState, socket, ...(who === 'controller' ? {} : { at: moment }) });
  try {
    const before = await specimen.snapshot();
    const planFile = join(folder, 'plan.json');
    const plan = await bench.engine.plan(experiment(throughAgent(specimen.step, `unix:${socket}`)));
    writeFileSync(planFile, JSON.stringify(plan));
    const ofController = who === 'agent' ? undefined : moment;
    const controller = start(bench.program, { state, plan: planFile, from: 'start', at: ofController } satisfies Task);
    if ('ms' in at) {
      await Promise.race([controller.ended, new Promise((resolve) => setTimeout(resolve, at.ms))]);
      if (who !== 'agent') controller.child.kill('SIGKILL');
      if (who !== 'controller') agent.child.kill('SIGKILL');
    }
    const ended = await Promise.race([controller.ended, agent.ended]);
    const killed = ended === 'SIGKILL';
    if (who === 'both') {
      controller.child.kill('SIGKILL');
      agent.child.kill('SIGKILL');
      await Promise.all([controller.ended, agent.ended]);
    }
    const agentDied = agent.child.signalCode !== null;
    const open = [agentState, state].some((of) => runIds(of).some((run) => needsRecovery(of, run)));
    if (point.reapersDie && killed) {
      for (const { pid } of [...ours(state), ...(agentDied ? ours(agentState) : [])]) quietKill(pid);
    }
    /** An agent that has died, now or later, is started again, as by systemd or a kubelet. */
    const revive = async () => {
      if (agent.child.signalCode === null) return;
      await until('the reaper of the agent is done', () => ours(agentState).length === 0);
      if (point.diskLost) rmSync(agentState, { recursive: true, force: true });
      agent = await startAgent(bench, { state: agentState, socket });
    };
    const wrong: string[] = [];
    await revive();
    let busy = false;
    const goesOn = setInterval(async () => {
      if (busy) return;
      busy = true;
      await revive().catch((error: Error) => wrong.push(error.message));
      busy = false;
    }, 500);
    try {
      await controller.ended;
      await until('the reaper of the controller is done', () => ours(state).length === 0, 90_000);
    } finally {
      clearInterval(goesOn);
    }
    await until('no agent is being started', () => !busy);
    const next = start(bench.program, { state, from: 'start' });
    await next.ended;
    if (next.child.exitCode !== 0) wrong.push(`the next start failed: ${next.errors()}`);
    // Nobody may be left to renew a lease; what has none is recovered already.
    await until('the agent has nothing on', () => outstandingIn(agentState).length === 0).catch((error: Error) =>
      wrong.push(error.message),
    );
    agent.child.kill('SIGTERM');
    await agent.ended;
    await until('no worker is left', () => workers(state).length === 0, 10_000).catch((error: Error) =>
      wrong.push(error.message),
    );
    wrong.push(...differences(before, await specimen.snapshot()).map((line) => `${point.fault}: ${line}`));
    for (const [name, of] of Object.entries({ controller: state, agent: agentState })) {
      wrong.push(...outstandingIn(of).map((line) => `${name}: ${line}`));
      for (const run of runIds(of)) if (needsRecovery(of, run)) wrong.push(`${name}: ${run} still needs recovery`);
    }
    return { killed, open, wrong, folder };
  } finally {
    quietKill(agent.child.pid ?? 0);
    await agent.ended;
    await specimen.end();
  }
}

function throughAgent(step: FaultStep, url: string): FaultStep {
  const selector: JsonObject = { ...step.target.selector, agent: { url, lease: '2s' } };
  return { ...step, target: { platform: 'host', selector } };
}

function experiment(step: FaultStep): Experiment {
  return {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Experiment',
    metadata: { name: 'crash-test' },
    spec: {
      ...{ seed: 1, steadyStateHypothesis: [], guards: {}, stopWhen: [], rollbacks: [] },
      method: [step, { kind: 'pause', pause: 300 }],
    },
  };
}

interface Started {
  readonly child: ChildProcess;
  /** The signal that ended it, or null. */
  readonly ended: Promise<string | null>;
  errors(): string;
}

function start(program: string, task: Task | AgentTask): Started {
  const child = spawn(process.execPath, [program, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
  });
  let text = '';
  child.stderr?.on('data', (chunk) => {
    text += chunk;
  });
  const ended = new Promise<string | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  return { child, ended, errors: () => text };
}

async function startAgent(bench: Installation, task: AgentTask): Promise<Started> {
  const agent = start(bench.agent, task);
  const lines = createInterface({ input: agent.child.stdout as NodeJS.ReadableStream });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line === 'listening') resolve();
    });
    agent.ended.then(() => reject(new Error(`the agent did not start: ${agent.errors()}`)));
  });
  return agent;
}

const outstandingIn = (state: string): readonly string[] =>
  runIds(state).flatMap((run) =>
    outstanding(scanJournal(journalPath(state, run)).events).intents.map(
      ({ injection, fault }) => `${run} ${injection} ${fault} is outstanding`,
    ),
  );

const ours = (state: string) => processes((line, pid) => pid !== process.pid && line.includes(`${state} `));

/** Helpers that the agent has started: their tags contain the controller's run. */
const workers = (state: string) =>
  processes((_, pid) => {
    const tag = environment(pid).find((entry) => entry.startsWith('ZASHIKI_WORKER='));
    return tag !== undefined && runIds(state).some((run) => tag.includes(run));
  });

function quietKill(pid: number): void {
  try {
    if (pid > 0) process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

async function until(what: string, check: () => boolean, limit = 30_000): Promise<void> {
  const end = performance.now() + limit;
  while (!check()) {
    if (performance.now() > end) throw new Error(`waited ${limit} ms, but not so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
