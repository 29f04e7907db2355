// One batch of operations on its way into the tree and the pieces, within a transaction: each is checked, then done.
// Whoever runs it takes everything back when one of them throws.

import type { Contents } from "./contents.ts";
import { FileError } from "./errno.ts";
import { PIECE_BYTES, type StoreLimits } from "./limits.ts";
import { type Node, ROOT } from "./node.ts";
import type { FileOperation } from "./operation.ts";
import { byteLength, type Tree } from "./tree.ts";

/** What a batch works on. */
export interface BatchPlace {
  readonly tree: Tree;
  readonly contents: Contents;
  readonly limits: StoreLimits;
  /** Unlinked files that a child has open. */
  readonly orphan: (ino: number) => Node | undefined;
  /** Whether a new node may have this number. */
  readonly mayCreate: (ino: number) => boolean;
  /** Where a stage of the child lies. */
  readonly staged: (stage: number) => { readonly owner: number } | undefined;
  /** Bytes of all contents at present. */
  readonly bytes: () => number;
  /** The `seq` of the batch. */
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

export class Batch {
  readonly #place: BatchPlace;
  readonly #bytesBefore: number;
  /** Numbers that a child chose for files that were there already. */
  readonly aliases: Map<number, number> = new Map();
  readonly dirty: Set<Node> = new Set();
  readonly created: Set<Node> = new Set();
  readonly removed: Set<Node> = new Set();
  readonly usedStages: Set<number> = new Set();
  /** Pieces that changed, and the content's version before. */
  readonly touched: Map<Node, { readonly version: number; readonly pieces: Set<number> }> = new Map();

  constructor(place: BatchPlace) {
    this.#place = place;
    this.#bytesBefore = place.bytes();
  }

  /** @throws {FileError} */
  apply(operation: FileOperation): void {
    switch (operation.op) {
      case "create": {
        const dir = this.#dir(operation.dir);
        const found = this.#place.tree.child(dir, operation.name);
        if (found === undefined) {
          this.#add(dir, operation, "file", operation.mode);
        } else if (operation.exclusive === true) {
          throw new FileError("EEXIST", `${this.#path(found)} exists`);
        } else if (found.type === "directory") {
          throw new FileError("EISDIR", `${this.#path(found)} is a directory`);
        } else if (found.type === "symlink") {
          throw new FileError("ELOOP", `${this.#path(found)} is a link by now`);
        } else if (found.ino !== operation.ino) {
          this.aliases.set(operation.ino, found.ino);
        }
        return;
      }
      case "mkdir":
      case "symlink": {
        const dir = this.#dir(operation.dir);
        const found = this.#place.tree.child(dir, operation.name);
        if (found !== undefined) throw new FileError("EEXIST", `${this.#path(found)} exists`);
        if (operation.op === "mkdir") {
          this.#add(dir, operation, "directory", operation.mode);
          return;
        }
        const size = byteLength(operation.target);
        if (size === 0) throw new FileError("ENOENT", "a link to nothing");
        if (!operation.target.isWellFormed()) throw new FileError("EINVAL", "a link to what has no UTF-8");
        if (size > this.#place.limits.pathBytes) {
          throw new FileError("ENAMETOOLONG", `a link of ${size} bytes; ${this.#place.limits.pathBytes} are allowed`);
        }
        const node = this.#add(dir, operation, "symlink", 0o777);
        node.target = operation.target;
        node.size = size;
        return;
      }
      case "write":
        this.#write(operation);
        return;
      case "truncate":
        this.#truncate(this.#file(operation.ino), operation.size);
        return;
      case "rename":
        this.#rename(operation);
        return;
      case "unlink": {
        const node = this.#named(operation.dir, operation.name, operation.ino);
        if (node.type === "directory") throw new FileError("EISDIR", `${this.#path(node)} is a directory`);
        this.#remove(node);
        return;
      }
      case "rmdir": {
        const node = this.#named(operation.dir, operation.name, undefined);
        if (node.type !== "directory") throw new FileError("ENOTDIR", `${this.#path(node)} is not a directory`);
        this.#checkEmpty(node);
        this.#remove(node);
        return;
      }
      case "chmod": {
        const node = this.#change(this.#node(operation.ino));
        node.mode = operation.mode & 0o7777;
        node.ctime = this.#place.time;
        return;
      }
      case "utime": {
        if (!Number.isFinite(operation.mtime)) throw new FileError("EINVAL", `${operation.mtime} is no time`);
        const node = this.#change(this.#node(operation.ino));
        node.mtime = operation.mtime;
        node.ctime = this.#place.time;
        return;
      }
      default:
        throw new FileError("EINVAL", `${String((operation as { op?: unknown }).op)} is no operation`);
    }
  }

