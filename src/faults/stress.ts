import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { CgroupCapability } from '../capabilities/cgroup.ts';
import { ZashikiError } from '../core/errors.ts';
import type { FaultContext } from '../core/ports.ts';
import { defineFault } from './fault.ts';
import { findProgram, workerProgram } from './parts/programs.ts';
import { formatBytes } from './parts/size.ts';
import { endLoad, loadIsGone } from './parts/stress.ts';
import { readStressors } from './parts/stressors.ts';
import { poll } from './parts/wait.ts';

/** Workers end themselves this long after the time by which recover should have ended them. */
const spare = 2000;

/**
 * Any load that stress-ng knows, beside the target and in its cgroup where possible. Where stress-ng is not installed,
 * our own workers take its place for CPU, memory and disk. Its files are in a folder of ours that recover removes.
 */
export default defineFault({
  id: 'stress',
  summary: "Load the target's cgroup in any way that stress-ng knows.",
  needs: ['cgroup'],
  params: z.strictObject({
    arguments: z
      .array(z.string().min(1))
      .min(1)
      .describe('Arguments of stress-ng, e.g. [--cpu, "4", --vm, "1", --vm-bytes, 100m]; no shell takes part.'),
  }),
  reversible: true,
  undoneBy: 'ending the workers and removing their files',
  // What it makes is its own: several may be on at a time.
  claims: () => [],
  async plan(_on, params) {
    const { args, timeout, workers } = readStressors(params.arguments);
    const program = findProgram('stress-ng');
    if (program) await rehearse(program, args);
    else if (!workers) {
      throw new ZashikiError('not-supported', `stress-ng is not installed, and only it knows ${args.join(' ')}`, {
        hint: 'install stress-ng; without it --cpu, --vm, --hdd and --io work',
      });
    }
    return { arguments: params.arguments, timeout };
  },
  async inject(on, _params, undo, context) {
    const { args, timeout, workers } = readStressors(undo.arguments);
    const limit = Math.min(timeout ?? Number.POSITIVE_INFINITY, context.ttl === null ? Infinity : context.ttl + spare);
    const ms = Number.isFinite(limit) ? limit : 0;
    const program = findProgram('stress-ng');
    const folder = filesOf(context);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const argvs = program
      ? [[program, '--keep-name', '--quiet', ...args, '--temp-path', folder, '--timeout', `${Math.ceil(ms / 1000)}s`]]
      : (workers ?? []).flatMap(({ name, args: own, count }) => {
          const at = name === 'io' ? ['--folder', folder] : [];
          const argv = workerProgram(name, [...own, ...at, '--ttl', String(ms)]);
          return Array.from({ length: count }, () => argv);
        });
    const running = await on.cgroup.find(context.tag);
    if (running.length >= argvs.length) return;
    if (running.length > 0) await on.cgroup.stop(context.tag);
    for (const argv of argvs) await on.cgroup.start({ argv, tag: context.tag });
  },
  async observe(on, _params, _undo, context) {
    const first = await on.cgroup.usage(context.tag);
    let now = first;
    const seen = await poll(
      5000,
      context,
      async () => {
        const alive = (await on.cgroup.find(context.tag)).length;
        if (alive === 0) return 'ended';
        now = await on.cgroup.usage(context.tag);
        const busy = now.cpuMs - first.cpuMs >= 50 || now.writtenBytes - first.writtenBytes >= 2 ** 20;
        return busy || now.rssBytes >= 2 ** 26 ? 'busy' : undefined;
      },
      100,
    );
    if (seen === 'ended') return { yes: false, detail: 'the workers ended at once' };
    const used = `${now.cpuMs - first.cpuMs} ms of CPU time used, ${formatBytes(now.rssBytes)} held`;
    return { yes: seen === 'busy', detail: `${(await on.cgroup.find(context.tag)).length} processes, ${used}` };
  },
  async recover(on, _undo, context) {
    await endLoad(on.cgroup, context);
    await rm(filesOf(context), { recursive: true, force: true });
  },
  async verify(on, _undo, context) {
    return await loadIsGone(on.cgroup as CgroupCapability, context);
  },
});

const filesOf = ({ keep }: FaultContext) => join(keep, 'stress');

/** stress-ng looks at its arguments and starts nothing. */
function rehearse(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // It does not start without a folder that it may write to, which the working folder is for root alone.
    execFile(
      program,
      ['--temp-path', tmpdir(), ...args, '--dry-run'],
      { cwd: '/', timeout: 10_000 },
      (error, stdout, stderr) => {
        if (!error) return resolve();
        const said = `${stdout}${stderr}`.split('\n').filter((line) => line && !/info:|--help/.test(line));
        reject(
          new ZashikiError(
            'document-invalid',
            `stress-ng does not take ${args.join(' ')}: ${said[0] ?? error.message}`,
            {
              hint: 'stress-ng --help lists its options',
            },
          ),
        );
      },
    );
  });
}
