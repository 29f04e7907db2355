// The store's files as one interpreter sees them: names and sizes always, contents once a script opens the file.

import { type Changes, FileError, type NodeChange, PIECE_BYTES, ROOT } from "../../fs/index.ts";
import type { ChangeLog } from "./change-log.ts";
import { bytesOf, entriesOf, isDirectory, isFile, isLink, type MemoryNode, type MemoryTree } from "./memory-files.ts";
import { type SharedNode, sharedNode } from "./shared-node.ts";

/** Reads bytes of a content from the store. */
export type ReadContent = (ino: number, version: number, offset: number, length: number) => Promise<Uint8Array>;

export class FileView {
  readonly #tree: MemoryTree;
  readonly #log: ChangeLog;
  /** Absolute paths of the directories that are shared. */
  readonly #roots: readonly string[];
  readonly #byIno = new Map<number, SharedNode>();
  readonly #byNode = new Map<MemoryNode, SharedNode>();
  /** Directories above the roots, by number, and their paths: they are not shared themselves. */
  readonly #ways = new Map<number, { readonly path: string; readonly node: MemoryNode }>();
  /** Files that are still the application's own: their contents need nobody's help. */
  readonly #pristine = new Set<MemoryNode>();
  /** Contents that were read from the store or written here. */
  readonly #held = new Set<SharedNode>();
  readonly #loads = new Map<SharedNode, Promise<void>>();
  #clock = 0;
  /** What came in since a view from the beginning was asked for. */
  #seen: Set<number> | undefined;
  /** What happens to files now is no script's doing. */
  applying = false;

  constructor(tree: MemoryTree, log: ChangeLog, roots: readonly string[]) {
    this.#tree = tree;
    this.#log = log;
    this.#roots = roots;
  }

  /** Takes what lies below a directory for the application's own. */
  adopt(path: string): void {
    const open = [this.#tree.at(path)];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (isFile(node)) this.#pristine.add(node);
      else if (isDirectory(node)) open.push(...Object.values(entriesOf(node)).map(within));
    }
  }

  of(node: MemoryNode): SharedNode | undefined {
    return this.#byNode.get(node);
  }

  /** A node that a script made in a shared directory. */
  add(node: MemoryNode, ino: number): SharedNode {
    const shared = sharedNode(node, ino);
    shared.created = true;
    this.#bind(shared);
    return shared;
  }

  /** A script changed its content: it is not the application's any more. */
  touched(shared: SharedNode): void {
    this.#pristine.delete(shared.node);
    this.#held.add(shared);
    shared.used = ++this.#clock;
  }

