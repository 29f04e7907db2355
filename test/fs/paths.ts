// Path calls on a store, as a child would make them of its view: the shape of node:fs, for tests that compare the two.

import { posix } from "node:path";
import { FileError, type FileOperation, type FileStore, type NodeRecord } from "../../src/fs/index.ts";

export class PathFiles {
  readonly store: FileStore;
  readonly #inos: { next: number; end: number };
  readonly #run: (operations: FileOperation[]) => void;

  constructor(
    store: FileStore,
    run = (operations: FileOperation[]) => void store.commit(operations, { life: 0, time: Date.now() }),
  ) {
    this.store = store;
    const next = store.reserve(100_000);
    this.#inos = { next, end: next + 100_000 };
    this.#run = run;
  }

  mkdir(path: string): void {
    const { dir, name } = this.#at(path);
    this.#run([{ op: "mkdir", dir, name, ino: this.#ino(), mode: 0o755 }]);
  }
  rmdir(path: string): void {
    this.#run([{ op: "rmdir", ...this.#at(path) }]);
  }
  unlink(path: string): void {
    this.#run([{ op: "unlink", ...this.#at(path) }]);
  }
  symlink(target: string, path: string): void {
    const { dir, name } = this.#at(path);
    this.#run([{ op: "symlink", dir, name, ino: this.#ino(), target }]);
  }
  rename(path: string, to: string): void {
    const from = this.#at(path);
    const { dir: toDir, name: toName } = this.#at(to);
    this.#run([{ op: "rename", ...from, toDir, toName }]);
  }
  chmod(path: string, mode: number): void {
    this.#run([{ op: "chmod", ino: this.store.lookup(path).ino, mode }]);
  }
  utimes(path: string, seconds: number): void {
    this.#run([{ op: "utime", ino: this.store.lookup(path).ino, mtime: seconds * 1000 }]);
  }
  truncate(path: string, size: number): void {
    const node = this.store.lookup(path);
    this.#run([{ op: "truncate", ino: node.ino, size }]);
  }
  writeFile(path: string, data: Uint8Array, flag: "w" | "a" | "wx"): void {
    const { dir, name } = this.#creating(path, flag === "wx");
    const ino = this.#ino();
    const make: FileOperation = { op: "create", dir, name, ino, mode: 0o644, exclusive: flag === "wx" };
    if (flag === "a") this.#run([make, { op: "write", ino, offset: "end", data }]);
    else this.#run([make, { op: "truncate", ino, size: 0 }, { op: "write", ino, offset: 0, data }]);
  }
  writeAt(path: string, offset: number, data: Uint8Array): void {
    this.#run([{ op: "write", ino: this.store.lookup(path).ino, offset, data }]);
  }
  readFile(path: string): Uint8Array {
    const { ino, size } = this.store.lookup(path);
    return this.store.read(ino, 0, size);
  }
  readdir(path: string): string[] {
    return this.store.list(this.store.lookup(path).ino).map(({ name }) => name);
  }
  lstat(path: string): NodeRecord {
    return this.store.lookup(path, false);
  }

  #at(path: string): { dir: number; name: string } {
    return { dir: this.store.lookup(`${posix.dirname(path)}/.`).ino, name: posix.basename(path) };
  }

  /** Where `open(O_CREAT)` makes its file: a link that leads nowhere is followed. */
  #creating(path: string, exclusive: boolean): { dir: number; name: string } {
    let at = path;
    for (let links = 0; links <= 40; links++) {
      const place = this.#at(at);
      const found = this.store.child(place.dir, place.name);
      if (found?.type !== "symlink" || exclusive) return place;
      at = posix.join(posix.dirname(at), found.target ?? "");
    }
    throw new FileError("ELOOP", path);
  }

  #ino(): number {
    return this.#inos.next++;
  }
}
