import bandwidth from './bandwidth.ts';
import latency from './latency.ts';
import limitData from './limit-data.ts';
import noop from './noop.ts';
import resetPeer from './reset-peer.ts';
import slicer from './slicer.ts';
import slowClose from './slow-close.ts';
import timeout from './timeout.ts';
import type { ToxicKind } from './toxic.ts';

const kinds: readonly ToxicKind[] = [
  bandwidth,
  latency,
  limitData,
  noop,
  resetPeer,
  slicer,
  slowClose,
  timeout,
] as readonly ToxicKind[];

/** Every kind of toxic, by its type in the API. A test holds it against the files of this folder. */
export const toxicKinds: ReadonlyMap<string, ToxicKind> = new Map(kinds.map((kind) => [kind.type, kind]));
