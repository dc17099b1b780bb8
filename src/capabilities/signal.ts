/** `sleeping` covers every waiting state; `gone`: this very process no longer exists. */
export type ProcessState = 'running' | 'sleeping' | 'stopped' | 'zombie' | 'gone';

/** Signals to exactly one process: its identity is checked again immediately before each send. */
export interface SignalCapability {
  /** Throws `target-gone` if it is not the pinned process any more, `permission-missing` on EPERM. */
  send(signal: NodeJS.Signals): Promise<void>;
  /** Never throws for a process that has ended. */
  state(): Promise<ProcessState>;
}
