import { seededRng } from '../core/rng.ts';
import { type Address, parseAddress, resolveListen, showAddress } from './address.ts';
import { type Expiry, expiry } from './expiry.ts';
import { shortFloat } from './go-fields.ts';
import { createLink, type Link } from './link.ts';
import type { Listener, Session } from './listener.ts';
import { type Meter, newMeter } from './meter.ts';
import { openListener } from './open-listener.ts';
import { problems } from './problem.ts';
import type { Direction, ToxicEntry } from './toxic-entry.ts';
import type { Attributes } from './toxics/toxic.ts';
import type { WireKind } from './wire.ts';

/** What all proxies of a server share. */
export interface ProxySettings {
  readonly seed: number;
  readonly wire: WireKind;
  /** How long connecting to an upstream may take, in ms. */
  readonly dialTimeout: number;
  /** How long toxics and `enabled: false` last when the request does not say, in ms; null: until they are undone. */
  readonly ttl: number | null;
  readonly log: (line: string, more?: Readonly<Record<string, unknown>>) => void;
}

/** The fields of a proxy that a request can set. `ttl` in ms: how long `enabled: false` lasts; 0: no end. */
export interface ProxyInput {
  readonly listen: string;
  readonly upstream: string;
  readonly enabled: boolean;
  readonly ttl?: number | undefined;
  readonly sni?: Readonly<Record<string, string>> | undefined;
}

/** One proxy: where it listens, where it goes, and its toxics. */
export interface FaultProxy {
  readonly name: string;
  readonly meter: Meter;
  readonly listen: string;
  readonly upstream: string;
  readonly enabled: boolean;
  readonly toxics: readonly ToxicEntry[];
  /** As the API shows it. */
  view(): object;
  start(): Promise<void>;
  update(input: ProxyInput): Promise<void>;
  /** Whether this is another listener or upstream. Throws a problem for an address that cannot be read. */
  differs(input: Pick<ProxyInput, 'listen' | 'upstream'>): Promise<boolean>;
  stop(): Promise<void>;
  addToxic(toxic: ToxicEntry, ttl: number | undefined): Promise<void>;
  updateToxic(name: string, change: ToxicChange): Promise<ToxicEntry>;
  removeToxic(name: string): Promise<void>;
  /** Every toxic off, numbering of connections from the start; with the same seed all draws come again. */
  reset(): Promise<void>;
}

export interface ToxicChange {
  readonly toxicity: number;
  readonly attributes: Attributes;
  readonly ttl: number | undefined;
}

