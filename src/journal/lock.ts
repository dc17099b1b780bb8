import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { ZashikiError } from '../core/errors.ts';
import type { ProcessIdentity } from '../core/events.ts';
import type { Milliseconds } from '../core/model.ts';
import type { Clock } from '../core/ports.ts';
import { ownIdentity, placeId, sameBoot, sameProcess } from './identity.ts';
import { showLife, showsLife } from './life.ts';
import { unwritable } from './state.ts';

/*
 * A lock is a row of symbolic links NAME.lock.1, NAME.lock.2, … whose text is the owner, or `free`. The highest one
 * counts. symlink(2) makes a link with its whole text or not at all, refuses a name that exists, and needs no free
 * block on disk: the lock still works when our own fault has filled the disk. Taking and freeing both add the next
 * number; the highest is never removed, so that nobody can make a number twice unnoticed.
 *
 * Whether an owner lives is seen by its pid. In another container of this machine that shares the folder, that pid means
 * another process, or none: there its sign of life tells, a socket NAME.life.TOKEN that ends with it. Where no sockets
 * can be made, containers do not see each other's locks.
 */

export interface LockOptions {
  /** Give up with `lock-busy` when one holder keeps it for this long. Default 10 s. */
  readonly timeoutMs?: Milliseconds;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

const free = 'free';
/** Old numbers are kept for a while: whoever made one late still sees a higher one next to it. */
const keptBehind = 8;

/**
 * Run `work` while no other process (and no other caller in this one) holds the lock. A holder that has died is
 * followed at once. Throws `lock-busy` naming the holder, `state-unwritable` when the folder cannot be written.
 */
export async function withLock<T>(
  folder: string,
  name: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const { generation, endLife } = await take(folder, name, options);
  try {
    return await work();
  } finally {
    release(folder, name, generation);
    endLife();
  }
}

/** The process that holds the lock now, or null when it has died; one of another container may have. */
export function lockHolder(folder: string, name: string): ProcessIdentity | null {
  const { owner } = highest(folder, name);
  return owner && (isFar(owner) || sameProcess(owner)) ? owner : null;
}

interface Owner extends ProcessIdentity {
  /** Where its pid means something, shortened; absent in locks of earlier versions. */
  readonly where?: string;
  /** What its sign of life is named after; empty: it shows none. */
  readonly token?: string;
}

interface Held {
  readonly owner: Owner;
  readonly generation: number;
}

interface Taken {
  readonly generation: number;
  readonly endLife: () => void;
}

const lifeOf = (name: string, token: string) => `${name}.life.${token}`;

/** This machine and pid namespace, shortened. */
const here = (): string => createHash('sha256').update(placeId()).digest('hex').slice(0, 6);

/** It lives, or lived, under this kernel, but its pid means nothing here. */
const isFar = (owner: Owner): boolean => owner.where !== undefined && owner.where !== here() && sameBoot(owner);

async function lives(folder: string, name: string, owner: Owner): Promise<boolean> {
  if (!isFar(owner)) return sameProcess(owner);
  if (!owner.token) return false;
  const life = lifeOf(name, owner.token);
  // Without a socket it has let go of it already.
  return (await showsLife(folder, life)) ?? existsSync(join(folder, life));
}

async function take(folder: string, name: string, options: LockOptions): Promise<Taken> {
  const { timeoutMs = 10_000, signal, clock = systemClock } = options;
  let since = { generation: 0, at: clock.mono() };
  for (let wait = 2; ; wait = Math.min(50, wait * 2)) {
    signal?.throwIfAborted();
    const got = await attempt(folder, name);
    if (got && 'endLife' in got) return got;
    // While it goes from hand to hand, nobody keeps it: many faults begin in turn, and all get theirs.
    if (got && got.generation !== since.generation) since = { generation: got.generation, at: clock.mono() };
    if (got && clock.mono() - since.at >= timeoutMs) throw busy(folder, name, got.owner, timeoutMs);
    await clock.sleep(got ? Math.random() * wait + 1 : 0, signal);
  }
}

/** What was taken, the living holder and its number, or null: somebody was quicker, try again. */
async function attempt(folder: string, name: string): Promise<Taken | Held | null> {
  let endLife = () => {};
  try {
    const { owner, generation } = highest(folder, name);
    if (owner && (await lives(folder, name, owner))) return { owner, generation };
    const mine = generation + 1;
    const token = randomBytes(3).toString('hex');
    // Shown before anybody can read that the lock is ours.
    endLife = showLife(folder, lifeOf(name, token));
    const seen = existsSync(join(folder, lifeOf(name, token)));
    const all = linked(encode(ownIdentity(), seen ? token : ''), link(folder, name, mine))
      ? generations(folder, name)
      : undefined;
    if (!all || Math.max(...all) > mine) {
      if (all) drop(link(folder, name, mine));
      endLife();
      return null;
    }
    if (owner?.token) drop(join(folder, lifeOf(name, owner.token)));
    for (const old of all) if (old < mine - keptBehind) drop(link(folder, name, old));
    return { generation: mine, endLife };
  } catch (error) {
    endLife();
    throw unwritable(error, folder, 'a lock in');
  }
}

function release(folder: string, name: string, generation: number): void {
  try {
    linked(free, link(folder, name, generation + 1));
  } catch {
    // No inode is left, or the folder went read-only. Better a number used twice than a lock held for good.
    drop(link(folder, name, generation));
  }
}

function highest(folder: string, name: string): { generation: number; owner: Owner | null } {
  for (;;) {
    const generation = Math.max(0, ...generations(folder, name));
    if (generation === 0) return { generation, owner: null };
    try {
      return { generation, owner: decode(readlinkSync(link(folder, name, generation))) };
    } catch (error) {
      // It was removed as an old one meanwhile: there is a higher one now.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function generations(folder: string, name: string): readonly number[] {
  const prefix = `${name}.lock.`;
  return readdirSync(folder)
    .filter((entry) => entry.startsWith(prefix))
    .map((entry) => Number(entry.slice(prefix.length)))
    .filter(Number.isSafeInteger);
}

const link = (folder: string, name: string, generation: number) => join(folder, `${name}.lock.${generation}`);

function linked(text: string, path: string): boolean {
  try {
    symlinkSync(text, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function drop(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Another one removed it, or nobody can.
  }
}

/** At most 59 characters, so that file systems store it in the inode. */
function encode({ pid, startTime, bootId }: ProcessIdentity, token: string): string {
  const boot = Buffer.from(bootId.replaceAll('-', ''), 'hex').toString('base64url');
  return [pid, startTime, boot, here(), token].join(':');
}

/** Earlier versions wrote three parts, the boot in hexadecimal digits. */
function decode(text: string): Owner | null {
  const [, pid, startTime = '', boot = '', where, token = ''] =
    /^(\d+):(\d*):([\w-]*)(?::([0-9a-f]{6}):([0-9a-f]*))?$/.exec(text) ?? [];
  if (pid === undefined) return null;
  if (where === undefined) return { pid: Number(pid), startTime, bootId: boot };
  return { pid: Number(pid), startTime, bootId: Buffer.from(boot, 'base64url').toString('hex'), where, token };
}

function busy(folder: string, name: string, holder: Owner, waited: Milliseconds): ZashikiError {
  const far = isFar(holder);
  const who = `process ${holder.pid}${far ? ' of another container' : ''}`;
  return new ZashikiError('lock-busy', `${who} has held the lock "${name}" in ${folder} for more than ${waited} ms`, {
    hint: `wait for it to finish, or look at it ${far ? 'there ' : ''}with: ps -fp ${holder.pid}`,
  });
}
