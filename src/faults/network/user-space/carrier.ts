import type { Rng } from '../../../core/ports.ts';
import { seededRng } from '../../../core/rng.ts';
import type { Effects } from '../effects.ts';
import type { Micros } from './model/delay.ts';
import { type Pipeline, pipeline } from './model/pipeline.ts';
import type { QueuedPacket, VerdictBatch } from './nfqueue.ts';
import { waiting } from './waiting.ts';

/** Takes packets in and hands out verdicts when their time has come. The clock is the caller's. */
export interface Carrier {
  /** Decide a packet; its verdict may follow at once. */
  take(packet: QueuedPacket, now: Micros): void;
  /** Let go of all that is due by `now`; returns when the next one is. */
  release(now: Micros): Micros | undefined;
}

interface Held {
  readonly from: Pipeline;
  readonly id: number;
  readonly device: number;
  /** What it leaves as, where that is not as it came. */
  readonly changed: Buffer | undefined;
  /** It is sent anew: the kernel knows nothing of it. */
  readonly anew: boolean;
}

/** One pipeline for each direction, as each would have a netem of its own. Same seed and packets: same verdicts. */
export function carrier(
  effects: Effects,
  seed: number,
  batch: Pick<VerdictBatch, 'accept' | 'drop' | 'send'>,
): Carrier {
  const rngs = { in: seededRng(seed, 'ingress'), out: seededRng(seed, 'egress') };
  const pipelines = { in: pipeline(effects, rngs.in), out: pipeline(effects, rngs.out) };
  const held = waiting<Held>();

  const letGo = ({ from, id, device, changed, anew }: Held) => {
    from.left();
    if (!anew) batch.accept(id, changed);
    else if (changed) batch.send(changed, device);
  };
  const release = (now: Micros) => {
    for (let next = held.take(now); next; next = held.take(now)) letGo(next);
    return held.next();
  };
  return {
    take(packet, now) {
      const way = packet.ingress ? 'in' : 'out';
      const from = pipelines[way];
      const departures = from.decide(now, packet.bytes);
      if (departures.length === 0) return batch.drop(packet.id);
      const { id, device, payload } = packet;
      const freed = departures.some(({ at, copy }) => !copy && at > now) && canBeSentAnew(packet);
      if (freed) batch.drop(id);
      for (const { at, corrupt, copy } of departures) {
        const anew = copy || freed;
        const changed = corrupt ? flipped(payload, rngs[way]) : anew ? Buffer.from(payload) : undefined;
        const one = { from, id, device, changed, anew };
        if (at <= now && held.size() === 0) letGo(one);
        else held.add(at, one);
      }
    },
    release,
  };
}

/** Every link carries packets of this size. */
const smallPacket = 1280;

/**
 * A packet that waits counts against the send buffer of its socket, and TCP sends no more than two at a time then. So
 * the kernel's one is dropped, and a copy is sent when its time has come; netem takes packets off their socket as well.
 * Not what comes in, which has no socket yet, nor what is still to be fragmented.
 */
function canBeSentAnew({ ingress, payload, bytes }: QueuedPacket): boolean {
  if (ingress || payload.length !== bytes || bytes < 20) return false;
  const protocol = (payload[0] ?? 0) >> 4 === 4 ? payload[9] : payload[6];
  return protocol === 6 || bytes <= smallPacket;
}

/**
 * A copy with one wrong bit behind the IP header, whose addresses must stay: else the packet could reach a stranger.
 * The checksums are left as they were, so that the receiver can see it. A packet without any such bit stays whole.
 */
export function flipped(packet: Buffer, rng: Rng): Buffer {
  const copy = Buffer.from(packet);
  const header = (packet[0] ?? 0) >> 4 === 4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  const free = packet.length - header;
  if (free <= 0) return copy;
  const at = header + rng.below(free);
  copy[at] = (copy[at] ?? 0) ^ (1 << rng.below(8));
  return copy;
}