  /** Another number turned out to be its own. */
  renumber(shared: SharedNode, ino: number): void {
    const other = this.#byIno.get(ino);
    if (other !== undefined && other !== shared) this.#forget(other);
    if (this.#byIno.get(shared.ino) === shared) this.#byIno.delete(shared.ino);
    shared.ino = ino;
    this.#byIno.set(ino, shared);
    shared.version = 0;
    if (isFile(shared.node)) shared.stale = "all";
  }

  /** Everything known is in doubt: the next changes tell all there is. */
  doubt(): void {
    this.#seen = new Set();
    for (const shared of [...this.#byIno.values()]) {
      if (shared.created) {
        this.#tree.detach(shared.node);
        this.#forget(shared);
      } else if (shared.gone || shared.moves > 0) {
        shared.moves = 0;
        if (shared.gone) this.#forget(shared);
      }
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
      const shared = this.#byIno.get(ino);
      if (shared === undefined) continue;
      if (!shared.gone) this.#tree.detach(shared.node);
      shared.gone = true;
      this.#forget(shared);
    }
    const changed = new Map(nodes.map((node) => [node.ino, node]));
    for (const change of nodes) {
      const shared = this.#byIno.get(change.ino);
      if (shared === undefined || shared.gone || shared.moves > 0) continue;
      const { node } = shared;
      const parent = this.#byIno.get(change.parent)?.node ?? this.#ways.get(change.parent)?.node;
      if (isMountRoot(node) || (node.parent === parent && node.name === change.name)) continue;
      this.#tree.detach(node);
    }
    for (const change of nodes) this.#place(change, changed);
    if (this.#seen === undefined) return;
    for (const { ino } of nodes) this.#seen.add(ino);
    if (more) return;
    const seen = this.#seen;
    this.#seen = undefined;
    this.#sweep(seen);
  }

  /** What the store does not have is not there. */
  #sweep(seen: ReadonlySet<number>): void {
    for (const [ino, shared] of [...this.#byIno]) {
      if (seen.has(ino) || shared.created) continue;
      this.#tree.detach(shared.node);
      this.#forget(shared);
    }
    for (const root of this.#roots) {
      const open = [this.#tree.at(root)];
      for (let node = open.pop(); node !== undefined; node = open.pop()) {
        for (const entry of Object.values(entriesOf(node))) {
          const child = within(entry);
          if (child === entry && !this.#byNode.has(child)) this.#tree.detach(child);
          else if (isDirectory(child)) open.push(child);
        }
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
    const directory = way?.node ?? this.#byIno.get(parent)?.node;
    if (directory === undefined || !isDirectory(directory)) return;
    const known = this.#byIno.get(ino);
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
    const its = this.#byNode.get(node);
    if (!fits || (its !== undefined && !its.created)) {
      this.#clear(directory, name);
      return undefined;
    }
    if (its === undefined) {
      const shared = sharedNode(node, ino);
      this.#bind(shared);
      return shared;
    }
    this.renumber(its, ino);
    its.created = false;
    its.size = size;
    this.#log.forget(its, "make");
    return its;
  }

  #make({ ino, name, type, mode, target }: NodeChange, directory: MemoryNode): SharedNode {
    const node = this.#tree.create(directory, name, type, mode);
    if (target !== undefined) node.link = target;
    const shared = sharedNode(node, ino);
    this.#bind(shared);
    return shared;
  }

  #clear(directory: MemoryNode, name: string): void {
    const entry = entriesOf(directory)[name];
    if (entry === undefined) return;
    this.#tree.detach(entry);
    const its = this.#byNode.get(entry);
    if (its !== undefined) this.#forget(its);
  }

  #describe(shared: SharedNode, change: NodeChange): void {
    const { node } = shared;
    node.mode = (node.mode & ~0o7777) | (change.mode & 0o7777);
    if (change.type === "file") this.#describeContent(shared, change);
    if (shared.dirty === undefined) {
      node.mtime = node.atime = change.mtime;
      node.ctime = change.ctime;
    }
  }

  #describeContent(shared: SharedNode, { version, size, base, stale }: NodeChange): void {
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

  /** A content that came along. */
  take(shared: SharedNode, version: number, bytes: Uint8Array): void {
    if (shared.dirty !== undefined || shared.version !== version) return;
    shared.node.contents = bytes.slice();
    shared.node.usedBytes = bytes.length;
    shared.size = bytes.length;
    shared.stale = undefined;
    this.#keep(shared);
  }

  /** Whether bytes that a script could ask for are missing. */
  lacks(node: MemoryNode): boolean {
    const shared = this.#byNode.get(node);
    return shared?.stale !== undefined && (shared.opens === 0 || node.contents === null) && (node.usedBytes ?? 0) > 0;
  }

  /** A file was emptied: nothing of it is needed any more. */
  emptied(shared: SharedNode): void {
    shared.stale = undefined;
  }

  used(shared: SharedNode): void {
    shared.used = ++this.#clock;
  }

  /** Brings a content in, as the store has it. @throws {FileError} */
  async load(shared: SharedNode, read: ReadContent, sync: () => Promise<void>): Promise<void> {
    for (let attempt = 0; shared.stale !== undefined && shared.dirty === undefined && !shared.gone; attempt++) {
      const running = this.#loads.get(shared) ?? this.#load(shared, read).finally(() => this.#loads.delete(shared));
      this.#loads.set(shared, running);
      try {
        await running;
      } catch (error) {
        if (!(error instanceof FileError) || error.errno !== "ESTALE" || attempt >= 10) throw error;
        await sync();
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

  /** Files that are open and not up to date. */
  *outdated(): Iterable<SharedNode> {
    for (const stream of this.#tree.streams()) {
      const shared = stream && this.#byNode.get(stream.node);
      if (shared && shared.stale !== undefined && shared.dirty === undefined) yield shared;
    }
  }

  /** Forgets contents that were not used for the longest, until the others have at most that many bytes. */
  shrink(most: number): void {
    let sum = 0;
    for (const { node } of this.#held) sum += ArrayBuffer.isView(node.contents) ? node.contents.byteLength : 0;
    if (sum <= most) return;
    for (const shared of [...this.#held].sort((a, b) => a.used - b.used)) {
      if (sum <= most) break;
      const { node } = shared;
      if (shared.opens > 0 || shared.dirty !== undefined || shared.sending || shared.created) continue;
      sum -= ArrayBuffer.isView(node.contents) ? node.contents.byteLength : 0;
      node.contents = null;
      if ((node.usedBytes ?? 0) > 0) shared.stale = "all";
      this.#held.delete(shared);
    }
  }

  #keep(shared: SharedNode): void {
    this.#held.add(shared);
    shared.used = ++this.#clock;
  }

  #bind(shared: SharedNode): void {
    this.#byIno.set(shared.ino, shared);
    this.#byNode.set(shared.node, shared);
  }

  #forget(shared: SharedNode): void {
    if (this.#byIno.get(shared.ino) === shared) this.#byIno.delete(shared.ino);
    if (this.#byNode.get(shared.node) === shared) this.#byNode.delete(shared.node);
    this.#pristine.delete(shared.node);
    this.#held.delete(shared);
  }

  /** The store has answered to a removal. */
  removed(shared: SharedNode): void {
    this.#forget(shared);
  }
}

/** What a path through this entry leads to: the root of what is mounted there. */
function within(node: MemoryNode): MemoryNode {
  return (node as { readonly mounted?: { readonly root: MemoryNode } | null }).mounted?.root ?? node;
}

function isMountRoot(node: MemoryNode): boolean {
  return node.parent === node;
}
