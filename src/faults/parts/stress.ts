import { tmpdir } from 'node:os';
import type { CgroupCapability } from '../../capabilities/cgroup.ts';
import type { Milliseconds } from '../../core/model.ts';
import type { FaultContext, Sighting } from '../../core/ports.ts';
import { findProgram, workerProgram } from './programs.ts';

/** A load in both forms: stress-ng's arguments, null where it cannot; those of our own worker, one process each. */
export interface Load {
  readonly stressNg: readonly string[] | null;
  readonly worker: { readonly name: string; readonly args: readonly string[]; readonly count: number };
}

/** Helpers end themselves this long after the time by which recover should have ended them. */
const spare: Milliseconds = 2000;

/**
 * Start the load beside the target, once: what already runs under this tag is left if it is complete. stress-ng when
 * it is in PATH (0.15 or later), else our own workers. Without a ttl it runs until recover ends it.
 */
export async function startLoad(cgroup: CgroupCapability, load: Load, context: FaultContext): Promise<void> {
  const { tag, ttl } = context;
  const program = load.stressNg && findProgram('stress-ng');
  const argvs = program ? [stressNg(program, load.stressNg, ttl)] : ownWorkers(load, ttl);
  const running = await cgroup.find(tag);
  if (running.length >= argvs.length) return;
  if (running.length > 0) await cgroup.stop(tag);
  for (const argv of argvs) await cgroup.start({ argv, tag });
}

function stressNg(program: string, args: readonly string[], ttl: Milliseconds | null): readonly string[] {
  const seconds = ttl === null ? 0 : Math.ceil((ttl + spare) / 1000);
  // --keep-name: it would write its title over the environment, and with it over the tag. --temp-path: it does not
  // start without a folder that it may write to, which the working folder (/) is for root alone. The last one counts.
  const common = ['--keep-name', '--quiet', '--temp-path', tmpdir()];
  return [program, ...common, ...args, '--timeout', `${seconds}s`];
}

function ownWorkers({ worker }: Load, ttl: Milliseconds | null): readonly (readonly string[])[] {
  const args = [...worker.args, '--ttl', String(ttl === null ? 0 : ttl + spare)];
  return Array.from({ length: worker.count }, () => workerProgram(worker.name, args));
}

/**
 * End all of this tag. Where none is found, one may be on its way: its starter can have been killed between making the
 * process and giving it its environment. So we look once more.
 */
export async function endLoad(cgroup: CgroupCapability, { tag, clock, signal }: FaultContext): Promise<void> {
  if ((await cgroup.find(tag)).length === 0) await clock.sleep(50, signal);
  await cgroup.stop(tag);
}

/** Whether all of this tag have ended. */
export async function loadIsGone(cgroup: CgroupCapability, { tag }: FaultContext): Promise<Sighting> {
  const left = await cgroup.find(tag);
  if (left.length === 0) return { yes: true, detail: 'no worker is left' };
  return { yes: false, detail: `${left.length} workers still run: ${left.join(', ')}` };
}
