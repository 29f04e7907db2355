// What scripts did to shared files and the store does not know yet, in order; and batches made of it.

import type { FileOperation } from "../../fs/index.ts";
import type { Content } from "./content.ts";
import { Dirty } from "./dirty.ts";
import { bytesOf, isDirectory, isLink, type MemoryNode } from "./memory-node.ts";
import type { Entry, SharedNode } from "./shared-node.ts";

/** A part of the log on its way. */
export interface Taken {
  entries: Entry[];
  /** What was written to each file. */
  readonly contents: Map<SharedNode, Content>;
}

export class ChangeLog {
  #entries: Entry[] = [];

  get empty(): boolean {
    return this.#entries.length === 0;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Bytes by which the files with changes are longer than the store knows them; and nodes that it does not know. */
  growth(): { bytes: number; nodes: number } {
    let bytes = 0;
    let nodes = 0;
    for (const { type, shared } of this.#entries) {
      if (type === "make") nodes += 1;
      if (type === "content") bytes += Math.max(0, (shared.node.usedBytes ?? 0) - (shared.created ? 0 : shared.size));
    }
    return { bytes, nodes };
  }

  /** Whether the changed files that are held as a whole have more bytes than these. */
  longerThan(bytes: number): boolean {
    let sum = 0;
    for (const { type, shared } of this.#entries) {
      if (type === "content" && shared.pages === undefined) sum += shared.node.usedBytes ?? 0;
      if (sum > bytes) return true;
    }
    return false;
  }

  /** Gives everything up: what files have now is not to be believed. */
  clear(): void {
    for (const { type, shared } of this.#entries) {
      if (type !== "content") continue;
      shared.dirty = undefined;
      shared.version = 0;
      if (shared.pages === undefined) shared.stale = "all";
      else shared.pages.clear();
    }
    this.#entries = [];
  }

  made(shared: SharedNode, dir: SharedNode): void {
    this.#entries.push({ type: "make", shared, dir, name: shared.node.name });
  }

  renamed(shared: SharedNode, dir: SharedNode, name: string, toDir: SharedNode): void {
    this.#entries.push({ type: "rename", shared, dir, name, toDir, toName: shared.node.name });
  }

  /** What was made and removed since the last batch never was. */
  removed(shared: SharedNode, dir: SharedNode, name: string): void {
    shared.dirty = undefined;
    const of = this.#entries.filter((entry) => entry.shared === shared);
    const made = of.some(({ type }) => type === "make");
    const moved = of.some(({ type }) => type === "rename");
    this.#entries = this.#entries.filter((entry) => {
      if (entry.shared !== shared) return true;
      return moved && (entry.type === "make" || entry.type === "rename");
    });
    if (!made || moved) this.#entries.push({ type: "remove", shared, dir, name });
  }

  /** The content changes: what is written to it is remembered in the result. */
  content(shared: SharedNode): Dirty {
    if (shared.dirty === undefined) {
      shared.dirty = new Dirty();
      this.#entries.push({ type: "content", shared });
    }
    return shared.dirty;
  }

  modeSet(shared: SharedNode): void {
    const pending = this.#entries.some((entry) => {
      return entry.shared === shared && (entry.type === "make" || entry.type === "mode");
    });
    if (!pending) this.#entries.push({ type: "mode", shared });
  }

  timeSet(shared: SharedNode, mtime: number): void {
    this.#entries.push({ type: "time", shared, mtime });
  }

  /** Forgets what became known otherwise. */
  forget(shared: SharedNode, type: Entry["type"]): void {
    this.#entries = this.#entries.filter((entry) => entry.shared !== shared || entry.type !== type);
  }

  /**
   * Takes the log out, but for files that are open for writing: of a write that is under way nothing is told, nor that
   * the file was made, unless something else in the log needs its name.
   *
   * @param all nothing stays
   * @param only of the files that are open for writing, this one is told
   */
  take(all: boolean, only?: SharedNode): Taken {
    const stays = (shared: SharedNode) => !all && shared !== only && shared.writers > 0;
    const needed = new Set(
      this.#entries.flatMap((entry) => (entry.type === "rename" || entry.type === "remove" ? [entry.shared] : [])),
    );
    const taken: Taken = { entries: [], contents: new Map() };
    const rest: Entry[] = [];
    for (const entry of this.#entries) {
      const { shared, type } = entry;
      const kept = type === "content" || type === "time" || (type === "make" && !needed.has(shared));
      if (kept && stays(shared) && (type !== "make" || !isDirectory(shared.node))) {
        rest.push(entry);
        continue;
      }
      taken.entries.push(entry);
      if (type !== "content" || shared.dirty === undefined) continue;
      const fresh = taken.entries.some((other) => other.type === "make" && other.shared === shared);
      const known = fresh ? undefined : shared.size;
      const { node, pages, dirty } = shared;
      const content =
        pages === undefined
          ? dirty.content(bytesOf(node), known)
          : dirty.largeContent(pages, node.usedBytes ?? 0, known);
      taken.contents.set(shared, content);
      shared.dirty = undefined;
      shared.sending = true;
    }
    this.#entries = rest;
    return taken;
  }
}

/** What an entry comes to. */
export function operationsOf(entry: Entry, content: Content | undefined): FileOperation[] {
  const { shared } = entry;
  const { ino, node } = shared;
  switch (entry.type) {
    case "make":
      return [makeOperation(node, ino, entry.dir.ino, entry.name)];
    case "content":
      return content?.operations(ino) ?? [];
    case "rename": {
      const { dir, name, toDir, toName } = entry;
      return [{ op: "rename", dir: dir.ino, name, toDir: toDir.ino, toName, ino }];
    }
    case "remove": {
      const { dir, name } = entry;
      return [isDirectory(node) ? { op: "rmdir", dir: dir.ino, name } : { op: "unlink", dir: dir.ino, name, ino }];
    }
    case "mode":
      return [{ op: "chmod", ino, mode: node.mode & 0o7777 }];
    case "time":
      return [{ op: "utime", ino, mtime: entry.mtime }];
  }
}

function makeOperation(node: MemoryNode, ino: number, dir: number, name: string): FileOperation {
  if (isLink(node)) return { op: "symlink", dir, name, ino, target: node.link ?? "" };
  const mode = node.mode & 0o7777;
  return isDirectory(node) ? { op: "mkdir", dir, name, ino, mode } : { op: "create", dir, name, ino, mode };
}
