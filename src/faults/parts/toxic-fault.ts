import { z } from 'zod';
import type { Toxic, ToxicsCapability } from '../../capabilities/toxics.ts';
import type { JsonObject } from '../../core/model.ts';
import type { FaultContext, Sighting } from '../../core/ports.ts';
import { defineFault } from '../fault.ts';
import { type Passage, type PassageOptions, passThrough } from './through.ts';

/** Parameters that all faults with a toxic share. */
const common = {
  stream: z
    .enum(['upstream', 'downstream'])
    .default('downstream')
    .describe('downstream: what comes back to clients; upstream: what they send. Default downstream.'),
  toxicity: z.number().min(0).max(1).default(1).describe('Share of the connections that it is on, 0 to 1. Default 1.'),
  send: z
    .string()
    .optional()
    .describe('What a connection of our own says to be answered, e.g. "PING\\r\\n": then the effect is measured.'),
};

/** How the effect shows on a connection through the proxy. */
export interface Measure<P> {
  /** How we connect; absent: this needs `send`. */
  readonly without?: Omit<PassageOptions, 'patience' | 'signal'>;
  /** How long it may take to show, in ms. */
  patience(params: P): number;
  /** What shows it, or null. `before`: the same connection without the fault. */
  shows(seen: Passage, params: P, before: Seen): string | null;
}

/** What of a passage goes into the undo record. */
type Seen = { readonly bytes: number; readonly first: number | null; readonly over: number | null };

interface ToxicFault<S extends z.ZodRawShape> {
  readonly id: string;
  readonly summary: string;
  /** Toxiproxy's name of the toxic. */
  readonly type: string;
  readonly params: S;
  attributes(params: z.output<z.ZodObject<S>>): JsonObject;
  readonly measure?: Measure<z.output<z.ZodObject<S>>>;
}

/** Our own server takes the toxic off this long after it should have been recovered. */
const margin = 5000;

type Undo = { readonly name: string; readonly before: Seen | null };

/** A fault that is one toxic of our own on a proxy. Toxics of others stay as they are. */
export function defineToxicFault<S extends z.ZodRawShape>(of: ToxicFault<S>) {
  const { id, summary, type, params, attributes, measure } = of;
  const schema = z.strictObject({ ...params, ...common });
  type Params = { readonly stream: Toxic['stream']; readonly toxicity: number; readonly send?: string | undefined };
  const own = (given: unknown) => given as z.output<z.ZodObject<S>> & Params;

  async function pass(toxics: ToxicsCapability, given: unknown, { signal }: FaultContext, longest?: number) {
    const { send } = own(given);
    if (!measure || (send === undefined && !measure.without)) return null;
    const how = send === undefined ? measure.without : { send };
    const patience = longest ?? measure.patience(own(given));
    return await passThrough(await toxics.address(), { ...how, patience, signal });
  }

  return defineFault({
    ...{ id, summary, params: schema, reversible: true, needs: ['toxics'] },
    undoneBy: 'taking the toxic off',
    // Each has a toxic of its own: several may be on at a time.
    claims: () => [],
    async plan(on, given, context): Promise<Undo> {
      const seen = await pass(on.toxics, given, context, 2000);
      const before = seen?.connected ? { bytes: seen.bytes, first: seen.first, over: seen.over } : null;
      return { name: `zashiki-${context.tag}`, before };
    },
    async inject(on, given, { name }, { ttl }) {
      const { stream, toxicity } = own(given);
      const toxic = { name, type, stream, toxicity, attributes: attributes(own(given)) };
      await on.toxics.put(toxic, ttl === null ? null : ttl + margin);
    },
    async observe(on, given, { name, before }, context): Promise<Sighting> {
      const { toxicity } = own(given);
      const toxic = (await on.toxics.list()).find((entry) => entry.name === name);
      if (!toxic) return { yes: false, detail: 'the toxic is not there' };
      const wanted = attributes(own(given));
      const other = Object.keys(wanted).find((key) => toxic.attributes[key] !== wanted[key]);
      if (other) return { yes: false, detail: `${other} is ${toxic.attributes[other]}, not ${wanted[other]}` };
      if (!(await on.toxics.enabled())) return { yes: true, detail: `${type} is on, but the proxy is disabled` };
      if (!measure || !before || toxicity === 0)
        return { yes: true, detail: `${type} is on (read back, not measured)` };
      // The dice may leave out some connections.
      const tries = toxicity >= 1 ? 3 : Math.min(40, Math.ceil(5 / toxicity));
      for (let i = 0; i < tries; i++) {
        const seen = await pass(on.toxics, given, context);
        context.signal.throwIfAborted();
        const shown = seen && measure.shows(seen, own(given), before);
        if (shown) return { yes: true, detail: `${type}: ${shown}` };
      }
      return { yes: false, detail: `${type} is on, but a connection through the proxy shows nothing of it` };
    },
    async recover(on, { name }) {
      await on.toxics.remove(name);
    },
    async verify(on, { name }): Promise<Sighting> {
      const left = (await on.toxics.list()).some((toxic) => toxic.name === name);
      return { yes: !left, detail: left ? 'the toxic is still there' : 'the toxic is off' };
    },
  });
}
