// Cuts a byte stream into whole records, header and padding included: for showing them as they travelled. The codec's own
// decoder leaves the padding out and stops at the first error.

import { concat } from "../../src/codec/index.ts";

const HEADER = 8;

/** Takes the bytes of one record, or bytes that are none. They are the receiver's own. */
export type CutHandler = (bytes: Uint8Array, isRecord: boolean) => void;

export class RecordCutter {
  readonly #header = new Uint8Array(HEADER);
  #headerLength = 0;
  #record: Uint8Array | undefined;
  #filled = 0;
  #lost = false;

  push(chunk: Uint8Array, onCut: CutHandler): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#lost) {
        onCut(chunk.slice(at), false);
        return;
      }
      at += this.#record === undefined ? this.#pushHeader(chunk, at) : this.#pushContent(chunk, at, this.#record);
      if (this.#record !== undefined && this.#filled === this.#record.length) {
        const whole = this.#record;
        this.#reset();
        onCut(whole, true);
      }
      // Another version: from here on nobody knows where records begin.
      if (this.#headerLength > 0 && this.#header[0] !== 1) {
        const seen = this.#partial();
        this.#reset();
        this.#lost = true;
        if (seen !== undefined) onCut(concat([seen, chunk.subarray(at)]), false);
        return;
      }
    }
  }

  /** The stream is over: what is left of a cut record. */
  end(onCut: CutHandler): void {
    const rest = this.#partial();
    this.#reset();
    if (rest !== undefined) onCut(rest, false);
  }

  #pushHeader(chunk: Uint8Array, at: number): number {
    const taken = Math.min(HEADER - this.#headerLength, chunk.length - at);
    this.#header.set(chunk.subarray(at, at + taken), this.#headerLength);
    this.#headerLength += taken;
    if (this.#headerLength === HEADER && this.#header[0] === 1) {
      const [, , , , high = 0, low = 0, padding = 0] = this.#header;
      this.#record = new Uint8Array(HEADER + high * 256 + low + padding);
      this.#record.set(this.#header);
      this.#filled = HEADER;
    }
    return taken;
  }

  #pushContent(chunk: Uint8Array, at: number, record: Uint8Array): number {
    const taken = Math.min(record.length - this.#filled, chunk.length - at);
    record.set(chunk.subarray(at, at + taken), this.#filled);
    this.#filled += taken;
    return taken;
  }

  #partial(): Uint8Array | undefined {
    if (this.#record !== undefined) return this.#record.slice(0, this.#filled);
    return this.#headerLength > 0 ? this.#header.slice(0, this.#headerLength) : undefined;
  }

  #reset(): void {
    this.#record = undefined;
    this.#headerLength = 0;
    this.#filled = 0;
  }
}
