import type { z } from 'zod';
import type { Capabilities, Capability } from '../capabilities/index.ts';
import type { Json } from '../core/model.ts';
import type { FaultContext, Sighting } from '../core/ports.ts';

export type { FaultContext, Sighting };

/**
 * An entry of the catalogue. `plan` only reads, and returns the undo record; it is on disk before `inject` is called.
 * `inject` and `recover` are idempotent. `recover` and `verify` may run in another process, days later, with the undo
 * record alone. A target that has ended makes capabilities throw `target-gone`: let it through unless something of
 * the fault would be left behind.
 */
export interface Fault<P extends z.ZodType = z.ZodType, C extends Capability = Capability, U extends Json = Json> {
  /** Also the file name. */
  readonly id: string;
  readonly summary: string;
  readonly needs: readonly C[];
  readonly params: P;
  /** False: one-shot, nothing stays (a kill). Then `recover` does nothing and `duration` is refused. */
  readonly reversible: boolean;
  /** One line for the plan: how it is undone, or why it cannot be. */
  readonly undoneBy: string;
  plan(on: Pick<Capabilities, C>, params: z.output<P>, context: FaultContext): Promise<U>;
  inject(on: Pick<Capabilities, C>, params: z.output<P>, undo: U, context: FaultContext): Promise<void>;
  /** Is the effect really there? Measure or read back; poll within reason. `yes: false` says why. */
  observe(on: Pick<Capabilities, C>, params: z.output<P>, undo: U, context: FaultContext): Promise<Sighting>;
  recover(on: Pick<Capabilities, C>, undo: U, context: FaultContext): Promise<void>;
  /** Is everything as it was before? Called after `recover`. */
  verify(on: Pick<Capabilities, C>, undo: U, context: FaultContext): Promise<Sighting>;
  /**
   * Names of what it changes, e.g. `file:254:1234`, so that two injections never change the same thing at a time: the
   * second would take the first one's change for the original. Default: this fault on this target.
   */
  claims?(undo: U): readonly string[];
  /**
   * A thing that injections of this fault, and of others that give the same name, build together, e.g.
   * `network net:4026532219`: then inject and recover never run at a time, and may ask `context.siblings()`.
   */
  shares?(undo: U): string;
  /** One line on how it is done where there are several ways, for console and report: `netem on ifb`. */
  describe?(undo: U): string;
  /** The same line for the plan, before there is an undo record. Only reads; throws what `plan` would throw. */
  foresee?(
    on: Pick<Capabilities, C>,
    params: z.output<P>,
    context: Pick<FaultContext, 'addressesOf' | 'signal'>,
  ): Promise<string>;
}

/** A fault of any parameters, as the registry and the engine hold it. */
// biome-ignore lint/suspicious/noExplicitAny: the registry erases the parameter types; each fault keeps its own
export type AnyFault = Fault<any, any, any>;

/** Declare a fault; types flow from `needs`, `params` and what `plan` returns. */
export function defineFault<P extends z.ZodType, const C extends Capability, U extends Json>(
  fault: Fault<P, C, U>,
): Fault<P, C, U> {
  return fault;
}
