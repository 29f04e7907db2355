// The gateway's view of the files that scripts have written, changed and removed: they are in the pool's object.

import { byteStringToUtf8, utf8ToByteString } from "../../codec/index.ts";
import type { Entry } from "../../gateway/files.ts";
import { isAsset } from "../../image/assets.ts";
import type { Exchange } from "../../transport/exchange.ts";
import type { BuildChanges } from "./built-files.ts";
import type { FoundFile, WrittenFile } from "./file-store.ts";
import { plainResult } from "./rpc-result.ts";

/** As much of a pool's object as is used. */
export interface WrittenFilesBinding {
  /** What is at an absolute path, links followed. */
  findFile(path: string): Promise<FoundFile | undefined>;
  readFile(file: WrittenFile, start: number, length: number): Promise<Uint8Array>;
  /** What scripts did to the files of the build, for who knows `tag`; undefined: nothing new. */
  buildChanges(tag: string | undefined): Promise<BuildChanges | undefined>;
}

/** Bytes that are asked for at once. */
const STEP = 512 * 1024;

/** Milliseconds that what is known of the build's files is believed, while no request of this isolate may have changed it. */
const BELIEVED = 10_000;

export interface WrittenFilesOptions {
  /** Of one request. */
  readonly binding: () => WrittenFilesBinding;
  /** Absolute, as PHP sees it. */
  readonly documentRoot: string;
  /** Milliseconds since 1970. Default: the platform's. */
  readonly now?: () => number;
}

export class WrittenFiles {
  readonly #binding: () => WrittenFilesBinding;
  readonly #documentRoot: string;
  readonly #now: () => number;
  #tag: string | undefined;
  /** Byte strings, below the document root. */
  #changed: ReadonlySet<string> = new Set();
  #made: ReadonlySet<string> | undefined = new Set();
  #believedUntil = 0;
  /** How often a request of a script may have changed something, so far. */
  #doubts = 0;

  constructor({ binding, documentRoot, now = Date.now }: WrittenFilesOptions) {
    this.#binding = binding;
    this.#documentRoot = documentRoot;
    this.#now = now;
  }

  /** Before static files are looked for: settles when it is known which are as they were built. Undefined: it is. */
  fresh(): Promise<void> | undefined {
    if (this.#now() < this.#believedUntil) return undefined;
    // Each request for itself: the platform lets none wait for what another one asks.
    return this.#ask();
  }

  /** Whether a file of the build is not what it was: see `find`. */
  changed(path: string): boolean {
    return this.#changed.has(path);
  }

  /**
   * Finds what scripts wrote. A path without a dot in its last name is asked for only where scripts have made something,
   * so that the addresses of a front controller cost nothing. What a visitor may have is what could be a static file of a
   * build, and lies below the document root; scripts are found, and run.
   */
  find(path: string): Entry | undefined | Promise<Entry | undefined> {
    const plain = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    if (plain.lastIndexOf(".") <= plain.lastIndexOf("/") + 1 && !this.#mayBeMade(plain)) return undefined;
    const text = byteStringToUtf8(plain);
    return plainResult(this.#binding().findFile(this.#documentRoot + text)).then((found) => {
      if (found?.type === "file" && path !== plain) return undefined;
      return found && this.#entryOf(found, text);
    });
  }

  /** The pool's exchange: after each of its requests files may be others, unless the pool says that they are not. */
  watching(exchange: Exchange): Exchange {
    const over = (tag?: string) => {
      if (tag !== undefined && tag === this.#tag) return;
      this.#doubts += 1;
      this.#believedUntil = 0;
    };
    return (request, sink, signal) => {
      const ended: typeof sink.ended = (end) => {
        over(end.note);
        sink.ended?.(end);
      };
      return exchange(request, { ...bound(sink), ended }, signal).then(
        (end) => {
          over(end.note);
          return end;
        },
        (error: unknown) => {
          over();
          throw error;
        },
      );
    };
  }

  #entryOf(found: FoundFile, path: string): Entry {
    const below = found.path === this.#documentRoot || found.path.startsWith(`${this.#documentRoot}/`);
    if (!below) return { type: "refused" };
    if (found.type === "directory") return { type: "directory" };
    // A link shows what it leads to, and what that is counts.
    const real = found.path.slice(this.#documentRoot.length);
    const allowed = [path, real].every((name) => name.endsWith(".php") || isAsset(name.slice(1)));
    if (!allowed || path.endsWith(".php") !== real.endsWith(".php")) return { type: "refused" };
    const { size, modified } = found;
    return { type: "file", size, modified, read: async (start, end) => this.#stream(found, start, end) };
  }

  #mayBeMade(path: string): boolean {
    if (this.#made === undefined) return true;
    for (let at = path.length; at > 0; at = path.lastIndexOf("/", at - 1)) {
      if (this.#made.has(path.slice(0, at))) return true;
    }
    return false;
  }

  async #ask(): Promise<void> {
    const doubts = this.#doubts;
    try {
      const changes = await plainResult(this.#binding().buildChanges(this.#tag));
      if (changes !== undefined) {
        this.#tag = changes.tag;
        this.#changed = this.#below(changes.changed);
        this.#made = changes.made && this.#below(changes.made);
      }
      if (doubts === this.#doubts) this.#believedUntil = this.#now() + BELIEVED;
    } catch {
      // The pool does not answer: static files are served as they are known, and it is asked again.
    }
  }

  #below(paths: readonly string[]): Set<string> {
    const below = paths.filter((path) => path.startsWith(`${this.#documentRoot}/`));
    return new Set(below.map((path) => utf8ToByteString(path.slice(this.#documentRoot.length))));
  }

  #stream(file: WrittenFile, start: number, end: number): ReadableStream<Uint8Array> {
    let at = start;
    return new ReadableStream({
      pull: async (controller) => {
        if (at < end) {
          const bytes = await plainResult(this.#binding().readFile(file, at, Math.min(STEP, end - at)));
          if (bytes.length === 0) throw new Error("the file was cut while it was sent");
          at += bytes.length;
          controller.enqueue(bytes);
        }
        if (at >= end) controller.close();
      },
    });
  }
}

/** A sink's methods, to be called by themselves. */
function bound(sink: Parameters<Exchange>[1]): Parameters<Exchange>[1] {
  return {
    stdout: (chunk) => sink.stdout(chunk),
    stderr: (chunk) => sink.stderr(chunk),
    ...(sink.connected && { connected: () => sink.connected?.() }),
  };
}
