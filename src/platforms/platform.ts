import type { z } from 'zod';
import type { Handles } from '../capabilities/agent.ts';
import type { Capability } from '../capabilities/index.ts';
import type { Target, TargetRef } from '../core/model.ts';

/** Where targets live: finds them, pins them, and offers capabilities on each. */
export interface Platform<S extends z.ZodType = z.ZodType> {
  readonly id: string;
  readonly summary: string;
  /** The `target: { <id>: selector }` part of a document. */
  readonly selector: S;
  /** All capabilities that some target of this platform may offer. */
  readonly capabilities: readonly Capability[];
  /**
   * All targets that match, ordered by id; those that may never be hit carry `protected`. Throws `not-supported` on
   * a machine that lacks what discovery needs.
   */
  discover(selector: z.output<S>, signal?: AbortSignal): Promise<readonly Target[]>;
  /** What this very target offers. */
  offers(target: TargetRef): readonly Capability[];
  /** `gone` when the pinned target no longer exists or was replaced. */
  check(target: TargetRef): Promise<'same' | 'gone'>;
  /**
   * Why this target may never be hit, as seen now and from this process: itself, its parents, what protects the host,
   * what opted out. Null when it may be hit, and for a target that is gone. Ask it again right before a hit: who we
   * are may have changed since the plan.
   */
  spare(target: TargetRef): Promise<string | null>;
  /** Handles for exactly this target; each throws `target-gone` when it is not there any more. */
  attach(target: TargetRef): Promise<Handles>;
  /** Its IP addresses, v4 and v6, for faults between targets. Absent: the platform's targets have none. */
  addresses?(target: TargetRef): Promise<readonly string[]>;
}

// biome-ignore lint/suspicious/noExplicitAny: the registry erases the selector types; each platform keeps its own
export type AnyPlatform = Platform<any>;

/** Declare a platform; the selector's type flows from its schema. */
export function definePlatform<S extends z.ZodType>(platform: Platform<S>): Platform<S> {
  return platform;
}
