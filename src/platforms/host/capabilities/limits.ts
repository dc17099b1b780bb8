import type { LimitName, LimitsCapability } from '../../../capabilities/limits.ts';
import { ZashikiError } from '../../../core/errors.ts';
import type { TargetRef } from '../../../core/model.ts';
import { denied, missing, refusal } from '../errors.ts';
import { gone, livingStat, pinned } from '../identity.ts';
import type { ProcFs } from '../proc.ts';
import { runTool } from '../tool.ts';

/** The kernel's own words in /proc/PID/limits. */
const kernelNames: Readonly<Record<LimitName, string>> = {
  nofile: 'Max open files',
  nproc: 'Max processes',
  as: 'Max address space',
  fsize: 'Max file size',
};

/**
 * Limits of a process: read from /proc, changed by util-linux's `prlimit`, the soft value alone. It acts by pid: the
 * check comes right before and after, and between them stay the milliseconds that it takes to start, in which the
 * process would have to end and all other pids be used up.
 */
export function limitsCapability(target: TargetRef, proc: ProcFs): LimitsCapability {
  const identity = pinned(target);
  const alive = () => {
    if (!livingStat(proc, identity)) throw gone(target);
  };
  const descriptors = () => {
    alive();
    try {
      return proc.numbers(identity.pid, 'fd');
    } catch (error) {
      throw refusal(error, target, 'list the open files', 'CAP_SYS_PTRACE');
    }
  };
  return {
    async read(name) {
      alive();
      try {
        const limit = proc.limits(identity.pid)[kernelNames[name]];
        if (limit) return limit;
      } catch (error) {
        throw refusal(error, target, 'read the limits', 'CAP_SYS_PTRACE');
      }
      throw new ZashikiError('not-supported', `this kernel does not tell the limit "${kernelNames[name]}"`);
    },
    async setSoft(name, soft) {
      alive();
      const value = soft === -1 ? 'unlimited' : String(soft);
      const result = await runTool('prlimit', ['--pid', String(identity.pid), `--${name}=${value}:`]);
      if (!result) throw missing('prlimit', 'util-linux', 'changing a limit of a running process');
      // What ended meanwhile was not changed for sure, whatever prlimit says.
      alive();
      if (result.code === 0) return;
      if (/not permitted|denied/i.test(result.stderr)) {
        throw denied(target, `set the ${name} limit`, 'CAP_SYS_RESOURCE', result.stderr);
      }
      const message = `prlimit could not set the soft ${name} limit of ${target.id} to ${value}: ${result.stderr.trim()}`;
      throw new ZashikiError('inject-failed', message, { hint: 'a soft limit cannot be above the hard one' });
    },
    openFiles: async () => descriptors().length,
    descriptors: async () => descriptors(),
  };
}