  #write({ ino, offset, data, version }: Extract<FileOperation, { op: "write" }>): void {
    const { contents, limits, staged } = this.#place;
    const node = this.#file(ino);
    if (version !== undefined && version !== node.version) {
      throw new FileError("ESTALE", `${this.#path(node)} has changed meanwhile`);
    }
    const at = offset === "end" ? node.size : offset;
    const { length } = data;
    checkNumber(at, "offset");
    checkNumber(length, "length");
    if (length === 0) return;
    if (at + length > limits.fileBytes) throw tooLarge(this.#path(node), at + length, limits);
    this.#changeContent(node);
    const touched = this.#touching(node);
    if (at > node.size) this.#mark(node, node.size, at);
    if (data instanceof Uint8Array) {
      contents.write(node, at, data, touched);
    } else {
      const stage = staged(data.stage);
      if (stage === undefined) throw new FileError("ESTALE", `nothing is staged as ${data.stage}`);
      if (this.usedStages.has(data.stage)) throw new FileError("EINVAL", `stage ${data.stage} is used twice`);
      if (at % PIECE_BYTES !== 0) throw new FileError("EINVAL", `staged bytes cannot go to offset ${at}`);
      contents.writeStaged(node, at, { owner: stage.owner, length, sparse: data.sparse === true }, touched);
      this.usedStages.add(data.stage);
    }
    this.#checkSpace();
  }

  #truncate(node: Node, size: number): void {
    checkNumber(size, "size");
    if (size > this.#place.limits.fileBytes) throw tooLarge(this.#path(node), size, this.#place.limits);
    this.#changeContent(node);
    this.#mark(node, Math.min(size, node.size), Math.max(size, node.size));
    this.#place.contents.truncate(node, size);
    this.#checkSpace();
  }

  #rename({ dir, name, toDir, toName, ino }: Extract<FileOperation, { op: "rename" }>): void {
    const { tree, time } = this.#place;
    const node = this.#named(dir, name, ino);
    const to = this.#dir(toDir);
    const found = tree.child(to, toName);
    if (found === node) return;
    if (tree.isWithin(to, node)) throw new FileError("EINVAL", `${this.#path(node)} cannot be moved into itself`);
    if (found !== undefined) {
      // As Linux: before anything is said of types.
      if (tree.isWithin(tree.directory(node.parent), found)) this.#checkEmpty(found);
      if (found.type === "directory") {
        if (node.type !== "directory") throw new FileError("EISDIR", `${this.#path(found)} is a directory`);
        this.#checkEmpty(found);
      } else if (node.type === "directory") {
        throw new FileError("ENOTDIR", `${this.#path(found)} is not a directory`);
      }
      this.#remove(found);
    }
    // What lies in the archive is found by its path there, which the next build may give to something else.
    this.#copyUpBelow(node);
    const from = tree.get(node.parent);
    if (from !== undefined) this.#changeEntries(from);
    this.#changeEntries(to);
    tree.move(this.#change(node), to, toName);
    node.ctime = time;
    this.#checkSpace();
  }

