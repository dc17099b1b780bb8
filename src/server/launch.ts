import type { EnginePort, RunRequest, RunResult } from '../core/engine-port.ts';
import type { JournalEvent } from '../core/events.ts';

export interface Launched {
  /** The run's id, as soon as it has one. Rejects when no run could be begun. */
  readonly started: Promise<string>;
  readonly finished: Promise<RunResult>;
}

/** Begin a run without waiting for its end. Neither promise is left unhandled. */
export function launch(
  engine: EnginePort,
  request: RunRequest,
  options: { readonly signal?: AbortSignal; readonly onEvent?: (event: JournalEvent) => void } = {},
): Launched {
  let tell: (run: string) => void = () => {};
  const announced = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const finished = engine.run(request, {
    ...options,
    onEvent(event) {
      if (event.type === 'run-started') tell(event.run);
      options.onEvent?.(event);
    },
  });
  finished.catch(() => undefined);
  const started = Promise.race([announced, finished.then((result) => result.run)]);
  started.catch(() => undefined);
  return { started, finished };
}
