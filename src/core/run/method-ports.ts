import type { GuardContext } from '../guards.ts';
import type { Catalogue, Clock, Journal } from '../ports.ts';
import type { Executor, Injection } from './injector.ts';

/** What the steps of a method are carried out with. */
export interface MethodPorts {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly executor: Executor;
  readonly guards: GuardContext;
  /** Told of each live injection, so that the run can recover it whatever happens. */
  readonly began: (injection: Injection) => void;
  /** Something refused to let the method go on. */
  readonly refuse: (reason: string) => void;
}
