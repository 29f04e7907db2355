// A WebAssembly module (core specification, chapter 5) as a list of sections, and the changes an image needs: fewer
// exports and other memory limits; instructions can be put in front of a function, but are never looked at. Bytes in,
// bytes out.

import { ImageError } from "./errors.ts";

/** Bytes of a page of linear memory. */
export const PAGE: number = 64 * 1024;

/** Limits of linear memory, in pages. */
export interface MemoryPages {
  readonly initial: number;
  readonly maximum: number;
}

export interface RewriteOptions {
  /** Names of the exports that stay; all when absent. Names that the module does not export are no error. */
  readonly keep?: ReadonlySet<string>;
  /** The limits that its one memory gets; unchanged when absent. */
  readonly memory?: MemoryPages;
  /** Instructions to put in front of exported functions, by name. Names that the module does not export are no error. */
  readonly prologues?: ReadonlyMap<string, Uint8Array>;
}

/** An export. Kind: 0 function, 1 table, 2 memory, 3 global, 4 tag. */
export interface WasmExport {
  readonly name: string;
  readonly kind: number;
  readonly index: number;
}

/** One section. `start` is where its id stands, `body` where its content begins, `end` the first byte behind it. */
export interface WasmSection {
  readonly id: number;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

/** "\0asm", and version 1. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d] as const;
const VERSION = [0x01, 0x00, 0x00, 0x00] as const;
const PREAMBLE = MAGIC.length + VERSION.length;

const CUSTOM = 0;
const MEMORY = 5;
const IMPORT = 2;
/** Exports. */
export const EXPORT = 7;
const CODE = 10;

/** The memory of 32-bit modules has at most 65,536 pages: 4 GiB. */
const MOST_PAGES = 65_536;

/**
 * Custom sections that only tools read. The one that tells the glue about dynamic linking, `dylink.0`, stays.
 */
const FOR_TOOLS = new Set(["name", "producers", "target_features", "sourceMappingURL"]);

/**
 * The sections of a module, in their order.
 *
 * @throws {ImageError} `IMAGE_NOT_WASM`, `IMAGE_WASM_MALFORMED`
 */
export function wasmSections(bytes: Uint8Array): WasmSection[] {
  if (bytes.length < PREAMBLE || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new ImageError("IMAGE_NOT_WASM", `no WebAssembly module: it begins with ${hex(bytes.subarray(0, 4))}`);
  }
  if (!VERSION.every((byte, i) => bytes[MAGIC.length + i] === byte)) {
    const version = hex(bytes.subarray(MAGIC.length, PREAMBLE));
    throw new ImageError("IMAGE_NOT_WASM", `WebAssembly of version ${version}; a core module of version 1 is needed`);
  }
  const sections: WasmSection[] = [];
  for (let at = PREAMBLE; at < bytes.length; ) {
    const reader = new Reader(bytes, at, bytes.length);
    const id = reader.byte();
    const size = reader.u32();
    const body = reader.at;
    if (size > bytes.length - body) {
      const left = bytes.length - body;
      throw malformed(at, `section ${id} claims ${size} bytes where ${left} are left: the file was cut short`);
    }
    sections.push({ id, start: at, body, end: body + size });
    at = body + size;
  }
  return sections;
}

/**
 * What a module exports, in its order; nothing when it has no such section.
 *
 * @throws {ImageError} `IMAGE_NOT_WASM`, `IMAGE_WASM_MALFORMED`
 */
export function wasmExports(bytes: Uint8Array): WasmExport[] {
  const section = wasmSections(bytes).find(({ id }) => id === EXPORT);
  return section === undefined ? [] : readExports(bytes, section);
}

/**
 * A module with fewer exports and other memory limits. `bytes` is left as it is; sections are copied.
 *
 * @throws {ImageError} `IMAGE_NOT_WASM`, `IMAGE_WASM_MALFORMED`; `IMAGE_WASM_UNSUPPORTED` when the section to change is
 *   missing, or the memory is shared, 64-bit or not the only one; `IMAGE_OPTION` when the limits make no sense
 */
export function rewriteWasm(bytes: Uint8Array, options: RewriteOptions): Uint8Array<ArrayBuffer> {
  const { keep, memory, prologues } = options;
  if (memory !== undefined) checkPages(memory);
  const sections = wasmSections(bytes);
  if (keep !== undefined) needSection(sections, EXPORT, "exports");
  if (memory !== undefined) needSection(sections, MEMORY, "memory of its own");

  const parts: Uint8Array[] = [bytes.subarray(0, PREAMBLE)];
  for (const section of sections) {
    if (section.id === CUSTOM && FOR_TOOLS.has(customName(bytes, section))) continue;
    if (section.id === MEMORY && memory !== undefined) {
      checkMemory(bytes, section);
      // One memory, with a maximum (flag 1).
      parts.push(sectionOf(MEMORY, [1, 1, ...leb128(memory.initial), ...leb128(memory.maximum)]));
    } else if (section.id === EXPORT && keep !== undefined) {
      parts.push(exportSection(readExports(bytes, section).filter(({ name }) => keep.has(name))));
    } else if (section.id === CODE && prologues !== undefined && prologues.size > 0) {
      parts.push(codeSection(bytes, section, prologuesByIndex(bytes, sections, prologues)));
    } else {
      parts.push(bytes.subarray(section.start, section.end));
    }
  }
  return concat(parts);
}

function checkPages({ initial, maximum }: MemoryPages): void {
  const whole = Number.isInteger(initial) && Number.isInteger(maximum);
  if (whole && initial > 0 && initial <= maximum && maximum <= MOST_PAGES) return;
  throw new ImageError(
    "IMAGE_OPTION",
    `memory of ${initial}..${maximum} pages: whole numbers with 0 < initial <= maximum <= ${MOST_PAGES} are needed`,
  );
}

function needSection(sections: readonly WasmSection[], id: number, what: string): void {
  const found = sections.filter((section) => section.id === id).length;
  if (found === 1) return;
  throw new ImageError(
    "IMAGE_WASM_UNSUPPORTED",
    `the module has ${found === 0 ? "no" : `${found} sections of`} ${what}; exactly one section ${id} is needed`,
  );
}

/** Refuses what new limits would change the meaning of. */
function checkMemory(bytes: Uint8Array, section: WasmSection): void {
  const reader = new Reader(bytes, section.body, section.end);
  const count = reader.u32();
  if (count !== 1) throw new ImageError("IMAGE_WASM_UNSUPPORTED", `${count} memories; exactly one is needed`);
  const flags = reader.u32();
  // 1: has a maximum. 2: shared between threads. 4: addressed by 64 bits.
  if (flags > 1) {
    throw new ImageError("IMAGE_WASM_UNSUPPORTED", `memory with flags ${flags}; shared and 64-bit memory is not known`);
  }
  reader.u32();
  if (flags === 1) reader.u32();
  reader.expectEnd("memory");
}

function readExports(bytes: Uint8Array, section: WasmSection): WasmExport[] {
  const reader = new Reader(bytes, section.body, section.end);
  const count = reader.u32();
  const exports: WasmExport[] = [];
  for (let i = 0; i < count; i++) exports.push({ name: reader.name(), kind: reader.byte(), index: reader.u32() });
  reader.expectEnd("export");
  return exports;
}

function exportSection(exports: readonly WasmExport[]): Uint8Array {
  const encoder = new TextEncoder();
  const body: number[] = leb128(exports.length);
  for (const { name, kind, index } of exports) {
    const bytes = encoder.encode(name);
    body.push(...leb128(bytes.length), ...bytes, kind, ...leb128(index));
  }
  return sectionOf(EXPORT, body);
}

/** A function's imports and its place among the functions that are imported, by "module.name". */
export function importedFunctions(bytes: Uint8Array): Map<string, number> {
  const section = wasmSections(bytes).find(({ id }) => id === IMPORT);
  const found = new Map<string, number>();
  if (section === undefined) return found;
  const reader = new Reader(bytes, section.body, section.end);
  for (let left = reader.u32(); left > 0; left--) {
    const name = `${reader.name()}.${reader.name()}`;
    const kind = reader.byte();
    if (kind === 0) {
      reader.u32();
      found.set(name, found.size);
    } else if (kind === 1) {
      reader.byte();
      skipLimits(reader);
    } else if (kind === 2) {
      skipLimits(reader);
    } else {
      // A global: its type, and whether it changes. A tag: an attribute, and its type.
      reader.byte();
      reader.u32();
    }
  }
  return found;
}

function skipLimits(reader: Reader): void {
  const flags = reader.u32();
  reader.u32();
  if ((flags & 1) === 1) reader.u32();
}

function prologuesByIndex(
  bytes: Uint8Array,
  sections: readonly WasmSection[],
  prologues: ReadonlyMap<string, Uint8Array>,
): Map<number, Uint8Array> {
  const imported = importedFunctions(bytes).size;
  const exports = sections.find(({ id }) => id === EXPORT);
  const found = new Map<number, Uint8Array>();
  for (const { name, kind, index } of exports === undefined ? [] : readExports(bytes, exports)) {
    const prologue = kind === 0 ? prologues.get(name) : undefined;
    if (prologue !== undefined) found.set(index - imported, prologue);
  }
  return found;
}

/** The section with instructions put behind the locals of some functions. */
function codeSection(bytes: Uint8Array, section: WasmSection, prologues: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const reader = new Reader(bytes, section.body, section.end);
  const count = reader.u32();
  const parts: Uint8Array[] = [Uint8Array.from(leb128(count))];
  let copied = reader.at;
  for (let index = 0; index < count; index++) {
    const start = reader.at;
    const size = reader.u32();
    const end = reader.at + size;
    const prologue = prologues.get(index);
    if (prologue !== undefined) {
      const body = reader.at;
      for (let groups = reader.u32(); groups > 0; groups--) {
        reader.u32();
        reader.byte();
      }
      const size = end - body + prologue.length;
      parts.push(
        bytes.subarray(copied, start),
        Uint8Array.from(leb128(size)),
        bytes.subarray(body, reader.at),
        prologue,
      );
      copied = reader.at;
    }
    if (end > section.end) throw malformed(start, "a function is longer than its section");
    reader.at = end;
  }
  reader.expectEnd("code");
  parts.push(bytes.subarray(copied, section.end));
  return sectionOf(CODE, concat(parts));
}

function customName(bytes: Uint8Array, section: WasmSection): string {
  return new Reader(bytes, section.body, section.end).name();
}

/** A section of that content. */
export function sectionOf(id: number, body: ArrayLike<number>): Uint8Array {
  return concat([Uint8Array.from([id, ...leb128(body.length)]), Uint8Array.from(body)]);
}

/** Reads inside one section: never past its end. */
export class Reader {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  byte(): number {
    const byte = this.at < this.#end ? this.#bytes[this.at] : undefined;
    if (byte === undefined) throw malformed(this.at, "it ends inside a section");
    this.at++;
    return byte;
  }

