import type { EnginePort } from '../core/engine-port.ts';
import { ZashikiError } from '../core/errors.ts';
import type { Experiment } from '../core/model.ts';
import type { ChatAction } from '../triggers/index.ts';
import { launch } from './launch.ts';
import { stopSentence } from './stop-sentence.ts';

export interface ChatActionOptions {
  readonly engine: EnginePort;
  /** By the name that words use. */
  readonly experiments: Readonly<Record<string, Experiment>>;
  /** False: dry runs. */
  readonly execute: boolean;
  readonly sealed?: boolean;
  readonly signal?: AbortSignal;
  /** A run that chat began could not be carried out after it had begun. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Carries out what chat asks for, and says in one line what was begun. A run's outcome is the notifiers' to tell.
 * Throws `usage` for an experiment that nobody knows.
 */
export function chatActions(options: ChatActionOptions): (action: ChatAction, user: string) => Promise<string> {
  const { engine, experiments, execute, sealed = false, signal } = options;
  return async (action, user) => {
    const author = `chat:${user}`;
    if (action.kind === 'stop') {
      return stopSentence(await engine.stop('asked for in chat', author));
    }
    if (action.kind === 'release') {
      await engine.release(author);
      return 'Released: runs may begin again.';
    }
    const experiment = Object.hasOwn(experiments, action.experiment) ? experiments[action.experiment] : undefined;
    if (!experiment) throw new ZashikiError('usage', `no experiment is called ${action.experiment}`);
    const { started, finished } = launch(engine, { experiment, author, execute, sealed }, signal ? { signal } : {});
    finished.catch((error: unknown) => options.onWarning?.(error instanceof Error ? error.message : String(error)));
    const run = await started;
    return sealed ? 'A drill has begun.' : `${execute ? 'Run' : 'Dry run'} ${run} of ${action.experiment} has begun.`;
  };
}