/** Make one, not started. */
export function createProxy(name: string, input: ProxyInput, settings: ProxySettings): FaultProxy {
  const meter = newMeter();
  const sessions = new Set<Readonly<Record<Direction, Link>>>();
  const chains: Record<Direction, readonly ToxicEntry[]> = { upstream: [], downstream: [] };
  const expiries = new Map<ToxicEntry, Expiry>();
  const state = { listen: input.listen, upstream: input.upstream, sni: input.sni, connections: 0 };
  let listener: Listener | undefined;
  // When a proxy that was disabled for a while is enabled again.
  let back: Expiry | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  /** Changes come one after the other. */
  function serial<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work);
    queue = result.catch(() => {});
    return result;
  }

  const all = () => [...chains.upstream, ...chains.downstream];
  const reach = (direction: Direction, change: (link: Link) => void | Promise<void>) =>
    Promise.all([...sessions].map((links) => change(links[direction])));

  function session(number: number): Session {
    let known: Readonly<Record<Direction, Link>> | undefined;
    const draws = new Map<ToxicEntry, number>();
    return {
      make: (direction, ends) =>
        createLink({
          ...ends,
          toxics: chains[direction],
          counted: meter.bytes[direction],
          datagrams: state.listen.startsWith('udp:'),
          rngFor(toxic) {
            const nth = draws.get(toxic) ?? 0;
            draws.set(toxic, nth + 1);
            return seededRng(settings.seed, JSON.stringify([name, number, direction, toxic.name, nth]));
          },
        }),
      begin(links) {
        known = links;
        sessions.add(links);
      },
      over() {
        if (known) sessions.delete(known);
      },
    };
  }

  async function start(): Promise<void> {
    back?.cancel();
    back = undefined;
    if (listener) return;
    const address = parseAddress(state.listen, 'listen tcp: ');
    let bound: Address;
    try {
      bound = await resolveListen(address);
    } catch (error) {
      throw problems.other(`listen tcp: ${(error as Error).message}`);
    }
    listener = await openListener(bound, {
      meter,
      wire: settings.wire,
      dialTimeout: settings.dialTimeout,
      route: () => ({ upstream: state.upstream, sni: state.sni }),
      nextNumber: () => ++state.connections,
      session,
    });
    state.listen = showAddress(listener.address);
    settings.log('Started proxy', { name, listen: state.listen, upstream: state.upstream });
  }

  async function stop(): Promise<void> {
    const old = listener;
    listener = undefined;
    if (!old) return;
    await old.close();
    settings.log('Terminated proxy', { name, listen: state.listen, upstream: state.upstream });
  }

  async function differs(other: Pick<ProxyInput, 'listen' | 'upstream'>): Promise<boolean> {
    const listen = showAddress(await resolveListen(parseAddress(other.listen)));
    return state.listen !== listen || state.upstream !== other.upstream;
  }

  /** Enable it again after a while; a port that is taken meanwhile is tried again. */
  function comeBack(ms: number): void {
    back?.cancel();
    back = expiry(ms, () => {
      void serial(async () => {
        // It may have been deleted or enabled while this waited its turn.
        if (!back) return;
        try {
          await start();
          settings.log('Enabled again: its ttl is over', { name });
        } catch {
          comeBack(1000);
        }
      });
    });
  }

  function lasts(toxic: ToxicEntry, ttl: number | undefined): void {
    if (ttl === undefined) return;
    expiries.get(toxic)?.cancel();
    expiries.delete(toxic);
    toxic.until = ttl > 0 ? performance.now() + ttl : null;
    if (ttl <= 0) return;
    const end = () =>
      serial(() => take(toxic)).then(() => settings.log('Toxic is over: its ttl has passed', toxicLog(toxic)));
    expiries.set(
      toxic,
      expiry(ttl, () => void end()),
    );
  }
  const toxicLog = (toxic: ToxicEntry) => ({ name, toxic: toxic.name, type: toxic.type });

  async function take(toxic: ToxicEntry): Promise<void> {
    const { direction } = toxic;
    if (!chains[direction].includes(toxic)) return;
    expiries.get(toxic)?.cancel();
    expiries.delete(toxic);
    chains[direction] = chains[direction].filter((other) => other !== toxic);
    await reach(direction, (link) => link.remove(toxic));
  }

  const named = (toxicName: string): ToxicEntry => {
    const toxic = all().find((entry) => entry.name === toxicName);
    if (!toxic) throw problems.toxicNotFound();
    return toxic;
  };

  return {
    name,
    meter,
    get listen() {
      return state.listen;
    },
    get upstream() {
      return state.upstream;
    },
    get enabled() {
      return listener !== undefined;
    },
    get toxics() {
      return all();
    },
    view: () => ({
      name,
      listen: state.listen,
      upstream: state.upstream,
      enabled: listener !== undefined,
      Logger: {},
      toxics: all().map(toxicView),
      ...(state.sni ? { sni: state.sni } : {}),
      ...(back ? { ttl: back.left() } : {}),
    }),
    start: () => serial(start),
    differs,
    update: (next) =>
      serial(async () => {
        const [was, other] = [listener !== undefined, await differs(next)];
        if (next.sni !== undefined) state.sni = Object.keys(next.sni).length > 0 ? next.sni : undefined;
        if (other) {
          await stop();
          state.listen = next.listen;
          state.upstream = next.upstream;
        }
        if (next.enabled) return await start();
        await stop();
        const ttl = next.ttl ?? (was ? settings.ttl : undefined);
        if (ttl) comeBack(ttl);
        else if (ttl === 0) {
          back?.cancel();
          back = undefined;
        }
      }),
    stop: () =>
      serial(async () => {
        back?.cancel();
        back = undefined;
        for (const { cancel } of expiries.values()) cancel();
        expiries.clear();
        await stop();
      }),
    addToxic: (toxic, ttl) =>
      serial(async () => {
        if (all().some((entry) => entry.name === toxic.name)) throw problems.toxicExists();
        chains[toxic.direction] = [...chains[toxic.direction], toxic];
        lasts(toxic, ttl ?? settings.ttl ?? undefined);
        await reach(toxic.direction, (link) => link.add(toxic));
      }),
    updateToxic: (toxicName, change) =>
      serial(async () => {
        const toxic = named(toxicName);
        toxic.toxicity = change.toxicity;
        toxic.attributes = change.attributes;
        lasts(toxic, change.ttl);
        await reach(toxic.direction, (link) => link.update(toxic));
        return toxic;
      }),
    removeToxic: (toxicName) => serial(async () => take(named(toxicName))),
    reset: () =>
      serial(async () => {
        for (const toxic of all()) await take(toxic);
        state.connections = 0;
      }),
  };
}

/** A toxic as the API shows it; `ttl` is what is left of it, in ms. */
export function toxicView(toxic: ToxicEntry): object {
  const { attributes, name, type, stream, toxicity, until } = toxic;
  const left = until === null ? {} : { ttl: Math.max(0, Math.round(until - performance.now())) };
  return { attributes, name, type, stream, toxicity: shortFloat(toxicity), ...left };
}
