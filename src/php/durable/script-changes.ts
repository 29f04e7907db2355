// What scripts do to files, as it happens: written down for the store where the files are shared.

import type { ChangeLog } from "./change-log.ts";
import { EFBIG, EIO, ENAMETOOLONG, ENODEV, ENOSPC } from "./errno.ts";
import type { FileView } from "./file-view.ts";
import type { MemoryNode, MemoryStream } from "./memory-node.ts";
import type { MemoryTree } from "./memory-tree.ts";
import type { LargeContent, MemoryWatcher } from "./memory-watch.ts";
import type { OpenFiles } from "./open-files.ts";
import { isTooLong, isTooLongTarget } from "./places.ts";
import type { SharedContents } from "./shared-contents.ts";
import type { SharedNode } from "./shared-node.ts";
import type { SharedNodes } from "./shared-nodes.ts";
import type { StoreLink } from "./store-link.ts";

export interface ScriptChangesParts {
  readonly tree: MemoryTree;
  readonly log: ChangeLog;
  readonly view: FileView;
  readonly nodes: SharedNodes;
  readonly contents: SharedContents;
  readonly link: StoreLink;
  readonly open: OpenFiles;
}

export class ScriptChanges implements MemoryWatcher {
  readonly #parts: ScriptChangesParts;

  constructor(parts: ScriptChangesParts) {
    this.#parts = parts;
  }

  making(parent: MemoryNode, name: string, target = ""): boolean {
    const { link, tree } = this.#parts;
    const { client } = link;
    if (client === undefined || this.#watched(parent) === undefined) return false;
    const tooLong = isTooLong(parent, name, client.sizes) || isTooLongTarget(target, client.sizes);
    if (tooLong) throw tree.error(ENAMETOOLONG);
    // Where a script can wait there is a number: see `ScriptCalls.stocked`.
    if (!link.room.fitsNode || !client.hasInode) throw tree.error(ENOSPC);
    return true;
  }

  made(node: MemoryNode): void {
    const dir = this.#watched(node.parent);
    if (dir === undefined) return;
    const { link, log, nodes } = this.#parts;
    const ino = link.client?.takeInode();
    if (ino === undefined) return;
    const shared = nodes.add(node, ino);
    shared.created = true;
    log.made(shared, dir);
  }

  renaming(node: MemoryNode, parent: MemoryNode, name: string): void {
    const { link, tree } = this.#parts;
    if (link.client === undefined || this.#watched(node) === undefined) return;
    if (isTooLong(parent, name, link.client.sizes, node)) throw tree.error(ENAMETOOLONG);
  }

  renamed(node: MemoryNode, from: { readonly parent: MemoryNode; readonly name: string }, over?: MemoryNode): void {
    const shared = this.#watched(node);
    const dir = this.#watched(from.parent);
    const toDir = this.#watched(node.parent);
    if (shared === undefined || dir === undefined || toDir === undefined) return;
    const { nodes, log } = this.#parts;
    const replaced = over === undefined || over === node ? undefined : nodes.of(over);
    if (replaced !== undefined) {
      replaced.gone = true;
      replaced.dirty = undefined;
      if (replaced.opens === 0) this.#parts.link.drop(replaced);
      log.forget(replaced, "content");
    }
    shared.moves++;
    log.renamed(shared, dir, from.name, toDir);
  }

  removed(node: MemoryNode): void {
    const shared = this.#watched(node);
    const dir = this.#watched(node.parent);
    if (shared === undefined || dir === undefined || shared.gone) return;
    shared.gone = true;
    if (shared.opens === 0) this.#parts.link.drop(shared);
    this.#parts.log.removed(shared, dir, node.name);
    if (shared.created) this.#parts.nodes.forget(shared);
  }

  written(node: MemoryNode, start: number, end: number, append: boolean): void {
    const shared = this.#changing(node);
    if (shared !== undefined) this.#parts.log.content(shared).written(start, end, append);
  }

  resized(node: MemoryNode, size: number): void {
    const shared = this.#changing(node);
    if (shared === undefined) return;
    const before = shared.stale === undefined ? Number.POSITIVE_INFINITY : shared.size;
    this.#parts.log.content(shared).resized(size, before);
    if (size === 0) this.#parts.contents.emptied(shared);
  }

  modeSet(node: MemoryNode): void {
    const shared = this.#watched(node);
    if (shared !== undefined && !shared.gone) this.#parts.log.modeSet(shared);
  }

  timeSet(node: MemoryNode, mtime: number): void {
    const shared = this.#watched(node);
    if (shared !== undefined && !shared.gone) this.#parts.log.timeSet(shared, mtime);
  }

  opened(stream: MemoryStream): void {
    this.#parts.open.opened(stream);
  }

  closed(stream: MemoryStream): void {
    this.#parts.open.closed(stream);
  }

  reading(node: MemoryNode): void {
    const { view, nodes, contents, tree } = this.#parts;
    if (view.applying) return;
    const shared = nodes.of(node);
    if (shared !== undefined && contents.lacks(shared)) throw tree.error(EIO);
  }

  large(node: MemoryNode): LargeContent | undefined {
    return this.#parts.contents.special(node)?.pages;
  }

  mapping(): void {
    throw this.#parts.tree.error(ENODEV);
  }

  disk(): { total: number; free: number } | undefined {
    const { client, room } = this.#parts.link;
    if (client === undefined || room.bytes === undefined) return undefined;
    return { total: client.sizes.totalBytes, free: room.bytes };
  }

  /** @throws an `ErrnoError` when a file would be longer than the store takes */
  checkSize(size: number): void {
    const { link, tree } = this.#parts;
    if (size > (link.client?.sizes.fileBytes ?? Number.POSITIVE_INFINITY)) throw tree.error(EFBIG);
  }

  #changing(node: MemoryNode): SharedNode | undefined {
    const shared = this.#watched(node);
    if (shared === undefined || shared.gone) return undefined;
    this.#parts.contents.touched(shared);
    return shared;
  }

  /** Undefined for what is not shared, and while nobody is to be told. */
  #watched(node: MemoryNode): SharedNode | undefined {
    const { link, view, nodes } = this.#parts;
    return link.client === undefined || view.applying ? undefined : nodes.of(node);
  }
}
