// Where bytes wait that are too many for memory, such as a temporary file. `src/platform/node/spool.ts` is one.

/** A place for the bytes of one body. */
export interface SpooledBody {
  /** Resolves once `chunk` is not needed any more. */
  append(chunk: Uint8Array): Promise<void>;
  /**
   * What was appended, from byte `from` on (default 0), also what is appended while it is read. A chunk is valid until the
   * next is asked for.
   */
  read(from?: number): AsyncIterable<Uint8Array>;
  /** Removes it. Safe to call twice and at any time. */
  discard(): Promise<void>;
}

/** Makes an empty place. */
export type Spool = () => Promise<SpooledBody>;
