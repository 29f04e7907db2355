// A connection as the server's end sees it, and bytes read from one at will.

/** One end of a connection. */
export interface BytePipe {
  /** The next bytes, some or many; `undefined` when the client sends no more. Rejects when the connection broke. */
  read(): Promise<Uint8Array | undefined>;
  /** Settles when more may be written. The bytes stay the caller's. Rejects when the connection broke. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the connection after what was written. */
  close(): Promise<void>;
}

/** A pipe that gives back what was looked at. */
export class PeekedPipe implements BytePipe {
  readonly #pipe: BytePipe;
  #peeked: Uint8Array | undefined;

  constructor(pipe: BytePipe) {
    this.#pipe = pipe;
  }

  /** The first bytes: read again by `read`. */
  async peek(): Promise<Uint8Array | undefined> {
    this.#peeked ??= await this.#pipe.read();
    return this.#peeked;
  }

  async read(): Promise<Uint8Array | undefined> {
    const peeked = this.#peeked;
    this.#peeked = undefined;
    return peeked ?? (await this.#pipe.read());
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#pipe.write(bytes);
  }

  close(): Promise<void> {
    return this.#pipe.close();
  }
}

/** Cuts a pipe's bytes into pieces of wanted lengths. */
export class ByteReader {
  readonly #pipe: Pick<BytePipe, "read">;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(pipe: Pick<BytePipe, "read">) {
    this.#pipe = pipe;
  }

  /** Exactly that many bytes; `undefined` when the connection ends before. */
  async take(length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const taken = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (this.#rest.length === 0) {
        const next = await this.#pipe.read();
        if (next === undefined) return undefined;
        this.#rest = next;
      }
      const piece = this.#rest.subarray(0, length - filled);
      taken.set(piece, filled);
      filled += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
    return taken;
  }
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
