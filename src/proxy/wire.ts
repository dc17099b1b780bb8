/** One end of a connection, with as little between us and the kernel as Node allows. */
export interface Wire {
  /** Begin to read. Called once. A chunk's bytes are valid during the call only. */
  start(reader: WireReader): void;
  pause(): void;
  resume(): void;
  /**
   * True: the kernel has it, the buffer may be used again. False: not yet, and `drained` will be called; until then
   * nothing else may be written.
   */
  write(chunk: Uint8Array, drained: () => void): boolean;
  /** No more will be written (FIN); reading goes on. */
  end(): void;
  /** End it abruptly (RST), where the protocol knows that. */
  reset(): void;
  destroy(): void;
  /** It is gone, and so is the one that its chunks were written to: another wire may read into its buffer. */
  release(): void;
}

export interface WireReader {
  data(chunk: Uint8Array): void;
  /** The other side has ended its direction. */
  end(): void;
  /** It is gone: `reset` when the other side broke it off. Called once, also after `destroy`. */
  closed(how: 'reset' | 'closed'): void;
}

/** `fast`: on the socket's handle, without streams between (the default where Node lets us). `plain`: on the socket. */
export type WireKind = 'fast' | 'plain';