  #copyUpBelow(top: Node): void {
    const { tree, contents } = this.#place;
    const open = [top];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node.base !== undefined) {
        this.#change(node);
        if (node.type === "file") contents.copyUp(node);
        node.base = undefined;
      }
      for (const ino of node.entries?.values() ?? []) {
        const child = tree.get(ino);
        if (child !== undefined) open.push(child);
      }
    }
  }

  #remove(node: Node): void {
    const parent = this.#place.tree.get(node.parent);
    if (parent !== undefined) this.#changeEntries(parent);
    this.#place.tree.remove(node);
    this.removed.add(node);
  }

  #add(
    dir: Node,
    { ino, name }: { readonly ino: number; readonly name: string },
    type: Node["type"],
    mode: number,
  ): Node {
    const { tree, seq, time, mayCreate } = this.#place;
    if (!mayCreate(ino)) throw new FileError("EINVAL", `${ino} is not a number that this child may give to a new file`);
    const node: Node = {
      ino,
      parent: dir.ino,
      name,
      type,
      mode: mode & 0o7777,
      size: 0,
      mtime: time,
      ctime: time,
      version: seq,
      seq,
      target: undefined,
      base: undefined,
      entries: type === "directory" ? new Map() : undefined,
    };
    tree.add(dir, node);
    this.created.add(node);
    this.dirty.add(node);
    if (type === "file") this.touched.set(node, { version: 0, pieces: new Set() });
    this.#changeEntries(dir);
    return node;
  }

  #change(node: Node): Node {
    this.dirty.add(node);
    this.#place.tree.touch(node);
    node.seq = this.#place.seq;
    return node;
  }

  #changeEntries(dir: Node): void {
    this.#change(dir);
    dir.mtime = dir.ctime = this.#place.time;
  }

  #changeContent(node: Node): void {
    if (!this.touched.has(node)) this.touched.set(node, { version: node.version, pieces: new Set() });
    this.#change(node);
    node.version = this.#place.seq;
    node.mtime = node.ctime = this.#place.time;
  }

  #touching(node: Node): (index: number) => void {
    const pieces = this.touched.get(node)?.pieces;
    return (index) => pieces?.add(index);
  }

  /** Marks the pieces that hold bytes from `start` up to `end` as changed. */
  #mark(node: Node, start: number, end: number): void {
    const touched = this.#touching(node);
    for (let index = Math.floor(start / PIECE_BYTES); index * PIECE_BYTES < end; index++) touched(index);
  }

  #dir(ino: number): Node {
    return this.#place.tree.directory(this.aliases.get(ino) ?? ino);
  }

  /** @throws {FileError} ENOENT, ESTALE */
  #named(dirIno: number, name: string, ino: number | undefined): Node {
    const dir = this.#dir(dirIno);
    const node = this.#place.tree.child(dir, name);
    if (node === undefined) throw new FileError("ENOENT", `${this.#path(dir)}/${name} does not exist`);
    if (ino !== undefined && node.ino !== (this.aliases.get(ino) ?? ino)) {
      throw new FileError("ESTALE", `${this.#path(node)} is another file by now`);
    }
    return node;
  }

  #node(given: number): Node {
    const ino = this.aliases.get(given) ?? given;
    const { tree, orphan } = this.#place;
    const node = tree.get(ino) ?? orphan(ino) ?? [...this.removed].find((removed) => removed.ino === ino);
    if (node === undefined) throw new FileError("ENOENT", `file ${ino} does not exist any more`);
    return node;
  }

  #file(ino: number): Node {
    const node = this.#node(ino);
    if (node.type === "directory") throw new FileError("EISDIR", `${this.#path(node)} is a directory`);
    if (node.type === "symlink") throw new FileError("EINVAL", `${this.#path(node)} is a link`);
    return node;
  }

  #checkEmpty(node: Node): void {
    if (node.ino === ROOT) throw new FileError("EINVAL", "the root cannot be removed");
    if ((node.entries?.size ?? 0) > 0) throw new FileError("ENOTEMPTY", `${this.#path(node)} is not empty`);
  }

  #checkSpace(): void {
    const { bytes, limits } = this.#place;
    if (bytes() > limits.totalBytes && bytes() > this.#bytesBefore) {
      throw new FileError("ENOSPC", `${bytes()} bytes would be used; ${limits.totalBytes} are allowed`);
    }
  }

  #path(node: Node): string {
    return `/${this.#place.tree.path(node)}`;
  }
}

function checkNumber(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new FileError("EINVAL", `${value} is no ${what}`);
}

function tooLarge(path: string, size: number, { fileBytes }: StoreLimits): FileError {
  return new FileError("EFBIG", `${path} would have ${size} bytes; ${fileBytes} are allowed`);
}
