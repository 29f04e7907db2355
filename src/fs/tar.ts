// Tar archives as POSIX has them (ustar with pax headers): written, and read from a stream that is cut anywhere. What GNU
// tar writes for long names is read too. Owners, devices and sparse files are not.

import { FileStoreError } from "./errno.ts";

/** Bytes of a block: everything in an archive is a multiple of it. */
const BLOCK = 512;

/** Most bytes of a pax header or of a long name: a path has 4096. */
const MOST_HEADER = 64 * 1024;

export interface TarEntry {
  /** Relative; no slash at its end. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  /** Bytes that follow; 0 for all but files. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  readonly target?: string;
}

const TYPES = { file: "0", symlink: "2", directory: "5" } as const;

// Where the fields of a header are, and their bytes: pax(1), "ustar Interchange Format".
const NAME = [0, 100] as const;
const MODE = [100, 8] as const;
const UID = [108, 8] as const;
const GID = [116, 8] as const;
const SIZE = [124, 12] as const;
const MTIME = [136, 12] as const;
const CHECKSUM = [148, 8] as const;
const TYPE = [156, 1] as const;
const LINK = [157, 100] as const;
const MAGIC = [257, 8] as const;
const PREFIX = [345, 155] as const;

const encoder = new TextEncoder();

/** The blocks before an entry's bytes: a pax header only if something does not fit into the old one. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const { type, size, mode, mtime, target = "" } = entry;
  const path = type === "directory" ? `${entry.path}/` : entry.path;
  const records: [string, string][] = [];
  if (!fits(path)) records.push(["path", path]);
  if (!fits(target)) records.push(["linkpath", target]);
  if (size >= 8 ** 11) records.push(["size", String(size)]);
  if (mtime % 1000 !== 0 || mtime < 0 || mtime >= 8 ** 11 * 1000) records.push(["mtime", String(mtime / 1000)]);
  const main = block(path, TYPES[type], size, mode, mtime, target);
  if (records.length === 0) return main;
  const body = encoder.encode(records.map(([key, value]) => paxRecord(key, value)).join(""));
  const extra = block("PaxHeader", "x", body.length, 0o644, 0, "");
  const all = new Uint8Array(BLOCK + body.length + tarPadding(body.length) + BLOCK);
  all.set(extra);
  all.set(body, BLOCK);
  all.set(main, all.length - BLOCK);
  return all;
}

/** Zero bytes that follow `size` bytes of content. */
export function tarPadding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** What ends an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK);

/** What a reader finds, in order: an entry, then its bytes in any number of parts. */
export type TarEvent =
  | { readonly type: "entry"; readonly entry: TarEntry }
  /** A view of what was pushed. */
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  | { readonly type: "end-of-entry" };

/** Reads an archive, as its bytes come. */
export class TarReader {
  readonly #block = new Uint8Array(BLOCK);
  #filled = 0;
  /** Of the present entry's content, and of what fills its last block. */
  #left = 0;
  #padding = 0;
  /** A header in the making: a pax header or a long name. */
  #collected: { readonly kind: string; readonly bytes: Uint8Array; filled: number } | undefined;
  #inFile = false;
  #skipping = false;
  #pax = new Map<string, string>();
  #ended = false;
  #zeroBlocks = 0;

