import { errorRecord } from '../core/errors.ts';
import type { Author } from '../core/events.ts';
import { outstanding } from '../journal/outstanding.ts';
import { recoverAll, recoverRun, type Swept } from '../journal/recover.ts';
import { needsRecovery, runIds } from '../journal/runs.ts';
import { scanJournal } from '../journal/scan.ts';
import { journalPath } from '../journal/state.ts';
import { agentReplay } from './session.ts';
import type { UndoingPorts } from './undoing.ts';

/** A fault that an earlier life left, and that could not be undone yet. */
export interface Leftover {
  readonly fault: string;
  readonly line: string;
}

/**
 * Recover what earlier lives left behind. Agents' own sessions in any case: we hold the lock of this folder's agent, so
 * that none of them lives, though its machine may have had another name; runs of other commands when they are dead.
 */
export async function recoverLeft(ports: UndoingPorts, own: (run: string) => boolean): Promise<readonly Swept[]> {
  const { state, catalogue, clock } = ports;
  const { signal } = new AbortController();
  const author: Author = { role: 'startup', user: 'agent' };
  const swept: Swept[] = [];
  for (const run of runIds(state)) {
    try {
      if (own(run) || !needsRecovery(state, run) || !isAgents(state, run)) continue;
      swept.push({
        run,
        did: 'recovered',
        recovery: await recoverRun({ state, run, catalogue, author, clock, signal }),
      });
    } catch (error) {
      swept.push({ run, did: 'failed', error: errorRecord(error) });
    }
  }
  const others = await recoverAll({ state, catalogue, author, clock, signal });
  return [...swept, ...others.filter(({ run }) => !own(run) && !swept.some((one) => one.run === run))];
}

/** What is outstanding in sessions that are not `own`. */
export function leftovers(state: string, own: (run: string) => boolean): readonly Leftover[] {
  return runIds(state)
    .filter((run) => !own(run) && needsRecovery(state, run) && isAgents(state, run))
    .flatMap((run) =>
      outstanding(scanJournal(journalPath(state, run)).events).intents.map(({ injection, fault, target }) => ({
        fault,
        line: `${run}: ${injection} ${fault} on ${target.name} (${target.id})`,
      })),
    );
}

const isAgents = (state: string, run: string): boolean =>
  outstanding(scanJournal(journalPath(state, run)).events).started?.replay === agentReplay;
