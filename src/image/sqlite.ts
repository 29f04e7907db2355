// SQLite inside PHP's module, told that its files have no shared memory: interpreters share none, and the write-ahead log
// needs it. SQLite then keeps its journal: `PRAGMA journal_mode=WAL` answers "delete", and the database works on.
//
// SQLite finds the methods of its files in constant tables of 19 words (`sqlite3_io_methods`, a public structure): a version
// and 18 functions. The table of ordinary files is known by those beside it for files without locks, which have the
// same functions but for closing, locking and shared memory, of which the first has none.

const WORDS = 19;
const SHARED_MEMORY = 13;

/**
 * Words that all three tables have in common: all but version, xClose, xLock, xUnlock, xCheckReservedLock, xShmMap; and
 * without the last one, whose zeros are left out where a data segment ends with it.
 */
const COMMON = [2, 3, 4, 5, 6, 10, 11, 12, 14, 15, 16, 17] as const;

/** Bytes between the beginnings of the two tables that follow each other. */
const NEXT = WORDS * 4;

/**
 * Takes the shared memory out, in place.
 *
 * @param wasm the module
 * @returns whether the tables were found; else nothing was changed
 */
export function withoutSharedMemory(wasm: Uint8Array): boolean {
  const view = new DataView(wasm.buffer, wasm.byteOffset, wasm.byteLength);
  const word = (at: number, index: number) => view.getUint32(at + 4 * index, true);
  const alike = (a: number, b: number) => COMMON.every((index) => word(a, index) === word(b, index));
  const last = wasm.length - 2 * NEXT;
  for (let at = 0; at <= last; at++) {
    // Files without locks, then files that are locked by another file: versions 3 and 1.
    if (wasm[at] !== 3 || word(at, 0) !== 3 || word(at, SHARED_MEMORY) !== 0) continue;
    if (word(at + NEXT, 0) !== 1 || word(at, 2) === 0 || !alike(at, at + NEXT)) continue;
    for (let other = 0; other <= wasm.length - NEXT; other++) {
      if (wasm[other] !== 3 || word(other, 0) !== 3 || word(other, 2) !== word(at, 2)) continue;
      if (word(other, SHARED_MEMORY) === 0 || !alike(at, other)) continue;
      view.setUint32(other + 4 * SHARED_MEMORY, 0, true);
      return true;
    }
  }
  return false;
}
