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

/** What a module's linear memory begins with, where it lies beside the module. Threads can share it. */
export interface InitialMemory {
  /** Offset in linear memory, in bytes. */
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** How the names begin under which a module exports the variables of its own that it would keep to itself. */
export const OWN_GLOBAL = "own global ";

/** Those variables: they lie beside linear memory, as the C stack's pointer does. */
function ownGlobals({ wasmExports }: PhpModule): [name: string, global: WebAssembly.Global][] {
  return Object.entries(wasmExports).filter(([name]) => name.startsWith(OWN_GLOBAL)) as [string, WebAssembly.Global][];
}

/** Their values by name. */
export function readGlobals(module: PhpModule): Record<string, number> {
  return Object.fromEntries(ownGlobals(module).map(([name, global]) => [name, Number(global.value)]));
}

/** Gives them the values of `readGlobals`. */
export function writeGlobals(module: PhpModule, values: Readonly<Record<string, number>>): void {
  for (const [name, global] of ownGlobals(module)) if (values[name] !== undefined) global.value = values[name];
}

/**
 * What is not zero.
 *
 * @param longest most bytes of one run
 */
export function usedRuns(heap: Uint8Array, longest: number = Number.POSITIVE_INFINITY): Run[] {
  const words = new Int32Array(heap.buffer, heap.byteOffset, heap.length >>> 2);
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
  for (let i = from; i < to; i += 8) {
    const first = words[i] as number;
    const any = first | at(words, i + 1) | at(words, i + 2) | at(words, i + 3);
    if ((any | at(words, i + 4) | at(words, i + 5) | at(words, i + 6) | at(words, i + 7)) !== 0) return false;
  }
  return true;
}

function at(words: Int32Array, index: number): number {
  return words[index] as number;
}

/**
 * Fills a part of memory with zeros. Blocks that are zero are only read: most of it was never touched, and the
 * operating system gives a page of its own to whoever writes.
 *
 * @param from  in bytes, a multiple of the blocks' size as `to` is
 */
export function clear(heap: Uint8Array, from: number, to: number): void {
  if (to <= from) return;
  const words = new Int32Array(heap.buffer, heap.byteOffset, heap.length >>> 2);
  for (let block = from; block < to; block += BLOCK) {
    const end = Math.min(block + BLOCK, to);
    if (!isZero(words, block >>> 2, end >>> 2)) heap.fill(0, block, end);
  }
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
