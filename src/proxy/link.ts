import type { Rng } from '../core/ports.ts';
import { createChannel, type Ending } from './channel.ts';
import { createStage, type Stage } from './stage.ts';
import type { ToxicEntry } from './toxic-entry.ts';

/** What a link writes to. */
export interface Sink {
  /** As `Wire.write`. */
  write(chunk: Uint8Array, drained: () => void): boolean;
  /** The stream is over, in this way. Called once, after all that was written before. */
  finish(how: Ending): void;
}

export interface LinkOptions {
  readonly source: { pause(): void; resume(): void };
  readonly sink: Sink;
  readonly toxics: readonly ToxicEntry[];
  /** Draws of this toxic on this link; each call begins anew, so that an update is another draw. */
  rngFor(toxic: ToxicEntry): Rng;
  readonly datagrams?: boolean;
  readonly counted: { received: number; sent: number };
}

/** One direction of a connection, with the toxics of that direction in a row. */
export interface Link {
  /** Bytes from the source; they may be overwritten after the call, unless the source was paused in it. */
  push(data: Uint8Array): void;
  close(how: Ending): void;
  add(toxic: ToxicEntry): void;
  /** Its attributes or toxicity have changed: it starts over, and the dice are thrown again. */
  update(toxic: ToxicEntry): Promise<void>;
  /** Take it off; what it held goes on at once. */
  remove(toxic: ToxicEntry): Promise<void>;
  /** Forget everything; nothing is written any more. */
  dispose(): void;
}

/** As much as one read. */
const small = 64 * 1024;

/** A link without toxics writes what comes straight on; with toxics each chunk is copied and goes through them. */
export function createLink(options: LinkOptions): Link {
  const { source, sink, counted, datagrams = false } = options;
  const out = createChannel(small);
  let stages: readonly Stage[] = [];
  // `borrowed`: what is being written is the source's own buffer, so nothing may be read meanwhile.
  const is = { straight: true, writing: false, borrowed: false, paused: false, pumping: false, over: false };

  const first = () => stages[0]?.input ?? out;
  const outputOf = (stage: Stage) => stages[stages.indexOf(stage) + 1]?.input ?? out;

  function finish(how: Ending): void {
    if (is.over) return;
    dispose();
    sink.finish(how);
  }

  const drained = () => {
    is.writing = false;
    is.borrowed = false;
    pump();
  };

  /** Write out what has come through, and let the source go on when there is room. */
  function pump(): void {
    if (is.pumping || is.over) return;
    is.pumping = true;
    while (!is.writing) {
      const chunk = out.poll();
      if (!chunk) break;
      counted.sent += chunk.data.length;
      is.writing = !sink.write(chunk.data, drained);
    }
    is.pumping = false;
    const how = is.writing ? null : out.ended();
    if (how) {
      finish(how);
      return;
    }
    if (!is.writing && stages.length === 0) is.straight = true;
    if (is.paused && !is.borrowed && (is.straight ? !is.writing : first().hasRoom)) {
      is.paused = false;
      source.resume();
    }
  }

  function pause(): void {
    if (is.paused) return;
    is.paused = true;
    source.pause();
  }

  function changed(): void {
    for (const stage of stages) stage.wake();
    pump();
  }
  out.watch(changed);

  function stageOf(toxic: ToxicEntry): Stage | undefined {
    return stages.find((stage) => stage.toxic === toxic);
  }

  function add(toxic: ToxicEntry): void {
    if (is.over) return;
    is.straight = false;
    const stage: Stage = createStage({
      toxic,
      input: createChannel(toxic.kind.buffer ?? small),
      output: () => outputOf(stage),
      rng: () => options.rngFor(toxic),
      datagrams,
      cut: (how) => (how === 'reset' ? finish(how) : outputOf(stage).close(how)),
      failed: () => finish('reset'),
    });
    stages = [...stages, stage];
    stage.input.watch(changed);
    stage.start();
  }

  async function remove(toxic: ToxicEntry): Promise<void> {
    const stage = stageOf(toxic);
    if (!stage) return;
    await stage.stop();
    if (is.over) return;
    if (stage.active && toxic.kind.closesWhenRemoved) outputOf(stage).close('cut');
    for (let chunk = stage.input.poll(); chunk; chunk = stage.input.poll()) outputOf(stage).put(chunk);
    const how = stage.input.ended();
    if (how) outputOf(stage).close(how);
    stages = stages.filter((other) => other !== stage);
    changed();
  }

  function dispose(): void {
    is.over = true;
    for (const stage of stages) void stage.stop();
  }

  for (const toxic of options.toxics) add(toxic);
  return {
    push(data) {
      if (is.over) return;
      counted.received += data.length;
      if (is.straight) {
        counted.sent += data.length;
        if (sink.write(data, drained)) return;
        is.writing = true;
        is.borrowed = true;
        return pause();
      }
      const to = first();
      // Datagrams cannot be held back at their source: what there is no room for is lost, as on any network.
      if (datagrams && !to.hasRoom) return;
      to.put({ data: datagrams ? data : Uint8Array.prototype.slice.call(data), at: performance.now() });
      if (!first().hasRoom) pause();
    },
    close(how) {
      if (is.over) return;
      first().close(how);
      pump();
    },
    add,
    async update(toxic) {
      await stageOf(toxic)?.restart();
    },
    remove,
    dispose,
  };
}
