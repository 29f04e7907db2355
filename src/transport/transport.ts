// The byte stream under a connection, and nothing more: a transport knows no records.

/**
 * What a transport tells its owner. Calls never overlap: the next one comes when the last has settled. Only a break,
 * and the end after a `close` of our own, are told at once, even while the promise of `onChunk` is pending.
 */
export interface TransportHandler {
  /**
   * Bytes from the peer, cut or joined anywhere. The chunk belongs to the handler until the peer's next chunk: what
   * must live longer is copied. Returning a promise holds back further bytes until it settles: the backpressure of
   * the reading side. It must not throw or reject.
   */
  onChunk(chunk: Uint8Array): void | Promise<void>;
  /** The peer sends no more. `error` is there when the link broke instead of ending. Called once, always last. */
  onEnd(error?: Error): void;
  /**
   * The peer takes no more either. Comes at most once, after an `onEnd` without error, and never after a `close` or
   * `reset` of our own. Until then the peer may have ended its sending side only and still waits for an answer.
   */
  onGone?(error?: Error): void;
}

/**
 * A two-way byte stream to one peer. Callbacks and not web streams, because a small request crosses several of these
 * and each hop through a `ReadableStream` costs more than the framing (docs/decisions/0002). `fromStreams` makes one of
 * any `{readable, writable}` pair, such as a `cloudflare:sockets` Socket.
 */
export interface Transport {
  /** Starts delivery. Called exactly once; until then bytes wait (in the peer, or in a bounded buffer). */
  start(handler: TransportHandler): void;
  /**
   * Sends chunks, in order and without another write in between. Returns `undefined` when the link can take more at
   * once, else a promise that settles when it can: the backpressure of the writing side. Never rejects: a broken link
   * is told by `onEnd`, and writes to it are dropped. The bytes must not be changed afterwards; their buffers are not
   * transferred unless the transport made them itself.
   */
  write(chunks: readonly Uint8Array[]): Promise<void> | undefined;
  /** Ends both sides after what was written. Safe to call twice. `onEnd` follows. */
  close(): void;
  /**
   * Breaks the link at once, so that the peer sees an error and no clean end where the platform can tell the two. Safe
   * to call twice and after `close`. `onEnd` follows if it has not come.
   */
  reset(): void;
  /**
   * Looks whether a peer that ended its sending side is still there; `onGone` tells when it is not. Only sockets have
   * it: elsewhere an end is always the end of both sides. A TCP peer must have been sent a byte before (see
   * `ApplicationLink`).
   */
  probe?(): void;
}

/** Opens a transport to an application. Rejects with `signal.reason` once aborted. */
export type Connect = (signal: AbortSignal) => Promise<Transport>;
