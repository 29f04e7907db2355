// Contents of shared files in memory: what of them is known, what must be read anew, and what is forgotten for others.

import { FileError, type NodeChange, PIECE_BYTES } from "../../fs/index.ts";
import { bytesOf, type MemoryNode } from "./memory-node.ts";
import type { PageCache } from "./page-cache.ts";
import { Pages } from "./pages.ts";
import type { SharedNode } from "./shared-node.ts";

/** Reads bytes of a content from the store. */
export type ReadContent = (ino: number, version: number, offset: number, length: number) => Promise<Uint8Array>;

/** Bytes beyond which a file is held in pieces, not as a whole. */
export const LARGE: number = 1024 * 1024;

/** How often a file that changes while it is read is asked for again. */
const ATTEMPTS = 10;

export class SharedContents {
  readonly cache: PageCache;
  /** Told of what was sent ahead for nothing. */
  onAbandoned: (stage: number) => void = () => {};
  readonly #error: (errno: number) => Error;
  readonly #most: number;
  /** Files that are still the application's own: their contents need nobody's help. */
  readonly #pristine = new Set<MemoryNode>();
  /** Contents that were read from the store or written here, with the bytes that each was counted with. */
  readonly #held = new Map<SharedNode, number>();
  /** All these bytes: a content may have gone since, and none has grown but those that are to be counted. */
  #counted = 0;
  readonly #uncounted = new Set<SharedNode>();
  /** Files that are held in pieces; and those that are in no directory any more and still open. */
  readonly #special = new WeakMap<MemoryNode, SharedNode>();
  readonly #loads = new Map<SharedNode, Promise<void>>();
  #clock = 0;

  /**
   * @param error makes what the file system throws
   * @param large bytes beyond which a file is held in pieces
   */
  constructor(cache: PageCache, error: (errno: number) => Error, large: number) {
    this.cache = cache;
    this.#error = error;
    this.#most = large;
  }

  /** A life is over: what was being read for it may never come. */
  clear(): void {
    this.#loads.clear();
  }

  /** Takes a file for the application's own. */
  adopt(node: MemoryNode): void {
    this.#pristine.add(node);
  }

  /** A script changed it: it is not the application's any more. */
  touched(shared: SharedNode): void {
    this.#pristine.delete(shared.node);
    this.#keep(shared);
  }

  used(shared: SharedNode): void {
    shared.used = ++this.#clock;
  }

  /** A file was emptied: nothing of what it had is needed any more. */
  emptied(shared: SharedNode): void {
    shared.stale = undefined;
  }

  forget(shared: SharedNode): void {
    this.#pristine.delete(shared.node);
    this.#letGo(shared);
    if (shared.opens === 0) this.release(shared);
    // Who has it open reads on, and may lock it.
    else if (!shared.created) this.#special.set(shared.node, shared);
  }

  /** Nothing of a file's pieces is needed any more. */
  release(shared: SharedNode): void {
    this.#special.delete(shared.node);
    if (shared.pages === undefined) return;
    const { stage } = shared.pages;
    if (stage !== undefined) this.onAbandoned(stage);
    shared.pages.clear();
    shared.pages = undefined;
    shared.stale = "all";
  }

  /** The file, if it is held in pieces, or is in no directory any more and still open. */
  special(node: MemoryNode): SharedNode | undefined {
    return this.#special.get(node);
  }

  /** Brings in what the store says of a content. */
  describe(shared: SharedNode, { version, size, base, stale }: NodeChange): void {
    const { node } = shared;
    shared.size = size;
    if (this.#pristine.has(node)) {
      if (base !== undefined && size === (node.usedBytes ?? 0)) {
        shared.version = version;
        return;
      }
      // Emptied, it is a file of its own.
      this.#pristine.delete(node);
      node.node_ops.setattr(node, { size: 0 });
      shared.stale = "all";
    }
    if (shared.pages !== undefined) {
      this.#describeLarge(shared, shared.pages, version, size, stale);
      return;
    }
    if (shared.version === version && shared.stale === undefined) return;
    const own = shared.dirty !== undefined || shared.sending;
    if (shared.version !== version) {
      if (stale === undefined || shared.version === 0 || shared.stale === "all") shared.stale = "all";
      else if (stale.length > 0) shared.stale = new Set([...(shared.stale ?? []), ...stale]);
      // What was added at the end went to another place when others did so too.
      if (own && size !== (node.usedBytes ?? 0) && shared.dirty === undefined) shared.stale = "all";
    }
    shared.version = version;
    if (size === 0 && !own) {
      node.contents = null;
      node.usedBytes = 0;
      shared.stale = undefined;
    }
    // An open file keeps its content until the new one is there.
    if (own || shared.opens > 0 || shared.stale === undefined) return;
    if (shared.stale === "all") node.contents = null;
    node.usedBytes = size;
  }