  /** An unsigned LEB128 number of 32 bits (5.2.2): at most five bytes, the last one of four bits. */
  u32(): number {
    const start = this.at;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f) throw malformed(start, "a number does not fit 32 bits");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw malformed(start, "a number has no end");
  }

  name(): string {
    const start = this.at;
    const length = this.u32();
    if (length > this.#end - this.at) throw malformed(start, `a name claims ${length} bytes beyond its section`);
    const bytes = this.#bytes.subarray(this.at, this.at + length);
    this.at += length;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw malformed(start, "a name is not UTF-8", cause);
    }
  }

  /** Passes that many bytes. @returns where they begin */
  skip(length: number): number {
    if (length > this.#end - this.at) throw malformed(this.at, "a piece of data reaches beyond its section");
    this.at += length;
    return this.at - length;
  }

  expectEnd(what: string): void {
    if (this.at !== this.#end)
      throw malformed(this.at, `the ${what} section has ${this.#end - this.at} bytes too many`);
  }
}

/** An unsigned number in LEB128 (5.2.2). */
export function leb128(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 0x80;
    rest = Math.floor(rest / 0x80);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** All of them, one behind the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function hex(bytes: Uint8Array): string {
  return bytes.length === 0 ? "nothing" : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function malformed(at: number, what: string, cause?: unknown): ImageError {
  return new ImageError("IMAGE_WASM_MALFORMED", `malformed WebAssembly at byte ${at}: ${what}`, { cause });
}
