import { systemClock } from '../core/clock.ts';
import { errorRecord, isError, ZashikiError } from '../core/errors.ts';
import type { Milliseconds } from '../core/model.ts';
import type { Catalogue, Clock } from '../core/ports.ts';
import { withLock } from '../journal/lock.ts';
import { openSharedState } from '../journal/shared-state.ts';
import { checkOwn, openState } from '../journal/state.ts';
import { openActivity } from './activity.ts';
import { createAgentApp } from './app.ts';
import { type AuthOptions, admit } from './auth.ts';
import { isOpen } from './held.ts';
import { leftovers, recoverLeft } from './leftovers.ts';
import { type ListenAddress, listenAgent } from './listen.ts';
import { openSessions } from './sessions.ts';
import { openTelemetry } from './telemetry.ts';
import { openWork } from './work.ts';

export interface AgentOptions {
  readonly state: string;
  readonly name: string;
  readonly version: string;
  readonly listen: readonly ListenAddress[];
  readonly tlsFolder?: string | undefined;
  readonly auth: AuthOptions;
  readonly catalogue: Catalogue;
  readonly clock?: Clock;
  readonly log: (line: string) => void;
  /** Told once all addresses are open. */
  readonly onListening?: (urls: readonly string[]) => void;
  /** It ends by itself when nothing is on and nobody has asked anything for so long. Default: never. */
  readonly idleMs?: Milliseconds | undefined;
  /** Aborted: everything is recovered, then it ends. */
  readonly signal: AbortSignal;
}

const tickMs: Milliseconds = 250;
/** Leftovers that could not be undone are tried again, after a pause that grows to this. */
const longestPause: Milliseconds = 60_000;
const renewMs: Milliseconds = 30_000;

/**
 * Run an agent until `signal` aborts: first it recovers what earlier lives left, then it listens. Returns what could not
 * be undone, one line each. One agent per state folder: throws `lock-busy` for a second one.
 */
export async function runAgent(options: AgentOptions): Promise<readonly string[]> {
  openState(options.state);
  checkOwn(options.state);
  try {
    return await withLock(options.state, 'agent', () => serve(options), { timeoutMs: 2000 });
  } catch (error) {
    if (!isError(error, 'lock-busy')) throw error;
    throw new ZashikiError('lock-busy', `an agent is running with the state folder ${options.state} already`, {
      hint: 'stop it, or give this one another --state',
      cause: error,
    });
  }
}

async function serve(options: AgentOptions): Promise<readonly string[]> {
  const { state, catalogue, clock = systemClock, name, version, log, idleMs } = options;
  const idle = new AbortController();
  const signal = AbortSignal.any([options.signal, idle.signal]);
  const activity = openActivity(clock);
  const shared = openSharedState(state, clock);
  const telemetry = openTelemetry();
  const sessions = openSessions({ state, clock, shared, name, version });
  const ports = { state, catalogue, clock, shared, sessions, telemetry, log };
  const work = openWork(ports);
  const own = (run: string) => sessions.all().some((session) => session.run === run);

  let left = 0;
  const sweep = async () => {
    for (const swept of await recoverLeft(ports, own)) {
      if (swept.did === 'recovered')
        log(`run ${swept.run}: recovered ${swept.recovery.recovered.join(', ') || 'nothing'}`);
      if (swept.did === 'failed') log(`run ${swept.run} could not be recovered: ${swept.error.message}`);
    }
    left = leftovers(state, own).length;
  };
  await sweep();

  const status = { work, name, version, owner: () => shared.owner, now: () => clock.mono() };
  const app = (unix: boolean) =>
    createAgentApp({
      ...status,
      telemetry,
      log,
      leftovers: () => (left === 0 ? [] : leftovers(state, own)),
      admit: (incoming) => admit(incoming, unix, options.auth),
      activity,
    }) as never;
  const listening = await Promise.all(options.listen.map((address) => listenAgent(address, app, options.tlsFolder)));
  options.onListening?.(listening.map(({ url }) => url));

  const renewing = setInterval(() => {
    for (const each of listening) attempt(() => each.renew(), log);
  }, renewMs);
  try {
    await Promise.all([ticking(), sweeping()]);
  } finally {
    clearInterval(renewing);
  }
  // First no more is taken, then all is undone.
  await Promise.all(listening.map((each) => each.close()));
  return work.stop();

  async function ticking(): Promise<void> {
    while (!signal.aborted) {
      try {
        await work.tick();
      } catch (error) {
        log(`a look at the leases failed: ${errorRecord(error).message}`);
      }
      const isNeeded =
        left > 0 || work.held().some(isOpen) || activity.idleFor() < (idleMs ?? Number.POSITIVE_INFINITY);
      if (!isNeeded) idle.abort(new Error('nobody needs this agent any more'));
      await clock.sleep(tickMs, signal).catch(() => {});
    }
  }

  async function sweeping(): Promise<void> {
    for (let pause = 1000; !signal.aborted; pause = Math.min(longestPause, pause * 2)) {
      await clock.sleep(pause, signal).catch(() => {});
      if (left > 0 && !signal.aborted) await sweep().catch((error: Error) => log(error.message));
    }
  }
}

function attempt(work: () => void, log: (line: string) => void): void {
  try {
    work();
  } catch (error) {
    log(`the certificates could not be read anew: ${errorRecord(error).message}`);
  }
}
