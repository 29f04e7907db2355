// Linear memory as the pieces of it that are not zero.

import type { PhpModule } from "../glue.ts";

/** Pieces are made of blocks of this many bytes: the engine's own unit of pages that nobody touched. */
const BLOCK = 4096;

/** Consecutive blocks of linear memory. */
export interface Run {
  /** Offset in linear memory, in bytes. */
  readonly at: number;
  readonly length: number;
}

/**
 * What is not zero.
 *
 * @param longest most bytes of one run
 */
export function usedRuns(heap: Uint8Array, longest: number = Number.POSITIVE_INFINITY): Run[] {
  const words = new Int32Array(heap.buffer, heap.byteOffset, heap.length >> 2);
  const perBlock = BLOCK / 4;
  const runs: Run[] = [];
  let start = -1;
  for (let block = 0; block <= words.length; block += perBlock) {
    const used = block < words.length && !isZero(words, block, Math.min(block + perBlock, words.length));
    if (used && start < 0) start = block;
    if (start < 0 || (used && (block - start) * 4 < longest)) continue;
    const end = Math.min(block, words.length);
    runs.push({ at: start * 4, length: (end - start) * 4 });
    start = used ? block : -1;
  }
  return runs;
}

function isZero(words: Int32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (words[i] !== 0) return false;
  return true;
}

/** Where the memory ends that the C library ever took: nothing beyond it was touched. All of it when it does not tell. */
export function memoryEnd({ HEAPU8, wasmExports }: PhpModule): number {
  const pointer = wasmExports.emscripten_get_sbrk_ptr?.();
  if (pointer === undefined) return HEAPU8.length;
  const end = new DataView(HEAPU8.buffer).getUint32(pointer, true);
  return end > pointer && end <= HEAPU8.length
    ? Math.min(HEAPU8.length, Math.ceil(end / BLOCK) * BLOCK)
    : HEAPU8.length;
}

/** The C stack's pointer, which lies beside linear memory. */
export function stackPointerOf(module: PhpModule): WebAssembly.Global {
  const pointer = (module.wasmExports as { __stack_pointer?: WebAssembly.Global }).__stack_pointer;
  if (pointer === undefined) throw new Error("the WebAssembly file does not export __stack_pointer");
  return pointer;
}
