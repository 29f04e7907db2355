// The store's files as one interpreter sees them: names and sizes always, contents once a script opens the file.

import { type Changes, type NodeChange, ROOT } from "../../fs/index.ts";
import type { ChangeLog } from "./change-log.ts";
import { entriesOf, isDirectory, isFile, isLink, isMountRoot, type MemoryNode, within } from "./memory-node.ts";
import type { MemoryTree } from "./memory-tree.ts";
import type { SharedContents } from "./shared-contents.ts";
import type { SharedNode } from "./shared-node.ts";
import type { SharedNodes } from "./shared-nodes.ts";

export interface FileViewParts {
  readonly tree: MemoryTree;
  readonly log: ChangeLog;
  readonly nodes: SharedNodes;
  readonly contents: SharedContents;
  /** Absolute paths of the directories that are shared. */
  readonly roots: readonly string[];
}

export class FileView {
  readonly #tree: MemoryTree;
  readonly #log: ChangeLog;
  readonly #nodes: SharedNodes;
  readonly #contents: SharedContents;
  readonly #roots: readonly string[];
  /** Directories above the roots, by number, and their paths: they are not shared themselves. */
  readonly #ways = new Map<number, { readonly path: string; readonly node: MemoryNode }>();
  /** What came in since a view from the beginning was asked for. */
  #seen: Set<number> | undefined;
  /** What happens to files now is no script's doing. */
  applying = false;

  constructor({ tree, log, nodes, contents, roots }: FileViewParts) {
    this.#tree = tree;
    this.#log = log;
    this.#nodes = nodes;
    this.#contents = contents;
    this.#roots = roots;
  }

  /** Takes what lies below a directory for the application's own. */
  adopt(path: string): void {
    for (const node of this.#below(path)) if (isFile(node)) this.#contents.adopt(node);
  }

  /** Everything known is in doubt: the next changes tell all there is. */
  doubt(): void {
    this.#seen = new Set();
    for (const shared of this.#nodes.all()) {
      if (shared.created) {
        this.#tree.detach(shared.node);
        this.#nodes.forget(shared);
      } else if (shared.gone || shared.moves > 0) {
        shared.moves = 0;
        if (shared.gone) this.#nodes.forget(shared);
      }
      this.#contents.release(shared);
      if (shared.dirty !== undefined || shared.sending || shared.stale !== undefined) {
        shared.dirty = undefined;
        shared.sending = false;
        shared.version = 0;
        shared.stale = "all";
      }
      shared.opens = 0;
      shared.writers = 0;
    }
  }

  /** Brings in what others changed, and what became of one's own changes. */
  apply(changes: Changes): void {
    const before = this.applying;
    this.applying = true;
    try {
      this.#apply(changes);
    } finally {
      this.applying = before;
    }
  }

  #apply({ nodes, gone, reset, more }: Changes): void {
    if (reset) this.#seen ??= new Set();
    for (const ino of gone) {
      const shared = this.#nodes.get(ino);
      if (shared === undefined) continue;
      if (!shared.gone) {
        this.#tree.detach(shared.node);
        this.#nodes.lose(shared);
      }
      shared.gone = true;
      this.#nodes.forget(shared);
    }
    const changed = new Map(nodes.map((node) => [node.ino, node]));
    for (const change of nodes) this.#lift(change);
    for (const change of nodes) this.#place(change, changed);
    if (this.#seen === undefined) return;
    for (const { ino } of nodes) this.#seen.add(ino);
    if (more) return;
    const seen = this.#seen;
    this.#seen = undefined;
    this.#sweep(seen);
  }

  /** Takes a node that has moved out of the place where it was: the other one of two that change places is put there. */
  #lift({ ino, parent, name }: NodeChange): void {
    const shared = this.#nodes.get(ino);
    if (shared === undefined || shared.gone || shared.moves > 0) return;
    const { node } = shared;
    const directory = this.#nodes.get(parent)?.node ?? this.#ways.get(parent)?.node;
    if (isMountRoot(node) || (node.parent === directory && node.name === name)) return;
    this.#tree.detach(node);
  }

