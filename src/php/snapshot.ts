// The memory of an interpreter as it was at one moment, to go back to in the same instance: that is how a child is
// recycled where an instance cannot be thrown away. What JavaScript keeps for it is not part of it, above all the files.

import type { GlueStream, PhpModule } from "./glue.ts";

/** Blocks of this many bytes that hold nothing but zeros are left out when the copy is packed. */
const BLOCK = 4096;

interface OpenStream extends GlueStream {
  position?: number;
}

/** Most bytes of one run: what is packed and unpacked at a time. */
const LONGEST_RUN = 1024 * 1024;

/** Consecutive blocks. */
interface Run {
  /** Offset in linear memory, in bytes. */
  readonly at: number;
  readonly length: number;
  /** Their bytes, or what `Packing.pack` made of them. */
  bytes: Uint8Array;
}

/** A compression: it makes a sixth of an interpreter's memory. */
export interface Packing {
  pack(bytes: Uint8Array): Uint8Array;
  unpack(packed: Uint8Array): Uint8Array;
}

/**
 * A copy of linear memory, of the stack pointer and of the table of open files. Taken and restored while no script runs.
 * After a restore PHP's random numbers differ from those after the one before: it reads fresh ones from the host.
 */
export class MemorySnapshot {
  #runs: readonly Run[];
  readonly #stackPointer: number;
  readonly #streams: readonly (readonly [stream: OpenStream, position: number | undefined] | undefined)[];
  #packing: Packing | undefined;
  #packed = 0;

  constructor(module: PhpModule) {
    // All of it, zeros too: finding them takes longer than copying them, and whoever starts is waiting.
    const heap = module.HEAPU8;
    this.#runs = [{ at: 0, length: heap.length, bytes: heap.slice() }];
    this.#stackPointer = stackPointerOf(module).value;
    const streams = module.FS.streams as (OpenStream | null | undefined)[];
    this.#streams = streams.map((stream) => (stream ? [stream, stream.position] : undefined));
  }

  /** Bytes that the copy holds: as many as linear memory had, until it is packed. */
  get size(): number {
    return this.#runs.reduce((sum, run) => sum + run.bytes.length, 0);
  }

  /**
   * Compresses the next piece, at most a megabyte: a few milliseconds.
   *
   * @returns false when all of it is compressed
   */
  packSome(packing: Packing): boolean {
    if (this.#packing === undefined && this.#runs[0] !== undefined) this.#runs = usedRuns(this.#runs[0].bytes);
    this.#packing = packing;
    const run = this.#runs[this.#packed];
    if (run === undefined) return false;
    run.bytes = packing.pack(run.bytes);
    this.#packed += 1;
    return this.#packed < this.#runs.length;
  }

  #bytesOf(run: Run, index: number): Uint8Array {
    return index < this.#packed && this.#packing !== undefined ? this.#packing.unpack(run.bytes) : run.bytes;
  }

  /** Makes memory what it was. Linear memory that has grown stays as large, filled with zeros. */
  restore(module: PhpModule): void {
    const heap = module.HEAPU8;
    let at = 0;
    this.#runs.forEach((run, index) => {
      heap.fill(0, at, run.at);
      heap.set(this.#bytesOf(run, index), run.at);
      at = run.at + run.length;
    });
    heap.fill(0, at);
    stackPointerOf(module).value = this.#stackPointer;
    this.#restoreStreams(module);
  }

  /** Open files are known to PHP by number: each of that time gets its own back, the others are closed. */
  #restoreStreams({ FS }: PhpModule): void {
    const streams = FS.streams as (OpenStream | null | undefined)[];
    streams.forEach((stream, fd) => {
      if (!stream || this.#streams[fd]?.[0] === stream) return;
      try {
        FS.close(stream);
      } catch {
        // A stream of a broken interpreter may not close properly; its number is taken back all the same.
      }
    });
    streams.length = 0;
    this.#streams.forEach((saved, fd) => {
      if (saved === undefined) return;
      const [stream, position] = saved;
      stream.fd = fd;
      if (position !== undefined) stream.position = position;
      streams[fd] = stream;
    });
  }
}

/** What is not zero. */
function usedRuns(heap: Uint8Array): Run[] {
  const words = new Int32Array(heap.buffer, heap.byteOffset, heap.length / 4);
  const perBlock = BLOCK / 4;
  const runs: Run[] = [];
  let start = -1;
  for (let block = 0; block <= words.length; block += perBlock) {
    const used = block < words.length && !isZero(words, block, block + perBlock);
    if (used && start < 0) start = block;
    if (start < 0 || (used && (block - start) * 4 < LONGEST_RUN)) continue;
    runs.push({ at: start * 4, length: (block - start) * 4, bytes: heap.subarray(start * 4, block * 4) });
    start = used ? block : -1;
  }
  return runs;
}

function isZero(words: Int32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (words[i] !== 0) return false;
  return true;
}

function stackPointerOf(module: PhpModule): WebAssembly.Global {
  const pointer = (module.wasmExports as { __stack_pointer?: WebAssembly.Global }).__stack_pointer;
  if (pointer === undefined) throw new Error("the WebAssembly file does not export __stack_pointer");
  return pointer;
}
