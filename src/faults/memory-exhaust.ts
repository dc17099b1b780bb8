import { freemem } from 'node:os';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { BoundsCapability, CgroupId, MemoryBound, MemoryUse } from '../capabilities/bounds.ts';
import { isError, ZashikiError } from '../core/errors.ts';
import { Bytes, DurationOr } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { dropNote, readNote } from './parts/notes.ts';
import { isCapable } from './parts/privilege.ts';
import { workerProgram } from './parts/programs.ts';
import { formatBytes } from './parts/size.ts';
import { endLoad, loadIsGone } from './parts/stress.ts';
import { poll } from './parts/wait.ts';

/** oom_score_adj of who is taken before, and after, all others. */
const [first, last] = [1000, -999];
/** About what our worker, a Node program, weighs in the eyes of the OOM killer. */
const worker = 64 * 2 ** 20;
const spare = 2000;

/**
 * Takes memory in the target's own cgroup until the kernel's OOM killer acts there, once, and then lets go. Who is
 * killed is said by oom_score_adj: the worker's own, or that of the target's main process, which is set back (also for
 * children that it has started meanwhile). Never without a bound: the machine itself must not run out.
 */
export default defineFault({
  id: 'memory-exhaust',
  summary: 'Take memory in the target’s cgroup until the OOM killer ends it, or the worker.',
  needs: ['bounds', 'cgroup'],
  params: z.strictObject({
    victim: z
      .enum(['target', 'worker'])
      .default('target')
      .describe('Who the OOM killer ends: the main process of the target, or our worker. Default target.'),
    limit: Bytes.optional().describe(
      'Bound its memory to this (and swap to nothing) while the fault is on. Default: the bound that it has.',
    ),
    within: DurationOr('30s').describe('How long to wait for the OOM killer. Default 30s.'),
  }),
  reversible: true,
  undoneBy: 'ending the worker, setting bound and OOM scores back; what the OOM killer has ended stays ended',
  async plan(on, { victim, limit }) {
    const cgroup = await on.bounds.locate('memory');
    const now = await on.bounds.memory(cgroup);
    const bound = boundFor(now, limit);
    if (victim === 'target') requireAim(bound);
    const members = await on.bounds.members(cgroup);
    const scores = members.map(({ pid, startTime, score, main }) => ({ pid, startTime, score, main }));
    return { cgroup, victim, was: plain(now), bound, set: limit !== undefined, scores, kills: now.kills };
  },
  async inject(on, _params, undo, context) {
    const { cgroup, bound, victim, scores, kills } = undo;
    if (undo.set && !same(await on.bounds.memory(cgroup), bound)) await on.bounds.setMemory(cgroup, bound);
    if (victim === 'target') {
      const main = scores.filter((member) => member.main).map((member) => ({ ...member, score: first }));
      if (main.length > 0) await on.bounds.setScores(main);
    }
    if ((await on.cgroup.find(context.tag)).length > 0) return;
    const now = await on.bounds.memory(cgroup);
    if (now.kills > kills) return;
    await dropNote(context, 'killed');
    const whole = bound.max + Math.max(0, bound.swap ?? 0);
    const score = victim === 'worker' ? first : last;
    const argv = workerProgram('exhaust', [
      ...['--below', basename(cgroup.folder), '--events', now.events],
      ...['--above', String(kills), '--size', String(whole + 64 * 2 ** 20), '--room', String(whole - now.used)],
      ...['--score', String(score)],
      ...['--tell', join(context.keep, 'killed.json')],
      ...['--ttl', String(context.ttl === null ? 0 : context.ttl + spare)],
    ]);
    const { inside } = await on.cgroup.start({ argv, tag: context.tag });
    if (inside) return;
    await on.cgroup.stop(context.tag);
    throw new ZashikiError('inject-failed', 'the worker could not be moved into the cgroup of the target');
  },
  async observe(on, { within }, { cgroup, victim, scores, kills }, context) {
    const seen = await poll(within, context, async () => {
      const now = await unlessGone(() => on.bounds.memory(cgroup));
      // With its last process a container's cgroup goes, and its counter: before that, the worker has told.
      if ((await readNote(context, 'killed')) !== undefined) return 'killed';
      if (now === undefined) return 'gone';
      return now.kills > kills ? 'killed' : undefined;
    });
    if (seen === undefined) return { yes: false, detail: 'the OOM killer did not act' };
    if (seen === 'gone')
      return { yes: false, detail: 'the target ended, and nothing shows that it was by the OOM killer' };
    const victimEnded = async () => {
      if (victim === 'worker') return (await on.cgroup.find(context.tag)).length === 0;
      const members = (await unlessGone(() => on.bounds.members(cgroup))) ?? [];
      const main = scores.find((member) => member.main);
      return !members.some(({ pid, startTime }) => pid === main?.pid && startTime === main.startTime);
    };
    const ended = await poll(2000, context, async () => ((await victimEnded()) ? true : undefined));
    const who = victim === 'worker' ? 'the worker' : 'the main process';
    return {
      yes: ended === true,
      detail: ended ? `the OOM killer ended ${who}` : `the OOM killer acted, but ${who} lives`,
    };
  },
  async recover(on, undo, context) {
    await endLoad(on.cgroup, context);
    // A cgroup that is gone has taken its bound and its processes along.
    await unlessGone(async () => {
      if (undo.set && same(await on.bounds.memory(undo.cgroup), undo.bound)) {
        await on.bounds.setMemory(undo.cgroup, undo.was);
      }
      if (undo.victim === 'target') await on.bounds.setScores(await raised(on.bounds, undo));
    });
  },
  async verify(on, undo, context) {
    const gone = await loadIsGone(on.cgroup, context);
    if (!gone.yes) return gone;
    const seen = await unlessGone(async () => {
      const now = await on.bounds.memory(undo.cgroup);
      if (undo.set && !same(undo.bound, undo.was) && same(now, undo.bound)) {
        return { yes: false, detail: `its memory is still bound to ${formatBytes(now.max)}` };
      }
      const left = undo.victim === 'target' ? await raised(on.bounds, undo) : [];
      if (left.length > 0) {
        return { yes: false, detail: `oom_score_adj is still ${first} for ${left.map(({ pid }) => pid).join(', ')}` };
      }
      return { yes: true, detail: `${gone.detail}; bound and scores are as before` };
    });
    return seen ?? { yes: true, detail: `${gone.detail}; the cgroup of the target is gone` };
  },
  claims({ cgroup }) {
    return [`memory of ${cgroup.folder}`];
  },
});