  /** @throws {FileStoreError} `FILE_STORE_MALFORMED` */
  *push(chunk: Uint8Array): Generator<TarEvent> {
    let rest = chunk;
    while (rest.length > 0 && !this.#ended) {
      if (this.#left > 0) {
        const part = rest.subarray(0, this.#left);
        rest = rest.subarray(part.length);
        this.#left -= part.length;
        if (this.#collected !== undefined) this.#collect(part);
        else if (!this.#skipping) yield { type: "bytes", bytes: part };
        if (this.#left > 0) break;
        yield* this.#endOfContent();
      } else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, rest.length);
        this.#padding -= skipped;
        rest = rest.subarray(skipped);
      } else {
        const part = rest.subarray(0, BLOCK - this.#filled);
        this.#block.set(part, this.#filled);
        this.#filled += part.length;
        rest = rest.subarray(part.length);
        if (this.#filled < BLOCK) break;
        this.#filled = 0;
        yield* this.#header();
      }
    }
  }

  /** Tells that no more bytes come. @throws {FileStoreError} `FILE_STORE_MALFORMED` when something is missing */
  end(): void {
    if (this.#left > 0 || this.#filled > 0 || this.#padding > 0 || (!this.#ended && this.#zeroBlocks === 0)) {
      throw malformed("the archive ends too early");
    }
  }

  *#header(): Generator<TarEvent> {
    const block = this.#block;
    if (block.every((byte) => byte === 0)) {
      this.#zeroBlocks += 1;
      this.#ended = this.#zeroBlocks === 2;
      return;
    }
    this.#zeroBlocks = 0;
    const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
    if (sum !== this.#number(CHECKSUM))
      throw malformed("a header's checksum is wrong: this is no tar archive, or damaged");
    const kind = String.fromCharCode(block[TYPE[0]] ?? 0);
    const size = this.#number(SIZE);
    if ("xgLK".includes(kind)) {
      if (size > MOST_HEADER) throw malformed(`a header of ${size} bytes; ${MOST_HEADER} are allowed`);
      this.#collected = { kind, bytes: new Uint8Array(size), filled: 0 };
      this.#content(size);
      if (size === 0) yield* this.#endOfContent();
      return;
    }
    yield* this.#entry(kind, size);
  }

  *#entry(kind: string, ownSize: number): Generator<TarEvent> {
    const pax = this.#pax;
    this.#pax = new Map();
    const size = pax.has("size") ? Number(pax.get("size")) : ownSize;
    if (!Number.isSafeInteger(size) || size < 0) throw malformed(`a file of ${pax.get("size")} bytes`);
    const ustar = this.#text(MAGIC).startsWith("ustar");
    const prefix = ustar ? this.#text(PREFIX) : "";
    const name = pax.get("path") ?? (prefix === "" ? this.#text(NAME) : `${prefix}/${this.#text(NAME)}`);
    const isDirectory = kind === "5" || (kind !== "2" && name.endsWith("/"));
    const type = isDirectory ? "directory" : kind === "2" ? "symlink" : "file";
    if (!"\u00000257".includes(kind)) {
      throw malformed(`${name} is of type "${kind}": only files, directories and links are read`);
    }
    const mtime = pax.has("mtime") ? Number(pax.get("mtime")) * 1000 : this.#number(MTIME) * 1000;
    const target = pax.get("linkpath") ?? this.#text(LINK);
    yield {
      type: "entry",
      entry: {
        path: name.replace(/\/+$/, ""),
        type,
        size: type === "file" ? size : 0,
        mode: this.#number(MODE) & 0o7777,
        mtime: Number.isFinite(mtime) ? Math.round(mtime) : 0,
        ...(type === "symlink" && { target }),
      },
    };
    this.#inFile = true;
    this.#skipping = type !== "file";
    this.#content(size);
    if (size === 0) yield* this.#endOfContent();
  }

  #content(size: number): void {
    this.#left = size;
    this.#padding = tarPadding(size);
  }

  *#endOfContent(): Generator<TarEvent> {
    const collected = this.#collected;
    if (collected !== undefined) {
      this.#collected = undefined;
      this.#learn(collected.kind, collected.bytes);
    } else if (this.#inFile) {
      this.#inFile = false;
      yield { type: "end-of-entry" };
    }
  }

  #collect(part: Uint8Array): void {
    const collected = this.#collected;
    if (collected === undefined) return;
    collected.bytes.set(part, collected.filled);
    collected.filled += part.length;
  }

  #learn(kind: string, bytes: Uint8Array): void {
    // A global header says nothing that is used here.
    if (kind === "g") return;
    const text = new TextDecoder().decode(bytes);
    if (kind === "L") this.#pax.set("path", text.replace(/\0.*$/s, ""));
    else if (kind === "K") this.#pax.set("linkpath", text.replace(/\0.*$/s, ""));
    else for (const [key, value] of paxRecords(bytes)) this.#pax.set(key, value);
  }

  #text([offset, length]: readonly [number, number]): string {
    const field = this.#block.subarray(offset, offset + length);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  }

  #number(field: readonly [number, number]): number {
    const first = this.#block[field[0]] ?? 0;
    if (first >= 0x80) {
      // GNU tar's way of large numbers: base 256 behind a set bit.
      let value = first & 0x7f;
      for (let at = 1; at < field[1]; at++) value = value * 256 + (this.#block[field[0] + at] ?? 0);
      return value;
    }
    const text = this.#text(field).trim();
    if (text === "") return 0;
    if (!/^[0-7]+$/.test(text)) throw malformed(`${JSON.stringify(text)} is no number in a header`);
    return Number.parseInt(text, 8);
  }
}

function fits(path: string): boolean {
  return encoder.encode(path).length <= NAME[1] && /^[\x20-\x7e]*$/.test(path);
}

function block(path: string, type: string, size: number, mode: number, mtime: number, target: string): Uint8Array {
  const bytes = new Uint8Array(BLOCK);
  const put = ([offset, length]: readonly [number, number], text: string) => {
    bytes.set(encoder.encode(text).subarray(0, length), offset);
  };
  const octal = (field: readonly [number, number], value: number) => {
    put(
      field,
      `${value
        .toString(8)
        .padStart(field[1] - 1, "0")
        .slice(1 - field[1])}\0`,
    );
  };
  put(NAME, path);
  octal(MODE, mode & 0o7777);
  octal(UID, 0);
  octal(GID, 0);
  octal(SIZE, size);
  octal(MTIME, Math.min(Math.max(0, Math.floor(mtime / 1000)), 8 ** 11 - 1));
  put(CHECKSUM, "        ");
  put(TYPE, type);
  put(LINK, target);
  put(MAGIC, "ustar\x0000");
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(CHECKSUM, `${sum.toString(8).padStart(6, "0")}\0 `);
  return bytes;
}

/** "length key=value\n", where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = encoder.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function* paxRecords(bytes: Uint8Array): Generator<[string, string]> {
  const decoder = new TextDecoder();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(decoder.decode(bytes.subarray(at, Math.max(at, space))));
    const equals = bytes.indexOf(0x3d, space);
    const end = at + length;
    if (space < 0 || !Number.isInteger(length) || equals < 0 || equals >= end || end > bytes.length || length < 1) {
      throw malformed("a pax header's records are wrong");
    }
    yield [decoder.decode(bytes.subarray(space + 1, equals)), decoder.decode(bytes.subarray(equals + 1, end - 1))];
    at = end;
  }
}

function malformed(what: string): FileStoreError {
  return new FileStoreError("FILE_STORE_MALFORMED", what);
}
