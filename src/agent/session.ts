import { hostname } from 'node:os';
import { isError } from '../core/errors.ts';
import { planHash } from '../core/plan.ts';
import type { Clock, SafetyNet, SharedState } from '../core/ports.ts';
import { ownIdentity } from '../journal/identity.ts';
import { createJournal, type FileJournal } from '../journal/journal.ts';
import { showLife } from '../journal/life.ts';
import { openSafetyNet, reaperPath } from '../journal/safety-net.ts';
import { runFolder } from '../journal/state.ts';

/** How the journals of an agent are known from those of other commands. */
export const agentReplay = 'zashiki agent';

/**
 * A run of the agent's own: one journal and one reaper for all that it has on. `gate`: nobody else, such as the reaper,
 * changes anything of this run meanwhile; several of ours may.
 */
export interface Session {
  readonly run: string;
  readonly journal: FileJournal;
  readonly safety: SafetyNet;
  gate<T>(work: () => Promise<T>): Promise<T>;
  /** Write down the end, and let the reaper go. `left`: what could not be undone, one line each. */
  close(left: readonly string[]): Promise<void>;
  /** Another process has taken the run over: let go of it. */
  leave(): void;
}

export interface SessionOptions {
  readonly state: string;
  readonly run: string;
  readonly clock: Clock;
  readonly shared: SharedState;
  readonly name: string;
  readonly version: string;
}

/** Begin a session. Throws `state-unwritable` or `reaper-failed`, and then there is none. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { state, run, clock, shared, name, version } = options;
  const author = { role: 'daemon', user: 'agent' } as const;
  const journal = createJournal({ state, run, clock });
  const endLife = showLife(runFolder(state, run));
  const safety = openSafetyNet({ state, run, journal, clock, reaperPath: reaperPath() });
  const spec = { steadyStateHypothesis: [], method: [], rollbacks: [], guards: {}, stopWhen: [] };
  const experiment = {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Experiment',
    metadata: { name: `agent ${name}` },
    spec,
  } as const;
  const unsealed = { apiVersion: 'zashiki.dev/v1', kind: 'Plan', experiment, seed: 0, steps: [] } as const;
  const plan = { ...unsealed, hash: planHash(unsealed) };
  const about = { host: hostname(), version, replay: agentReplay, sealed: false, dryRun: false };
  const close = (outcome: 'held' | 'skipped' | 'rollback-incomplete', reasons: readonly string[]) => {
    journal.append({ type: 'run-finished', outcome, unverified: true, reasons, author }, { durable: true });
  };
  const end = () => {
    endLife();
    journal.close();
  };
  try {
    journal.append({ type: 'run-started', run, plan, runner: ownIdentity(), author, ...about }, { durable: true });
    await safety.start();
  } catch (error) {
    try {
      close('skipped', ['the session could not begin; nothing had been injected']);
    } catch {
      // It is recovered, with nothing to do, by the next start.
    }
    end();
    throw error;
  }
  const gate = joined(shared, run);
  return {
    run,
    journal,
    safety,
    gate,
    async close(left) {
      try {
        await gate(async () => {
          if (!journal.overtaken()) close(left.length === 0 ? 'held' : 'rollback-incomplete', left);
        });
        await safety.finish();
      } catch (error) {
        if (!isError(error)) throw error;
        safety.abandon();
      } finally {
        end();
      }
    },
    leave() {
      safety.abandon();
      end();
    },
  };
}

/** The lock of a run, held while any of us is at work: the first takes it, the last gives it back. */
function joined(shared: SharedState, run: string): Session['gate'] {
  let users = 0;
  let held: Promise<void> | undefined;
  let release = () => {};
  return async (work) => {
    users++;
    try {
      held ??= new Promise<void>((taken, failed) => {
        const done = new Promise<void>((resolve) => {
          release = resolve;
        });
        shared
          .exclusiveRun(run, async () => {
            taken();
            await done;
          })
          .catch(failed);
      });
      await held;
      return await work();
    } finally {
      users--;
      if (users === 0) {
        held = undefined;
        release();
      }
    }
  };
}
