// The names: which node is in which directory. Lives in memory, takes back what a failed batch did.

import { FileError } from "./errno.ts";
import type { StoreLimits } from "./limits.ts";
import { type Node, type NodeRecord, ROOT, toNode } from "./node.ts";

const encoder = new TextEncoder();

/** Bytes of a name as PHP sees it. */
export const byteLength = (text: string): number => encoder.encode(text).length;

export class Tree {
  readonly #limits: StoreLimits;
  readonly #nodes = new Map<number, Node>();
  readonly #undo: (() => void)[] = [];

  constructor(limits: StoreLimits, records: Iterable<NodeRecord>) {
    this.#limits = limits;
    for (const record of records) this.#nodes.set(record.ino, toNode(record));
    for (const node of this.#nodes.values()) {
      if (node.ino !== ROOT) this.#nodes.get(node.parent)?.entries?.set(node.name, node.ino);
    }
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(ino: number): Node | undefined {
    return this.#nodes.get(ino);
  }

  all(): Iterable<Node> {
    return this.#nodes.values();
  }

  /** The node of that name. */
  child(dir: Node, name: string): Node | undefined {
    const ino = dir.entries?.get(name);
    return ino === undefined ? undefined : this.#nodes.get(ino);
  }

  /** @throws {FileError} ENOENT, ENOTDIR */
  directory(ino: number): Node {
    const node = this.#nodes.get(ino);
    if (node === undefined) throw new FileError("ENOENT", `directory ${ino} does not exist`);
    if (node.type !== "directory") throw new FileError("ENOTDIR", `${this.path(node)} is not a directory`);
    return node;
  }

  /** From the root, without a slash at its start. */
  path(node: Node): string {
    const names: string[] = [];
    for (let at = node; at.ino !== ROOT; ) {
      names.unshift(at.name);
      const above = this.#nodes.get(at.parent);
      if (above === undefined) break;
      at = above;
    }
    return names.join("/");
  }

  /** Remembers how a node is, so that `rollback` brings it back. To be called before each change. */
  touch(node: Node): Node {
    const before = { ...node };
    this.#undo.push(() => Object.assign(node, before));
    return node;
  }

  /** Enters a new node. */
  add(dir: Node, node: Node): void {
    if (this.#nodes.size >= this.#limits.nodes) {
      throw new FileError(
        "ENOSPC",
        `there are ${this.#nodes.size} files and directories; ${this.#limits.nodes} are allowed`,
      );
    }
    this.#checkPlace(dir, node.name, undefined);
    this.#nodes.set(node.ino, node);
    this.#undo.push(() => this.#nodes.delete(node.ino));
    this.#enter(dir, node.name, node.ino);
  }

  /** Takes a node out of its directory and out of the tree. */
  remove(node: Node): void {
    const dir = this.#nodes.get(node.parent);
    if (dir !== undefined) this.#enter(dir, node.name, undefined);
    this.#nodes.delete(node.ino);
    this.#undo.push(() => this.#nodes.set(node.ino, node));
  }

  /** Moves a node; nothing of the new name exists. `node` was touched before. */
  move(node: Node, dir: Node, name: string): void {
    this.#checkPlace(dir, name, node);
    const from = this.#nodes.get(node.parent);
    if (from !== undefined) this.#enter(from, node.name, undefined);
    node.parent = dir.ino;
    node.name = name;
    this.#enter(dir, name, node.ino);
  }

  /** Whether `dir` is `node` or somewhere below it. */
  isWithin(dir: Node, node: Node): boolean {
    for (let at: Node | undefined = dir; at !== undefined; at = this.#nodes.get(at.parent)) {
      if (at === node) return true;
      if (at.ino === ROOT) return false;
    }
    return false;
  }

  keep(): void {
    this.#undo.length = 0;
  }

  rollback(): void {
    for (const step of this.#undo.reverse()) step();
    this.#undo.length = 0;
  }

  #enter(dir: Node, name: string, ino: number | undefined): void {
    const { entries } = dir;
    if (entries === undefined) throw new FileError("ENOTDIR", `${this.path(dir)} is not a directory`);
    const before = entries.get(name);
    this.#undo.push(() => {
      if (before === undefined) entries.delete(name);
      else entries.set(name, before);
    });
    if (ino === undefined) entries.delete(name);
    else entries.set(name, ino);
  }

  /** Name, path and depth of a node that is to be `dir`/`name`, and of all that is below it. */
  #checkPlace(dir: Node, name: string, moved: Node | undefined): void {
    checkName(name, this.#limits);
    let above = 0;
    for (let at = dir; at.ino !== ROOT; above++) {
      const next = this.#nodes.get(at.parent);
      if (next === undefined) throw new FileError("ENOENT", `directory ${dir.ino} was removed`);
      at = next;
    }
    const below = moved === undefined ? { depth: 0, bytes: 0 } : this.#below(moved);
    if (above + below.depth > this.#limits.depth) {
      throw new FileError("ENAMETOOLONG", `more than ${this.#limits.depth} directories above one another`);
    }
    const bytes = byteLength(this.path(dir)) + 1 + byteLength(name) + below.bytes;
    if (bytes > this.#limits.pathBytes) {
      throw new FileError("ENAMETOOLONG", `a path of ${bytes} bytes; ${this.#limits.pathBytes} are allowed`);
    }
  }

  #below(node: Node): { depth: number; bytes: number } {
    const most = { depth: 0, bytes: 0 };
    const open: [Node, number, number][] = [[node, 0, 0]];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [at, depth, bytes] = next;
      most.depth = Math.max(most.depth, depth);
      most.bytes = Math.max(most.bytes, bytes);
      for (const [name, ino] of at.entries ?? []) {
        const child = this.#nodes.get(ino);
        if (child !== undefined) open.push([child, depth + 1, bytes + 1 + byteLength(name)]);
      }
    }
    return most;
  }
}

function checkName(name: string, limits: StoreLimits): void {
  const special = name === "" || name === "." || name === "..";
  // Half a surrogate pair has no UTF-8: it would be another name after a restart.
  if (special || name.includes("/") || name.includes("\0") || !name.isWellFormed()) {
    throw new FileError("EINVAL", `${JSON.stringify(name)} cannot be a name`);
  }
  const bytes = byteLength(name);
  if (bytes > limits.nameBytes) {
    throw new FileError("ENAMETOOLONG", `a name of ${bytes} bytes; ${limits.nameBytes} are allowed`);
  }
}
