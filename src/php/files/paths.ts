// Paths as scripts ask for them, over and over the same ones: each is made into text once, and known again by its bytes.

/** A path that was asked for. */
export interface Path {
  /** As the script wrote it. */
  readonly text: string;
  /** Its parts, of an absolute path without empty parts, "." and ".."; `undefined` of any other. */
  readonly names: readonly string[] | undefined;
}

interface Known {
  readonly bytes: Uint8Array;
  readonly path: Path;
  /** Another one with the same hash. */
  readonly next: Known | undefined;
}

/** Paths remembered, about 1 KB each. An application of 500 files asks for 1,000 different ones at most. */
const MOST_KNOWN = 2048;

/** Bytes of the longest path that is looked at here: PATH_MAX of the interpreter's C library. */
const LONGEST = 4096;

/** The paths of one interpreter. */
export class Paths {
  readonly #known = new Map<number, Known>();
  #count = 0;

  /**
   * The path at an address, up to its zero byte.
   *
   * @returns `undefined` for one that is not plain ASCII, or too long
   */
  read(memory: Uint8Array, at: number): Path | undefined {
    // FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/.
    let hash = 0x811c9dc5;
    let end = at;
    for (const limit = at + LONGEST; ; end++) {
      const byte = memory[end];
      if (byte === 0) break;
      if (byte === undefined || byte >= 0x80 || end === limit) return undefined;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    const first = this.#known.get(hash);
    for (let known = first; known !== undefined; known = known.next) {
      if (same(known.bytes, memory, at, end - at)) return known.path;
    }
    return this.#remember(hash, memory.slice(at, end));
  }

  #remember(hash: number, bytes: Uint8Array): Path {
    if (this.#count >= MOST_KNOWN) {
      this.#known.clear();
      this.#count = 0;
    }
    const text = String.fromCharCode(...bytes);
    const path = { text, names: namesOf(text) };
    this.#known.set(hash, { bytes, path, next: this.#known.get(hash) });
    this.#count++;
    return path;
  }
}

function same(bytes: Uint8Array, memory: Uint8Array, at: number, length: number): boolean {
  if (bytes.length !== length) return false;
  // From the end: it is there that paths differ.
  for (let i = length - 1; i >= 0; i--) if (bytes[i] !== memory[at + i]) return false;
  return true;
}

function namesOf(text: string): readonly string[] | undefined {
  const [root, ...names] = text.split("/");
  const plain = root === "" && names.every((name) => name !== "" && name !== "." && name !== "..");
  return plain ? names : undefined;
}
