// What an interpreter must not pass on to its copies: random numbers that were drawn and not yet used.

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
  const words = new Uint32Array(heap.buffer, heap.byteOffset, end >> 2);
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
