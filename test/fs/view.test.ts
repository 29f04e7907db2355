// Children's cached contents: what is told of stale pieces is enough, whoever writes what in which order.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type FileOperation, FileStore, MemoryHome, type NodeChange, PIECE_BYTES, ROOT } from "../../src/fs/index.ts";

/** What a child is to do with its cache, as docs/filesystem.md says. */
class Cache {
  readonly #store: FileStore;
  readonly #ino: number;
  readonly #pieces = new Map<number, Uint8Array>();
  #size = 0;
  version = 0;
  since = 0;

  constructor(store: FileStore, ino: number) {
    this.#store = store;
    this.#ino = ino;
  }

  apply(nodes: readonly NodeChange[], seq: number): void {
    this.since = seq;
    const node = nodes.find(({ ino }) => ino === this.#ino);
    if (node === undefined) return;
    if (node.stale === undefined) this.#pieces.clear();
    else for (const index of node.stale) this.#pieces.delete(index);
    this.#size = node.size;
    this.version = node.version;
  }

  write(operation: FileOperation): void {
    if (operation.op === "truncate") {
      for (const [index, piece] of this.#pieces)
        piece.fill(0, Math.max(0, Math.min(PIECE_BYTES, operation.size - index * PIECE_BYTES)));
    }
    if (operation.op !== "write" || !(operation.data instanceof Uint8Array) || operation.offset === "end") return;
    const { data, offset } = operation;
    for (const [index, piece] of this.#pieces) {
      const start = index * PIECE_BYTES;
      const from = Math.max(start, offset);
      const until = Math.min(start + PIECE_BYTES, offset + data.length);
      if (from < until) piece.set(data.subarray(from - offset, until - offset), from - start);
    }
  }

  /** The whole content, from the cache where it has it. */
  read(): { content: Uint8Array; fetched: number } {
    const content = new Uint8Array(this.#size);
    let fetched = 0;
    for (let index = 0; index * PIECE_BYTES < this.#size; index++) {
      let piece = this.#pieces.get(index);
      if (piece === undefined) {
        fetched += 1;
        piece = new Uint8Array(PIECE_BYTES);
        piece.set(this.#store.read(this.#ino, index * PIECE_BYTES, PIECE_BYTES, this.version));
        this.#pieces.set(index, piece);
      }
      content.set(piece.subarray(0, Math.min(PIECE_BYTES, this.#size - index * PIECE_BYTES)), index * PIECE_BYTES);
    }
    return { content, fetched };
  }
}

const offset = fc.oneof(fc.nat(5 * PIECE_BYTES), fc.constantFrom(0, PIECE_BYTES, 2 * PIECE_BYTES - 1));
const operation = fc.oneof(
  fc.record({
    op: fc.constant("write" as const),
    offset,
    length: fc.integer({ min: 1, max: PIECE_BYTES + 9 }),
    byte: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ op: fc.constant("truncate" as const), size: offset }),
);

test("two children that write and read one file see the same as the store, and fetch only what they must", () => {
  let fetched = 0;
  let pieces = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1), operation, fc.boolean()), { minLength: 3, maxLength: 15 }), (steps) => {
      const store = new FileStore(new MemoryHome(), { time: 1 });
      const ino = store.reserve(1);
      store.commit([{ op: "create", dir: ROOT, name: "f", ino, mode: 0o644 }], { life: 0, time: 1 });
      const caches = [new Cache(store, ino), new Cache(store, ino)];
      for (const [writer, step, told] of steps) {
        const own = caches[writer];
        if (own === undefined) return;
        const change: FileOperation =
          step.op === "write"
            ? { op: "write", ino, offset: step.offset, data: new Uint8Array(step.length).fill(step.byte) }
            : { op: "truncate", ino, size: step.size };
        const { seq } = store.commit([change], { life: 0, time: 1 });
        const answer = store.changesSince(own.since, { except: seq });
        own.write(change);
        own.apply(answer.nodes, answer.seq);
        for (const cache of caches) {
          if (cache !== own) {
            // A change that one is not told of yet when it makes its own.
            if (!told) continue;
            const sync = store.changesSince(cache.since);
            cache.apply(sync.nodes, sync.seq);
          }
          const seen = cache.read();
          fetched += seen.fetched;
          pieces += Math.ceil(seen.content.length / PIECE_BYTES);
          expect(Buffer.compare(seen.content, store.read(ino, 0, 1e9))).toBe(0);
        }
      }
    }),
    { numRuns: 150 },
  );
  expect(fetched).toBeLessThan(pieces / 2);
});
