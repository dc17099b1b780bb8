import type { Milliseconds } from '../core/model.ts';
import type { Finished } from './netns.ts';

/** Run a program inside the target, with what is installed there. */
export interface ExecCapability {
  /** Argument array, never a shell. A failing program is no error but a `code`. `user` default: root. */
  run(
    argv: readonly string[],
    options?: { readonly user?: string; readonly timeoutMs?: Milliseconds; readonly signal?: AbortSignal },
  ): Promise<Finished>;
}
