import type { JournalEvent } from '../events.ts';
import type { Rollback } from '../model.ts';
import type { Catalogue } from '../ports.ts';
import { type Note, runRollback, type UndoOptions } from './undo.ts';

/** Run the user's rollbacks that the journal does not show as done; a failed one does not stop the next. */
export async function runRollbacks(
  rollbacks: readonly Rollback[],
  events: readonly JournalEvent[],
  catalogue: Catalogue,
  options: Omit<UndoOptions, 'copies' | 'sharing'>,
  note: Note,
): Promise<void> {
  const done = new Set(events.flatMap((event) => (event.type === 'rollback' && event.ok ? [event.index] : [])));
  for (const [index, rollback] of rollbacks.entries()) {
    if (!done.has(index)) await runRollback(index, rollback, catalogue, options, note);
  }
}
