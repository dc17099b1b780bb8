import type { Ahead } from '../journal/ahead.ts';
import { type Engine, openEngine } from '../sdk/engine.ts';
import type { CliContext } from './context.ts';

/** The engine of one command, on the state folder that `--state` or the environment names. */
export function openCliEngine(options: {
  readonly context: CliContext;
  readonly state?: string | undefined;
  readonly environment?: string | undefined;
  readonly ahead?: Ahead | undefined;
}): Engine {
  const { env } = options.context;
  return openEngine({
    state: options.state ?? (env.ZASHIKI_STATE || undefined),
    environment: options.environment ?? env.ZASHIKI_ENVIRONMENT,
    ahead: options.ahead,
  });
}