interface Raised {
  readonly cgroup: CgroupId;
  readonly scores: readonly {
    readonly pid: number;
    readonly startTime: string;
    readonly score: number;
    readonly main: boolean;
  }[];
}

/** Processes that still have our score, each with the one that it is to have: its own, or that of the main process. */
async function raised(bounds: BoundsCapability, { cgroup, scores }: Raised) {
  const main = scores.find((member) => member.main);
  return (await bounds.members(cgroup)).flatMap(({ pid, startTime, score }) => {
    const known = scores.find((member) => member.pid === pid && member.startTime === startTime);
    const wanted = known?.score ?? main?.score ?? 0;
    return score === first && wanted !== first ? [{ pid, startTime, score: wanted }] : [];
  });
}

function boundFor(now: MemoryUse, limit: number | undefined): MemoryBound {
  if (!now.killer) {
    throw new ZashikiError('not-supported', 'the OOM killer is turned off for the target: its processes would hang', {
      hint: 'run it without --oom-kill-disable',
    });
  }
  const bound = limit === undefined ? plain(now) : { max: limit, swap: now.swap === null ? null : 0 };
  if (bound.max === -1 || bound.swap === -1) {
    throw new ZashikiError('refused', `the target has no bound of ${bound.max === -1 ? 'memory' : 'swap'}`, {
      hint: 'give a limit: without one the whole machine would run out of memory',
    });
  }
  if (bound.max <= now.used) {
    throw new ZashikiError(
      'not-supported',
      `a limit of ${formatBytes(bound.max)} is less than the ${formatBytes(now.used)} that the target holds already`,
      { hint: 'give a larger limit' },
    );
  }
  if (bound.max - now.used > freemem()) {
    throw new ZashikiError('refused', `${formatBytes(bound.max)} is more than the machine has to spare`, {
      hint: 'give a smaller limit: else the kernel would end processes that nobody chose',
    });
  }
  return bound;
}

/** The main process gets the whole bound as a handicap: only a target smaller than our worker could be missed. */
function requireAim({ max }: MemoryBound): void {
  if (max > worker || isCapable('CAP_SYS_RESOURCE')) return;
  throw new ZashikiError(
    'permission-missing',
    `in a cgroup of ${formatBytes(max)} the OOM killer would take our worker for larger than the target`,
    { hint: `run with CAP_SYS_RESOURCE, give a limit above ${formatBytes(worker)}, or victim: worker` },
  );
}

const plain = ({ max, swap }: MemoryBound): MemoryBound => ({ max, swap });
const same = (a: MemoryBound, b: MemoryBound) => a.max === b.max && a.swap === b.swap;

async function unlessGone<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isError(error, 'target-gone')) return undefined;
    throw error;
  }
}
