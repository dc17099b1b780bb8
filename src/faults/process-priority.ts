import { z } from 'zod';
import type { PriorityCapability, ThreadPriority } from '../capabilities/priority.ts';
import { ZashikiError } from '../core/errors.ts';
import { defineFault } from './fault.ts';

const ioClasses = ['realtime', 'best-effort', 'idle'] as const;

type Wanted = {
  readonly nice: number | null;
  readonly ioClass: (typeof ioClasses)[number] | null;
  readonly ioLevel: number | null;
};

/** The priority that a thread has while the fault is on. */
function changed(thread: ThreadPriority, wanted: Wanted): ThreadPriority {
  const ioClass = wanted.ioClass ?? thread.ioClass;
  // The idle class knows no levels: the kernel keeps the number but reads back 0 or what was given.
  const level = ioClass === 'idle' ? 0 : wanted.ioClass ? (wanted.ioLevel ?? 4) : thread.ioLevel;
  return { tid: thread.tid, nice: wanted.nice ?? thread.nice, ioClass, ioLevel: level };
}

const sameNice = (a: ThreadPriority, b: ThreadPriority) => a.nice === b.nice;
const sameIo = (a: ThreadPriority, b: ThreadPriority) =>
  a.ioClass === b.ioClass && (a.ioLevel === b.ioLevel || a.ioClass === 'idle' || a.ioClass === 'none');
const same = (a: ThreadPriority, b: ThreadPriority) => sameNice(a, b) && sameIo(a, b);

/**
 * What each thread must be given back. A thread that came later has inherited our values and gets those of the main
 * thread; one that somebody else has changed since is left as it is.
 */
function restored(
  now: readonly ThreadPriority[],
  threads: readonly ThreadPriority[],
  wanted: Wanted,
): readonly ThreadPriority[] {
  const main = threads[0];
  if (!main) return [];
  return now.flatMap((thread) => {
    const saved = threads.find(({ tid }) => tid === thread.tid) ?? { ...main, tid: thread.tid };
    const ours = changed(saved, wanted);
    const nice = sameNice(thread, ours) ? saved.nice : thread.nice;
    const io = sameIo(thread, ours) ? saved : thread;
    const next = { tid: thread.tid, nice, ioClass: io.ioClass, ioLevel: io.ioLevel };
    return same(next, thread) ? [] : [next];
  });
}

/** Write what is off until nothing is: a thread that starts meanwhile has its maker's former values. */
async function settle(
  priority: PriorityCapability,
  off: (now: readonly ThreadPriority[]) => readonly ThreadPriority[],
): Promise<void> {
  for (let rounds = 0; rounds < 5; rounds++) {
    const next = off(await priority.read());
    if (next.length === 0) return;
    await priority.write(next);
  }
}

/** Changes the CPU priority (nice) and the I/O priority of every thread of a process. */
export default defineFault({
  id: 'process-priority',
  summary: 'Change CPU (nice) and I/O priority of all threads of the process.',
  needs: ['priority'],
  params: z
    .strictObject({
      nice: z
        .int()
        .min(-20)
        .max(19)
        .optional()
        .describe(
          'CPU priority, -20 (first) to 19 (last). Default: not changed. Below the present one needs CAP_SYS_NICE.',
        ),
      ioClass: z
        .enum(ioClasses)
        .optional()
        .describe('I/O scheduling class: realtime, best-effort or idle. Default: not changed.'),
      ioLevel: z.int().min(0).max(7).optional().describe('Level in the I/O class, 0 (first) to 7 (last). Default 4.'),
    })
    .refine((given) => given.nice !== undefined || given.ioClass !== undefined, {
      message: 'says nothing to change: give nice, ioClass or both',
    })
    .refine((given) => given.ioLevel === undefined || given.ioClass !== undefined, {
      message: 'ioLevel needs an ioClass: add ioClass: best-effort',
      path: ['ioLevel'],
    }),
  reversible: true,
  undoneBy: 'giving every thread its former priority; children started meanwhile inherit the fault and keep it',
  async plan(on, params) {
    const threads = await on.priority.read();
    const wanted: Wanted = {
      nice: params.nice ?? null,
      ioClass: params.ioClass ?? null,
      ioLevel: params.ioLevel ?? null,
    };
    const raised = threads.filter(({ nice }) => wanted.nice !== null && nice < wanted.nice);
    const lowest = Math.min(...raised.map(({ nice }) => nice));
    const missing = raised.length > 0 ? await on.priority.cannotRestore(lowest) : null;
    if (missing !== null) {
      throw new ZashikiError('permission-missing', `nice ${wanted.nice} could not be undone: ${missing}`, {
        hint: 'run with CAP_SYS_NICE, or change only ioClass',
      });
    }
    return { threads, wanted };
  },
  async inject(on, _params, undo) {
    await settle(on.priority, (now) =>
      now.flatMap((thread) => {
        const next = changed(thread, undo.wanted);
        return same(next, thread) ? [] : [next];
      }),
    );
  },
  async observe(on, _params, undo) {
    const now = await on.priority.read();
    const off = now.filter((thread) => !same(thread, changed(thread, undo.wanted)));
    const main = now[0];
    const detail = `${now.length - off.length} of ${count(now.length)} at ${main ? describe(main) : 'nothing'}`;
    return { yes: now.length > 0 && off.length === 0, detail };
  },
  async recover(on, undo) {
    await settle(on.priority, (now) => restored(now, undo.threads, undo.wanted));
  },
  async verify(on, undo) {
    const now = await on.priority.read();
    const left = restored(now, undo.threads, undo.wanted);
    if (left.length > 0) return { yes: false, detail: `${left.length} of ${count(now.length)} still at our priority` };
    const foreign = now.filter((thread) => !same(thread, undo.threads.find(({ tid }) => tid === thread.tid) ?? thread));
    const note = foreign.length > 0 ? `; ${foreign.length} were changed by somebody else meanwhile and left so` : '';
    return { yes: true, detail: `priority of ${count(now.length)} as before${note}` };
  },
});

const count = (threads: number) => (threads === 1 ? '1 thread' : `${threads} threads`);

const describe = (thread: ThreadPriority) => `nice ${thread.nice}, I/O ${thread.ioClass} ${thread.ioLevel}`;
