/** Messages of nfnetlink_queue (Linux uapi), and of our relay. Little-endian machines only. */

const messageHeader = 16;
const queueSubsystem = 3 << 8;
const [packetType, verdictType, configType, errorType] = [queueSubsystem, queueSubsystem | 1, queueSubsystem | 2, 2];
const [isRequest, wantsAnswer] = [1, 4];
const align = (length: number): number => (length + 3) & ~3;

/** A packet that the kernel holds until its verdict. */
export interface QueuedPacket {
  readonly id: number;
  readonly ingress: boolean;
  /** From the IP header on, also where `payload` is shorter. */
  readonly bytes: number;
  /** A view into what was read: copy what is kept. */
  readonly payload: Buffer;
  /** The device that it leaves by; 0 when unknown. */
  readonly device: number;
}

/** What comes from the kernel: packets, or the answer to a request (0, or a negative errno). */
export type FromKernel = { readonly packet: QueuedPacket } | { readonly answer: number; readonly to: number };

/** Take whole messages off the front of a stream of them; returns what is left over. */
export function readMessages(data: Buffer, each: (message: FromKernel) => void): Buffer {
  let at = 0;
  while (data.length - at >= messageHeader) {
    const length = data.readUInt32LE(at);
    if (length < messageHeader) throw new Error(`a netlink message of ${length} bytes`);
    if (data.length - at < align(length)) break;
    const type = data.readUInt16LE(at + 4);
    if (type === packetType) {
      const packet = readPacket(data.subarray(at + messageHeader + 4, at + length));
      if (packet) each({ packet });
    } else if (type === errorType) {
      each({ answer: data.readInt32LE(at + messageHeader), to: data.readUInt32LE(at + 8) });
    }
    at += align(length);
  }
  return data.subarray(at);
}

const attributes = { packet: 1, verdict: 2, deviceOut: 6, payload: 10, wholeLength: 13 } as const;

function readPacket(body: Buffer): QueuedPacket | undefined {
  let [id, hook, device, whole] = [-1, 0, 0, 0];
  let payload: Buffer | undefined;
  for (let at = 0; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at);
    if (length < 4) break;
    const from = at + 4;
    switch (body.readUInt16LE(at + 2) & 0x3fff) {
      case attributes.packet:
        id = body.readUInt32BE(from);
        hook = body.readUInt8(from + 6);
        break;
      case attributes.deviceOut:
        device = body.readUInt32BE(from);
        break;
      case attributes.payload:
        payload = body.subarray(from, at + length);
        break;
      case attributes.wholeLength:
        whole = body.readUInt32BE(from);
        break;
    }
    at += align(length);
  }
  if (id < 0) return undefined;
  // PRE_ROUTING and LOCAL_IN come before FORWARD (2), LOCAL_OUT and POST_ROUTING after it.
  const seen = payload ?? Buffer.alloc(0);
  return { id, ingress: hook < 2, bytes: whole || seen.length, payload: seen, device };
}

/** A request about a queue; `sequence` comes back with the answer. */
function request(type: number, queue: number, sequence: number, attribute: number, value: Buffer, flags: number) {
  const message = Buffer.alloc(messageHeader + 4 + 4 + align(value.length));
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(isRequest | flags, 6);
  message.writeUInt32LE(sequence, 8);
  message.writeUInt16BE(queue, messageHeader + 2);
  message.writeUInt16LE(4 + value.length, messageHeader + 4);
  message.writeUInt16LE(attribute, messageHeader + 6);
  value.copy(message, messageHeader + 8);
  return message;
}

/**
 * Take over a queue: its packets come with their first `copy` bytes (0: none), `room` of them may wait, and what comes
 * while it is full passes. Each request is answered, in order. Big segments come in pieces, with their checksums.
 */
export function bindRequests(queue: number, copy: number, room: number): readonly Buffer[] {
  const config = (sequence: number, attribute: number, value: readonly number[]) =>
    request(configType, queue, sequence, attribute, Buffer.from(value), wantsAnswer);
  const big = (value: number): readonly number[] => [
    value >>> 24,
    (value >>> 16) & 255,
    (value >>> 8) & 255,
    value & 255,
  ];
  const failOpen = [0, 0, 0, 1];
  return [
    config(1, 1, [1, 0, 0, 0]),
    config(2, 2, [...big(copy), copy === 0 ? 1 : 2]),
    config(3, 3, big(room)),
    withAttribute(config(4, 4, failOpen), 5, failOpen),
  ];
}

function withAttribute(message: Buffer, attribute: number, value: readonly number[]): Buffer {
  const more = Buffer.from([4 + value.length, 0, attribute, 0, ...value]);
  const whole = Buffer.concat([message, more]);
  whole.writeUInt32LE(whole.length, 0);
  return whole;
}

/** Collects verdicts, to be written at once. */
export interface VerdictBatch {
  accept(id: number, changed?: Buffer): void;
  drop(id: number): void;
  /** Send a packet of our own through the relay's raw socket. */
  send(packet: Buffer, device: number): void;
  /** All since the last call; undefined when there is none. */
  take(): Buffer | undefined;
}

const verdictBytes = 32;
/** No netlink type: an order for the relay. */
export const sendType = 0xffff;

export function verdicts(queue: number): VerdictBatch {
  const shape = request(verdictType, queue, 0, attributes.verdict, Buffer.alloc(8), 0);
  let parts: Buffer[] = [];
  let [page, used] = [Buffer.alloc(0), 0];
  const verdict = (id: number, accepted: boolean) => {
    if (used + verdictBytes > page.length) {
      if (used > 0) parts.push(page.subarray(0, used));
      [page, used] = [Buffer.allocUnsafe(verdictBytes * 64), 0];
    }
    shape.copy(page, used);
    page.writeUInt32BE(accepted ? 1 : 0, used + 24);
    page.writeUInt32BE(id, used + 28);
    used += verdictBytes;
  };
  const close = () => {
    if (used > 0) parts.push(page.subarray(0, used));
    [page, used] = [page.subarray(used), 0];
  };
  return {
    drop: (id) => verdict(id, false),
    accept(id, changed) {
      if (!changed) return verdict(id, true);
      close();
      const one = Buffer.from(shape);
      one.writeUInt32BE(1, 24);
      one.writeUInt32BE(id, 28);
      const whole = Buffer.alloc(verdictBytes + 4 + align(changed.length));
      one.copy(whole);
      whole.writeUInt32LE(whole.length, 0);
      whole.writeUInt16LE(4 + changed.length, verdictBytes);
      whole.writeUInt16LE(attributes.payload, verdictBytes + 2);
      changed.copy(whole, verdictBytes + 4);
      parts.push(whole);
    },
    send(packet, device) {
      close();
      const order = Buffer.alloc(messageHeader + align(packet.length));
      order.writeUInt32LE(order.length, 0);
      order.writeUInt16LE(sendType, 4);
      order.writeUInt32LE(packet.length, 8);
      order.writeUInt32LE(device, 12);
      packet.copy(order, messageHeader);
      parts.push(order);
    },
    take() {
      close();
      const all = parts;
      parts = [];
      return all.length === 0 ? undefined : all.length === 1 ? all[0] : Buffer.concat(all);
    },
  };
}
