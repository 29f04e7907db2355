// What an interpreter must not pass on to its copies: random numbers that were drawn and not yet used, and what scripts
// left behind in memory that is free.

import type { PhpModule } from "../glue.ts";

/** First words of SQLite's generator once it is seeded ("expand 32-byte k"); SQLite seeds it anew when the first is 0. */
const SEEDED = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/** Bytes of the whole generator: 16 words of state, 64 bytes drawn ahead, how many of them are left. */
const GENERATOR = 16 * 4 + 64 + 1;

/**
 * Addresses of seeded generators of that kind, and of the constant that they begin with.
 *
 * @param end where static data ends
 */
export function seededGenerators(heap: Uint8Array, end: number): number[] {
  const words = new Uint32Array(heap.buffer, heap.byteOffset, end >>> 2);
  const [first = 0, ...rest] = SEEDED;
  const found: number[] = [];
  for (let at = words.indexOf(first); at >= 0; at = words.indexOf(first, at + 1)) {
    if (rest.every((word, index) => words[at + 1 + index] === word)) found.push(at * 4);
  }
  return found;
}

/**
 * Makes the generators unseeded that were seeded since the interpreter started.
 *
 * @param constants what `seededGenerators` found then
 */
export function forgetGenerators(heap: Uint8Array, end: number, constants: readonly number[]): void {
  for (const at of seededGenerators(heap, end)) {
    if (!constants.includes(at)) heap.fill(0, at, Math.min(at + GENERATOR, end));
  }
}

/** The heap of scripts grows by chunks of this size and alignment (php-src Zend/zend_alloc.c). */
const CHUNK = 2 * 1024 * 1024;
const PAGE = 4096;

/** `zend_mm_chunk`: its heap, the next one of its list, how many of its pages are free. The first is never free. */
const CHUNK_HEAP = 0;
const CHUNK_NEXT = 4;
const CHUNK_FREE_PAGES = 12;
const ALL_FREE = CHUNK / PAGE - 1;

/** `zend_mm_heap`: where `main_chunk` may stand, and `cached_chunks` behind it. */
const HEAP_SIZE = 512;

/**
 * Clears what the scripts before left in their heap. Between two requests it is free from the first page on, in the chunk
 * that stays and in those that are kept for the next request. Where the structures look otherwise, all stays as it is.
 */
export function forgetScripts({ HEAPU8, wasmExports }: PhpModule): void {
  const heap = wasmExports.zend_mm_get_heap?.();
  if (heap === undefined) return;
  const view = new DataView(HEAPU8.buffer);
  const word = (at: number) => (at >= 0 && at + 4 <= HEAPU8.length ? view.getUint32(at, true) : 0);
  const isChunk = (at: number) => at > 0 && at % CHUNK === 0 && at + CHUNK <= HEAPU8.length;
  const clear = (chunk: number) => HEAPU8.fill(0, chunk + PAGE, chunk + CHUNK);
  const main = heap - (heap % CHUNK);
  if (!isChunk(main) || word(main + CHUNK_HEAP) !== heap || word(main + CHUNK_FREE_PAGES) !== ALL_FREE) return;
  clear(main);
  let field = heap;
  while (field < heap + HEAP_SIZE && word(field) !== main) field += 4;
  const seen = new Set<number>();
  let cached = word(field + 4);
  while (field < heap + HEAP_SIZE && isChunk(cached) && !seen.has(cached)) {
    seen.add(cached);
    clear(cached);
    cached = word(cached + CHUNK_NEXT);
  }
}

/** Bytes below the C stack's end that are looked at, of the megabyte that it has; and how many zeros end what was used. */
const STACK_REACH = 512 * 1024;
const STACK_GAP = 16 * 1024;

/** Clears what calls before left below the C stack's pointer, which is all of it while nothing runs. */
export function forgetStack(heap: Uint8Array, pointer: number): void {
  let zeros = 0;
  for (let at = pointer - 1; at >= Math.max(0, pointer - STACK_REACH) && zeros < STACK_GAP; at--) {
    zeros = heap[at] === 0 ? zeros + 1 : 0;
    heap[at] = 0;
  }
}

/**
 * Clears every copy of some texts that an allocation begins with: the C library copies the environment, and frees the copies.
 *
 * @param end where memory ends that was ever used
 */
export function forgetTexts(heap: Uint8Array, end: number, texts: readonly Uint8Array[]): void {
  const words = new Uint32Array(heap.buffer, heap.byteOffset, end >>> 2);
  for (const text of texts) {
    if (text.length < 4) continue;
    const first = new DataView(text.buffer, text.byteOffset).getUint32(0, true);
    for (let at = words.indexOf(first); at >= 0; at = words.indexOf(first, at + 1)) {
      const start = at * 4;
      if (text.every((byte, index) => heap[start + index] === byte)) heap.fill(0, start, start + text.length);
    }
  }
}
