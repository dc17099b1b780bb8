import { type ErrorCode, isError, ZashikiError } from '../core/errors.ts';
import type { Author, ErrorRecord, Intent } from '../core/events.ts';
import type { Catalogue, Clock, SharedState } from '../core/ports.ts';
import { quietNote, type UndoOptions, undoInjection } from '../core/run/undo.ts';
import { outstanding } from '../journal/outstanding.ts';
import { recoverRun } from '../journal/recover.ts';
import { hasRun } from '../journal/runs.ts';
import { scanJournal } from '../journal/scan.ts';
import { copiesOf, journalPath, keepPath } from '../journal/state.ts';
import type { InjectionName } from '../remote/index.ts';
import { agentReplay, type Session } from './session.ts';

export interface UndoingPorts {
  readonly state: string;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly shared: SharedState;
}

/** How an injection of this agent came off. */
export interface Undone {
  readonly clean: boolean;
  readonly detail: string;
}

/** Undo what a session has on. Throws what keeps it on. */
export async function undoHeld(intent: Intent, session: Session, user: string, ports: UndoingPorts): Promise<Undone> {
  const { state, catalogue } = ports;
  const options = undoOptions(session.run, user, ports, copiesOf(state, session.run));
  const undoing = () => undoInjection(intent, catalogue, options, quietNote(session.journal));
  // Without a state folder there is no lock, for nobody; the way back is in our memory, perhaps only there.
  const outcome = await session.gate(undoing).catch((error: unknown) => {
    if (!isError(error, 'state-unwritable')) throw error;
    return undoing();
  });
  return told(outcome);
}

/**
 * Undo an injection that is no session's: of an earlier life of this agent, as its journal has it; and when there is no
 * journal of it, because the disk was lost, from what the client still knows.
 */
export async function undoForgotten(
  intent: Intent,
  name: InjectionName,
  user: string,
  ports: UndoingPorts,
): Promise<Undone> {
  const { state, catalogue, clock } = ports;
  const known = remembered(state, name);
  if (known === 'off') return { clean: true, detail: 'it was recovered before' };
  if (known === 'on') {
    const { signal } = new AbortController();
    const author: Author = { role: 'daemon', user };
    const { failed } = await recoverRun({ state, run: name.run, catalogue, clock, signal, author });
    const mine = failed.find(({ injection }) => injection === name.injection);
    if (mine) throw asError(mine.error);
    return { clean: true, detail: 'it was recovered from the journal' };
  }
  const copies = { path: (injection: string) => keepPath(state, name.run, injection), drop: () => {} };
  return told(await undoInjection(intent, catalogue, undoOptions(name.run, user, ports, copies), () => true));
}

/** What a journal of an agent says of an injection; undefined: there is none, or it is not in there. */
export function remembered(state: string, { run, injection }: InjectionName): 'on' | 'off' | undefined {
  if (!hasRun(state, run)) return undefined;
  const { events } = scanJournal(journalPath(state, run));
  const { started, intents } = outstanding(events);
  // Runs of other commands are none of a client's business.
  if (started?.replay !== agentReplay) return undefined;
  if (intents.some((intent) => intent.injection === injection)) return 'on';
  return events.some((event) => event.type === 'intent' && event.injection === injection) ? 'off' : undefined;
}

function undoOptions(run: string, user: string, ports: UndoingPorts, copies: UndoOptions['copies']): UndoOptions {
  const { clock, shared } = ports;
  const author: Author = { role: 'daemon', user };
  return { run, author, clock, copies, sharing: shared, signal: new AbortController().signal };
}

function told(outcome: 'clean' | 'unclean' | ErrorRecord): Undone {
  if (outcome === 'clean') return { clean: true, detail: 'all is as it was before' };
  if (outcome === 'unclean') return { clean: false, detail: 'it was undone, but the target is not as it was before' };
  throw asError(outcome);
}

export const asError = ({ code, message, hint }: ErrorRecord): ZashikiError =>
  new ZashikiError(code as ErrorCode, message, hint === undefined ? {} : { hint });
