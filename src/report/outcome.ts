import { exitCodes, type Outcome } from '../core/model.ts';

/** How a verdict is told: one word, one sentence, and a tone that picks colour and icon. */
export interface OutcomeWords {
  readonly word: string;
  readonly sentence: string;
  readonly tone: 'good' | 'bad' | 'alarm' | 'quiet';
  /** One character for terminals and Markdown, so that nothing depends on colour. */
  readonly mark: string;
  /** Process exit code; null when there is no verdict. */
  readonly exit: number | null;
}

export type Ending = Outcome | 'dry-run' | 'unfinished';

/** Words for every way that a run can end, and for a journal that just stops. */
export const outcomeWords: Readonly<Record<Ending, OutcomeWords>> = {
  held: {
    word: 'Held',
    sentence: 'The system stayed within its limits, and every fault is undone.',
    tone: 'good',
    mark: '✔',
    exit: exitCodes.held,
  },
  deviated: {
    word: 'Deviated',
    sentence: 'The system did not behave as the hypothesis says. Every fault is undone.',
    tone: 'bad',
    mark: '✘',
    exit: exitCodes.deviated,
  },
  'rollback-incomplete': {
    word: 'Clean-up incomplete',
    sentence: 'Something that the run changed may still be in place. Run `zashiki recover` now.',
    tone: 'alarm',
    mark: '‼',
    exit: exitCodes['rollback-incomplete'],
  },
  skipped: {
    word: 'Skipped',
    sentence: 'The system was not steady to begin with, so nothing was done to it.',
    tone: 'quiet',
    mark: '↷',
    exit: exitCodes.skipped,
  },
  refused: {
    word: 'Refused',
    sentence: 'A guard said no, so nothing was done.',
    tone: 'quiet',
    mark: '⊘',
    exit: exitCodes.refused,
  },
  'dry-run': {
    word: 'Dry run',
    sentence: 'Nothing was done: this is what the run would have hit.',
    tone: 'quiet',
    mark: '○',
    exit: exitCodes.held,
  },
  unfinished: {
    word: 'No verdict',
    sentence: 'The journal stops without a verdict: the run still goes on, or its process was ended.',
    tone: 'alarm',
    mark: '…',
    exit: null,
  },
};
