// What every transport must do. Run by each transport's own test with a way to make two connected ends.

import { afterEach, describe, expect, test } from "vitest";
import type { Transport } from "../../src/transport/transport.ts";

export interface ContractOptions {
  /** Makes two connected ends. */
  readonly pair: () => Promise<readonly [Transport, Transport]>;
  /** A bound on the bytes that may be under way in one direction when the receiver reads nothing. */
  readonly mostUnderWay: number;
  /** Whether a reset reaches the peer as an error, not as an end. */
  readonly tellsReset: boolean;
}

/** Reads a transport and writes down what came. */
export class Recorder {
  readonly transport: Transport;
  chunks: Uint8Array[] = [];
  length = 0;
  ended = false;
  gone = false;
  error: Error | undefined;
  overlapping = false;
  /** Called for every chunk; a promise holds back. */
  onChunk: ((chunk: Uint8Array) => void | Promise<void>) | undefined;
  #busy = false;
  #watchers: Array<() => void> = [];

  constructor(transport: Transport, keep = true) {
    this.transport = transport;
    transport.start({
      onChunk: (chunk) => {
        if (this.#busy || this.ended) this.overlapping = true;
        if (keep) this.chunks.push(chunk.slice());
        this.length += chunk.length;
        const held = this.onChunk?.(chunk);
        this.#notify();
        if (held === undefined) return;
        this.#busy = true;
        return held.then(() => {
          this.#busy = false;
        });
      },
      onEnd: (error) => {
        if (this.ended) this.overlapping = true;
        this.ended = true;
        this.error = error;
        this.#notify();
      },
      onGone: () => {
        this.gone = true;
        this.#notify();
      },
    });
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.chunks);
  }

  async until(condition: (recorder: this) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => {
        this.#watchers.push(resolve);
      });
    }
  }

  #notify(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

export function later(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

export async function writeAll(transport: Transport, bytes: Uint8Array, size: number): Promise<void> {
  for (let offset = 0; offset < bytes.length; offset += size) {
    await transport.write([bytes.subarray(offset, offset + size)]);
  }
}

export function transportContract(name: string, options: ContractOptions): void {
  describe(`transport contract: ${name}`, () => {
    const open: Transport[] = [];
    afterEach(() => {
      for (const transport of open.splice(0)) transport.reset();
    });
    async function pair(): Promise<readonly [Transport, Transport]> {
      const made = await options.pair();
      open.push(...made);
      return made;
    }

    test("keeps the order of bytes, of chunks in a write and of writes", async () => {
      const [left, right] = await pair();
      const recorder = new Recorder(right);
      new Recorder(left);
      left.write([Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)]);
      left.write([Uint8Array.of(4)]);
      left.write([pattern(70_000), Uint8Array.of(5, 6)]);
      await recorder.until(({ length }) => length === 70_006);
      expect(
        Buffer.compare(
          recorder.bytes,
          Buffer.concat([Uint8Array.of(1, 2, 3, 4), pattern(70_000), Uint8Array.of(5, 6)]),
        ),
      ).toBe(0);
      expect(recorder.overlapping).toBe(false);
    });

    test("keeps what comes before start", async () => {
      const [left, right] = await pair();
      new Recorder(left);
      left.write([Uint8Array.of(1, 2, 3)]);
      await later(20);
      const recorder = new Recorder(right);
      await recorder.until(({ length }) => length === 3);
      expect([...recorder.bytes]).toEqual([1, 2, 3]);
    });

    test("carries chunks of one byte", async () => {
      const [left, right] = await pair();
      const recorder = new Recorder(right);
      new Recorder(left);
      const bytes = pattern(2_000);
      await writeAll(left, bytes, 1);
      await recorder.until(({ length }) => length === bytes.length);
      expect(Buffer.compare(recorder.bytes, bytes)).toBe(0);
    });

    test("carries 10 MB both ways at once", async () => {
      const [left, right] = await pair();
      const [a, b] = [new Recorder(left), new Recorder(right)];
      const [one, two] = [pattern(10_000_000, 1), pattern(10_000_000, 2)];
      await Promise.all([writeAll(left, one, 65_528), writeAll(right, two, 300_001)]);
      await a.until(({ length }) => length === two.length);
      await b.until(({ length }) => length === one.length);
      expect(Buffer.compare(a.bytes, two)).toBe(0);
      expect(Buffer.compare(b.bytes, one)).toBe(0);
      expect(a.overlapping || b.overlapping).toBe(false);
    });

    test.each(["left", "right"])("makes the writer wait for a reader that holds back, from the %s", async (side) => {
      const ends = await pair();
      const [writer, reader] = side === "left" ? ends : [ends[1], ends[0]];
      const recorder = new Recorder(reader, false);
      new Recorder(writer);
      let release = () => {};
      let holding = true;
      recorder.onChunk = () => {
        if (!holding) return;
        return new Promise((resolve) => {
          release = resolve;
        });
      };
      const chunk = new Uint8Array(64 * 1024);
      let written = 0;
      let blocked: Promise<void> | undefined;
      while (blocked === undefined && written < 4 * options.mostUnderWay) {
        blocked = writer.write([chunk]);
        written += chunk.length;
        await later(0);
      }
      expect(blocked).toBeDefined();
      expect(written).toBeLessThanOrEqual(options.mostUnderWay);
      const first = recorder.length;
      await later(30);
      expect(recorder.length).toBe(first);
      holding = false;
      release();
      await blocked;
      await recorder.until(({ length }) => length === written);
    });

    test("delivers what was written before a close, then the end, and ends its own side", async () => {
      const [left, right] = await pair();
      const [a, b] = [new Recorder(left), new Recorder(right)];
      left.write([pattern(200_000)]);
      left.close();
      left.close();
      await b.until(({ ended }) => ended);
      expect(Buffer.compare(b.bytes, pattern(200_000))).toBe(0);
      expect(b.error).toBeUndefined();
      right.close();
      await a.until(({ ended }) => ended);
      expect(a.error).toBeUndefined();
      expect(left.write([Uint8Array.of(1)])).toBeUndefined();
      await later(10);
      expect(a.overlapping || b.overlapping).toBe(false);
    });

    test("lets a waiting write go on when the link closes", async () => {
      const [left, right] = await pair();
      new Recorder(left);
      new Recorder(right).onChunk = () => new Promise(() => {});
      let blocked: Promise<void> | undefined;
      while (blocked === undefined) {
        blocked = left.write([new Uint8Array(64 * 1024)]);
        await later(0);
      }
      left.reset();
      await blocked;
    });

    test("a reset ends both sides, however often it is called", async () => {
      const [left, right] = await pair();
      const [a, b] = [new Recorder(left), new Recorder(right)];
      left.write([Uint8Array.of(1)]);
      await b.until(({ length }) => length === 1);
      left.reset();
      left.reset();
      left.close();
      await Promise.all([a.until(({ ended }) => ended), b.until(({ ended }) => ended)]);
      if (options.tellsReset) expect(b.error).toBeInstanceOf(Error);
      right.reset();
      right.write([Uint8Array.of(1)]);
      await later(10);
      expect(a.overlapping || b.overlapping).toBe(false);
    });

    test("may be closed before it is started", async () => {
      const [left, right] = await pair();
      const recorder = new Recorder(right);
      left.close();
      await recorder.until(({ ended }) => ended);
      expect(recorder.error).toBeUndefined();
    });
  });
}
