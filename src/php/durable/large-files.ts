// Files that are held in pieces: pieces are read when a script asks for them, and sent ahead when too many wait to be
// sent. So a file may be longer than the memory that there is.

import { FileError, PIECE_BYTES } from "../../fs/index.ts";
import { LONG, runs } from "./content.ts";
import type { PageCache } from "./page-cache.ts";
import type { Pages } from "./pages.ts";
import type { SharedNode } from "./shared-node.ts";
import type { StoreLink } from "./store-link.ts";

/** Bytes of written pieces that wait in memory; beyond it they are sent ahead. */
const MOST_DIRTY = 4 * 1024 * 1024;

/** Bytes that are read ahead of a script that reads on and on. */
const AHEAD = 512 * 1024;

/** How often a file that changes while it is read is asked for again. */
const ATTEMPTS = 10;

export class LargeFiles {
  readonly #link: StoreLink;
  readonly #cache: PageCache;
  /** Where the script that read a file last would go on. */
  readonly #next = new WeakMap<SharedNode, number>();

  constructor(link: StoreLink, cache: PageCache) {
    this.#link = link;
    this.#cache = cache;
  }

  /** Whether bytes can be read at once. */
  ready({ node, pages }: SharedNode, start: number, length: number): boolean {
    const end = Math.min(start + length, node.usedBytes ?? 0);
    return pages === undefined || start >= end || missing(pages, start, end).length === 0;
  }

  /**
   * Brings the pieces in that hold these bytes: at most 1 MiB. They stay until the next call.
   *
   * @throws {FileError}
   */
  async bring(shared: SharedNode, start: number, length: number): Promise<void> {
    const further = this.#next.get(shared) === start ? AHEAD : 0;
    this.#next.set(shared, start + length);
    const read = await this.#have(shared, (pages) => {
      if (this.ready(shared, start, length)) return [];
      const end = Math.min(start + Math.max(length, further), shared.node.usedBytes ?? 0);
      return missing(pages, start, end).slice(0, LONG / PIECE_BYTES);
    });
    // Not at the cost of what was just brought in: it was used last.
    if (read) this.#cache.trim();
  }

  /** Brings the pieces in that a write changes in part. @throws {FileError} */
  async prepare(shared: SharedNode, start: number, end: number): Promise<void> {
    await this.#have(shared, (pages) => pages.needed(start, end));
  }

  /** Sends a file's changes ahead if too many wait. @throws {FileError} ENOSPC and others */
  async bound(shared: SharedNode): Promise<void> {
    const { pages, node } = shared;
    if (pages === undefined || this.#cache.dirtyBytes <= MOST_DIRTY) return;
    const { staging } = this.#link.needClient();
    pages.stage ??= staging.next();
    for (const [first, bytes] of runs(pages.unsent(node.usedBytes ?? 0))) {
      await staging.put(pages.stage, first, bytes);
      for (let index = first; (index - first) * PIECE_BYTES < bytes.length; index++) pages.sent(index);
    }
    this.#cache.trim();
  }

  /** Reads pieces until none is wanted. @returns whether there were any */
  async #have(shared: SharedNode, wantedOf: (pages: Pages) => readonly number[]): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      const { pages } = shared;
      const wanted = pages === undefined ? [] : wantedOf(pages);
      if (pages === undefined || wanted.length === 0) return attempt > 0;
      try {
        await this.#read(shared, pages, wanted);
      } catch (error) {
        if (!(error instanceof FileError) || error.errno !== "ESTALE" || attempt >= ATTEMPTS) throw error;
        await this.#readNow(shared, wanted);
      }
    }
  }

  /** Reads the first pieces that are wanted, whatever the file has become meanwhile. */
  async #readNow(shared: SharedNode, wanted: readonly number[]): Promise<void> {
    const first = wanted[0] ?? 0;
    const run = wanted.filter((index, at) => index === first + at);
    const bytes = await this.#link.syncAndRead({
      ino: shared.ino,
      offset: first * PIECE_BYTES,
      length: run.length * PIECE_BYTES,
    });
    const { pages } = shared;
    if (bytes === undefined || pages === undefined) return;
    for (const index of run) {
      const size = pages.fileBytes(index);
      const part = bytes.subarray((index - first) * PIECE_BYTES).subarray(0, size);
      if (pages.source(index) === "file" && !pages.has(index) && part.length === size) pages.put(index, part);
    }
  }

  async #read(shared: SharedNode, pages: Pages, wanted: readonly number[]): Promise<void> {
    // What is on its way to the store is read there when it has arrived.
    if (shared.sending) await this.#link.flushed();
    const client = this.#link.needClient();
    for (let at = 0; at < wanted.length; ) {
      const first = wanted[at] ?? 0;
      const source = pages.source(first);
      let count = 1;
      while (wanted[at + count] === first + count && pages.source(first + count) === source) count += 1;
      const { ino, version } = shared;
      let bytes: Uint8Array;
      if (source === "stage") {
        bytes = await client.readStage(pages.stage ?? 0, first, count);
      } else {
        const length = (count - 1) * PIECE_BYTES + pages.fileBytes(first + count - 1);
        bytes = await client.read(ino, version, first * PIECE_BYTES, length);
        if (bytes.length < length) throw new FileError("EIO", `file ${ino} ends within piece ${first}`);
      }
      if (client !== this.#link.client) throw new FileError("EIO", "the child's life is over");
      if (shared.version !== version) throw new FileError("ESTALE", `file ${ino} has changed meanwhile`);
      for (let index = 0; index < count; index++) {
        if (!pages.has(first + index)) {
          pages.put(first + index, bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES));
        }
      }
      at += count;
    }
  }
}

/** Pieces between two places that are not in memory and not zeros. */
function missing(pages: Pages, start: number, end: number): number[] {
  const found: number[] = [];
  for (let index = Math.floor(start / PIECE_BYTES); index * PIECE_BYTES < end; index++) {
    if (!pages.has(index) && pages.source(index) !== "nowhere") found.push(index);
  }
  return found;
}