  /** What the store does not have is not there. */
  #sweep(seen: ReadonlySet<number>): void {
    for (const shared of this.#nodes.all()) {
      if (seen.has(shared.ino) || shared.created) continue;
      this.#tree.detach(shared.node);
      this.#nodes.forget(shared);
    }
    for (const root of this.#roots) {
      for (const node of this.#below(root)) {
        if (!isMountRoot(node) && this.#nodes.of(node) === undefined) this.#tree.detach(node);
      }
    }
  }

  /** Everything below a directory; of what is taken out meanwhile nothing further. */
  *#below(path: string): Iterable<MemoryNode> {
    const open = [this.#tree.at(path)];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const entry of Object.values(entriesOf(node))) {
        const child = within(entry);
        yield child;
        if (isDirectory(child) && entriesOf(node)[entry.name] === entry) open.push(child);
      }
    }
  }

  #place(change: NodeChange, changed: Map<number, NodeChange>): void {
    const { ino, parent, name, type } = change;
    if (!changed.delete(ino)) return;
    if (ino === ROOT) {
      this.#ways.set(ROOT, { path: "", node: this.#tree.at("/") });
      return;
    }
    // A parent may have come later than what is in it.
    const above = changed.get(parent);
    if (above !== undefined) this.#place(above, changed);
    const way = this.#ways.get(parent);
    if (way !== undefined) {
      const path = `${way.path}/${name}`;
      if (!this.#roots.includes(path)) {
        if (type === "directory" && this.#roots.some((root) => root.startsWith(`${path}/`))) {
          this.#ways.set(ino, { path, node: this.#tree.at(path) });
        }
        return;
      }
    }
    const directory = way?.node ?? this.#nodes.get(parent)?.node;
    if (directory === undefined || !isDirectory(directory)) return;
    const known = this.#nodes.get(ino);
    if (known?.gone) return;
    const shared = known ?? this.#found(change, directory) ?? this.#make(change, directory);
    const { node } = shared;
    if (known !== undefined && !isMountRoot(node) && known.moves === 0 && entriesOf(directory)[name] !== node) {
      this.#clear(directory, name);
      this.#tree.attach(node, directory, name);
    }
    this.#describe(shared, change);
  }

  /** Something of that name and type is there already: the application's file, or one that a script has just made. */
  #found({ ino, name, type, size }: NodeChange, directory: MemoryNode): SharedNode | undefined {
    const entry = entriesOf(directory)[name];
    if (entry === undefined) return undefined;
    const node = within(entry);
    const fits = type === "directory" ? isDirectory(node) : type === "file" ? isFile(node) : isLink(node);
    const its = this.#nodes.of(node);
    if (!fits || (its !== undefined && !its.created)) {
      this.#clear(directory, name);
      return undefined;
    }
    if (its === undefined) return this.#nodes.add(node, ino);
    this.#nodes.renumber(its, ino);
    its.created = false;
    its.size = size;
    this.#log.forget(its, "make");
    return its;
  }

  #make({ ino, name, type, mode, target }: NodeChange, directory: MemoryNode): SharedNode {
    const node = this.#tree.create(directory, name, type, mode);
    if (target !== undefined) node.link = target;
    return this.#nodes.add(node, ino);
  }

  #clear(directory: MemoryNode, name: string): void {
    const entry = entriesOf(directory)[name];
    if (entry === undefined) return;
    this.#tree.detach(entry);
    const its = this.#nodes.of(entry);
    if (its !== undefined) this.#nodes.forget(its);
  }

  #describe(shared: SharedNode, change: NodeChange): void {
    const { node } = shared;
    node.mode = (node.mode & ~0o7777) | (change.mode & 0o7777);
    if (change.type === "file") this.#contents.describe(shared, change);
    if (shared.dirty === undefined) {
      node.mtime = node.atime = change.mtime;
      node.ctime = change.ctime;
    }
  }
}