  #describeLarge(
    shared: SharedNode,
    pages: Pages,
    version: number,
    size: number,
    stale: readonly number[] | undefined,
  ): void {
    const { node, dirty } = shared;
    if (shared.version !== version) {
      const moved = shared.sending && dirty === undefined && size !== (node.usedBytes ?? 0);
      const all = stale === undefined || shared.version === 0 || moved;
      pages.changed(Math.min(size, dirty?.cut ?? size), all ? "all" : stale);
      shared.version = version;
    }
    if (dirty === undefined) node.usedBytes = size;
  }

  /** A content that came along. */
  take(shared: SharedNode, version: number, bytes: Uint8Array): void {
    // Of a file that is in no directory any more only its content is told, with a lock.
    if (shared.gone) shared.version = version;
    if (shared.dirty !== undefined || shared.version !== version || shared.pages !== undefined) return;
    shared.node.contents = bytes.slice();
    shared.node.usedBytes = bytes.length;
    shared.size = bytes.length;
    shared.stale = undefined;
    this.#keep(shared);
  }

  /** Whether bytes that a script could ask for are missing. */
  lacks(shared: SharedNode): boolean {
    const { node, stale, opens } = shared;
    return stale !== undefined && (opens === 0 || node.contents === null) && (node.usedBytes ?? 0) > 0;
  }

  /**
   * Brings a content in, as the store has it; of a large file only that it is one.
   *
   * @param readNow brings in what others changed, and gives the beginning of the content as it is then, if it can
   * @throws {FileError}
   */
  async load(
    shared: SharedNode,
    read: ReadContent,
    readNow: (ino: number) => Promise<Uint8Array | undefined>,
  ): Promise<void> {
    for (let attempt = 0; shared.stale !== undefined && shared.dirty === undefined && !shared.gone; attempt++) {
      if (shared.size > this.#most) {
        this.#divide(shared);
        return;
      }
      const running = this.#loads.get(shared) ?? this.#load(shared, read);
      this.#loads.set(shared, running);
      try {
        await running.finally(() => {
          if (this.#loads.get(shared) === running) this.#loads.delete(shared);
        });
      } catch (error) {
        if (!(error instanceof FileError) || error.errno !== "ESTALE" || attempt >= ATTEMPTS) throw error;
        const bytes = await readNow(shared.ino);
        if (bytes?.length === shared.size) this.take(shared, shared.version, bytes);
      }
    }
  }

  async #load(shared: SharedNode, read: ReadContent): Promise<void> {
    const { node, ino, version, size, stale } = shared;
    const bytes = new Uint8Array(size);
    if (stale instanceof Set) {
      bytes.set(bytesOf(node).subarray(0, size));
      for (const piece of [...stale].sort((a, b) => a - b)) {
        const offset = piece * PIECE_BYTES;
        if (offset < size) bytes.set(await read(ino, version, offset, Math.min(PIECE_BYTES, size - offset)), offset);
      }
    } else {
      for (let at = 0; at < size; ) {
        const part = await read(ino, version, at, size - at);
        if (part.length === 0) throw new FileError("EIO", `file ${ino} ends at ${at} of ${size} bytes`);
        bytes.set(part, at);
        at += part.length;
      }
    }
    if (shared.version !== version || shared.dirty !== undefined) return;
    node.contents = bytes;
    node.usedBytes = size;
    shared.stale = undefined;
    this.#keep(shared);
  }

  /** A file becomes one that is held in pieces; what is not there is read when it is asked for. */
  #divide(shared: SharedNode): void {
    shared.node.contents = null;
    shared.node.usedBytes = shared.size;
    shared.stale = undefined;
    this.#hold(shared, new Pages(this.cache, shared.size, this.#error));
  }

  /** The same for a file that is there as a whole. Undefined for one that is the application's. */
  divided(shared: SharedNode): Pages | undefined {
    const { node } = shared;
    if (shared.pages !== undefined || this.#pristine.has(node) || shared.stale !== undefined) return shared.pages;
    const known = shared.created ? 0 : Math.min(shared.size, shared.dirty?.cut ?? shared.size);
    const changed = shared.dirty !== undefined || shared.sending || shared.created || shared.gone;
    this.#hold(shared, Pages.of(bytesOf(node), changed, this.cache, known, this.#error));
    node.contents = null;
    return shared.pages;
  }

  #hold(shared: SharedNode, pages: Pages): void {
    shared.pages = pages;
    this.#special.set(shared.node, shared);
    this.#letGo(shared);
  }

  /**
   * Forgets contents that were not used for the longest, until the others have at most that many bytes. Looks only at
   * what changed since the last time while there is room: thousands of sessions may be held.
   */
  shrink(most: number): void {
    for (const shared of this.#uncounted) this.#count(shared);
    this.#uncounted.clear();
    if (this.#counted <= most) return;
    for (const shared of this.#held.keys()) this.#count(shared);
    for (const shared of [...this.#held.keys()].sort((a, b) => a.used - b.used)) {
      if (this.#counted <= most) break;
      const { node } = shared;
      if (shared.opens > 0 || shared.dirty !== undefined || shared.sending || shared.created) continue;
      node.contents = null;
      if ((node.usedBytes ?? 0) > 0) shared.stale = "all";
      this.#letGo(shared);
    }
  }

  #keep(shared: SharedNode): void {
    if (shared.pages === undefined) this.#uncounted.add(shared);
    this.used(shared);
  }

  #count(shared: SharedNode): void {
    const bytes = bytesHeld(shared.node);
    this.#counted += bytes - (this.#held.get(shared) ?? 0);
    this.#held.set(shared, bytes);
  }

  #letGo(shared: SharedNode): void {
    this.#counted -= this.#held.get(shared) ?? 0;
    this.#held.delete(shared);
    this.#uncounted.delete(shared);
  }
}

function bytesHeld({ contents }: MemoryNode): number {
  return ArrayBuffer.isView(contents) ? contents.byteLength : 0;
}
