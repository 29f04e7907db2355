// Files with the methods of synchronous access handles, on a disk that stops at any write: the page is killed, or the
// power fails and what was not flushed is there, not there, or half there.

import type { SyncFile } from "../../../src/platform/browser/opfs/sync-file.ts";
import type { OpfsFiles } from "../../../src/platform/browser/opfs-home.ts";

export class Stopped extends Error {}

type Operation =
  | { readonly type: "write"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly type: "truncate"; readonly size: number };

class FakeFile implements SyncFile {
  readonly #disk: FakeDisk;
  content = new Uint8Array(0);
  /** What is on disk for certain. */
  flushed = new Uint8Array(0);
  pending: Operation[] = [];

  constructor(disk: FakeDisk) {
    this.#disk = disk;
  }

  getSize(): number {
    return this.content.length;
  }

  read(into: Uint8Array, { at }: { readonly at: number }): number {
    const bytes = this.content.subarray(at, at + into.length);
    into.set(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array, { at }: { readonly at: number }): number {
    const done = this.#disk.step(bytes.length);
    const part = bytes.slice(0, done);
    this.#do({ type: "write", at, bytes: part });
    this.#disk.stopped();
    return part.length;
  }

  truncate(size: number): void {
    if (this.#disk.step(1) > 0) this.#do({ type: "truncate", size });
    this.#disk.stopped();
  }

  flush(): void {
    if (this.#disk.step(1) > 0 && this.#disk.power) {
      this.flushed = this.content.slice();
      this.pending = [];
    }
    this.#disk.stopped();
  }

  close(): void {}

  #do(operation: Operation): void {
    if (this.#disk.power) this.pending.push(operation);
    const { content } = this;
    if (operation.type === "write" && operation.at + operation.bytes.length <= content.length) {
      content.set(operation.bytes, operation.at);
    } else {
      this.content = applied(content, operation);
    }
  }

  /** Each change since the last flush is on disk, or a part of it, or not. */
  losePower(chance: () => number): void {
    let content = this.flushed.slice();
    for (const operation of this.pending) {
      const luck = chance();
      if (luck < 0.3) continue;
      if (luck < 0.6 && operation.type === "write") {
        const from = Math.floor(chance() * operation.bytes.length);
        const part = operation.bytes.slice(from, from + Math.ceil(chance() * operation.bytes.length));
        content = applied(content, { type: "write", at: operation.at + from, bytes: part });
      } else {
        content = applied(content, operation);
      }
    }
    this.content = content;
    this.flushed = content.slice();
    this.pending = [];
  }
}

function applied(before: Uint8Array, operation: Operation): Uint8Array<ArrayBuffer> {
  const size =
    operation.type === "truncate"
      ? operation.size
      : Math.max(before.length, operation.bytes.length > 0 ? operation.at + operation.bytes.length : 0);
  const after = new Uint8Array(size);
  after.set(before.subarray(0, size));
  if (operation.type === "write") after.set(operation.bytes, operation.at);
  return after;
}

export class FakeDisk {
  readonly #files = [new FakeFile(this), new FakeFile(this), new FakeFile(this)] as const;
  /** Calls that change something, so far. */
  calls = 0;
  /** The call that is the last one; it is half done. */
  stopAt: number | undefined;
  /** The call from which on there is no room; until it is `undefined` again. */
  fullAt: number | undefined;
  /** Whether it may lose what was not flushed. */
  readonly power: boolean;
  #stopped = false;

  constructor(power = false) {
    this.power = power;
  }

  get files(): OpfsFiles {
    const [first, second, pieces] = this.#files;
    return { journals: [first, second], pieces };
  }

  /** @returns how much of it is done */
  step(amount: number): number {
    if (this.#stopped) throw new Stopped("after the end");
    this.calls += 1;
    if (this.stopAt !== undefined && this.calls >= this.stopAt) {
      this.#stopped = true;
      return Math.floor(amount / 2);
    }
    if (this.fullAt !== undefined && this.calls >= this.fullAt && amount > 1) return Math.floor(amount / 2);
    return amount;
  }

  stopped(): void {
    if (this.#stopped) throw new Stopped(`at call ${this.calls}`);
  }

  /** The page is opened again. */
  restart(power: (() => number) | undefined): void {
    this.#stopped = false;
    this.stopAt = undefined;
    if (power !== undefined) for (const file of this.#files) file.losePower(power);
  }
}
