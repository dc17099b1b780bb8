import type { Address } from './address.ts';
import type { LinkMaker } from './connection.ts';
import type { Link } from './link.ts';
import type { Meter } from './meter.ts';
import type { Direction } from './toxic-entry.ts';
import type { WireKind } from './wire.ts';

/** A bound address and all connections through it. */
export interface Listener {
  /** As bound: with the real port. */
  readonly address: Address;
  /** Take no more, end all that is open. */
  close(): Promise<void>;
}

/** What a proxy lends to its listener. */
export interface ListenerOptions {
  readonly meter: Meter;
  readonly wire: WireKind;
  /** In ms. */
  readonly dialTimeout: number;
  /** Where connections go now. */
  route(): { readonly upstream: string; readonly sni: Readonly<Record<string, string>> | undefined };
  /** Connections are numbered from 1 in the order in which they came; draws depend on it. */
  nextNumber(): number;
  session(number: number): Session;
}

/** The links of one connection, as its proxy knows them. */
export interface Session {
  readonly make: LinkMaker;
  /** From now on toxics that come and go reach these links. */
  begin(links: Readonly<Record<Direction, Link>>): void;
  over(): void;
}
