// A journal of changes in two files: one is written to, the other is what a shorter one is made in.
//
// A file is a head and records. A record counts only if its checksum fits, which covers its place and the file's
// generation too: what a killed page wrote half, and what an older journal left behind, ends the journal. A new
// generation begins with records of everything there is; its head is written last, so until then the other file counts.

import { readExactly, type SyncFile, writeExactly } from "./sync-file.ts";

const MAGIC = new TextEncoder().encode("edge-fpm files\n\0");
/** Of the format. */
const VERSION = 1;
/** Magic, version, generation, checksum of these. */
const HEAD = MAGIC.length + 4 + 4 + 4;
/** Length and checksum of a record. */
const RECORD_HEAD = 8;

/** What a journal has: changes in the order in which they were made. */
export type JournalRecord = readonly unknown[];

/** The head names a version that is not known: the home is of a later release. */
export class JournalVersion extends Error {}

export class Journal {
  readonly #files: readonly [SyncFile, SyncFile];
  #generation: number;
  /** Where the next record goes. */
  #end = HEAD;
  /** Records of this generation so far. */
  #count = 0;
  /** Bytes when the generation began. */
  #begun = HEAD;
  /** An append was left half done, and could not be taken back. */
  #broken: unknown;

  /**
   * @param take told of each record, in order
   * @throws {JournalVersion}
   */
  constructor(files: readonly [SyncFile, SyncFile], take: (record: JournalRecord) => void) {
    this.#files = files;
    const [first, second] = files.map(readHead) as [number, number];
    this.#generation = Math.max(first, second);
    if (this.#generation === 0) return;
    // Which one is by the number: an odd generation is in the first.
    const file = this.#file;
    const size = file.getSize();
    while (this.#end + RECORD_HEAD <= size) {
      const record = this.#readRecord(file, size);
      if (record === undefined) break;
      take(record);
    }
    this.#begun = this.#end;
  }

  /** There was none: `begin` comes first. */
  get empty(): boolean {
    return this.#generation === 0;
  }

  /** Bytes that were added since the generation began, and what it began with. */
  get size(): { readonly begun: number; readonly added: number } {
    return { begun: this.#begun, added: this.#end - this.#begun };
  }

  /** Adds a record: it is on disk when this returns. @throws {Error} it was not added */
  append(record: JournalRecord): void {
    if (this.#broken !== undefined) throw new Error("an earlier write failed half way", { cause: this.#broken });
    const bytes = this.#encode(record, this.#generation, this.#count);
    try {
      writeExactly(this.#file, bytes, this.#end);
      this.#file.flush();
    } catch (error) {
      this.#takeBack(error);
      throw error;
    }
    this.#end += bytes.length;
    this.#count += 1;
  }

  /** Begins a generation with these records in the place of all that were. @throws {Error} all is as before */
  begin(records: Iterable<JournalRecord>): void {
    const generation = this.#generation + 1;
    const file = this.#files[generation % 2 === 1 ? 0 : 1];
    file.truncate(0);
    let end = HEAD;
    let count = 0;
    for (const record of records) {
      const bytes = this.#encode(record, generation, count);
      writeExactly(file, bytes, end);
      end += bytes.length;
      count += 1;
    }
    file.flush();
    try {
      writeExactly(file, head(generation), 0);
      file.flush();
    } catch (error) {
      // With a head that may count or not, nothing more can be said to be kept.
      this.#broken = error;
      throw error;
    }
    this.#generation = generation;
    this.#end = this.#begun = end;
    this.#count = count;
    this.#broken = undefined;
  }

  get #file(): SyncFile {
    return this.#files[this.#generation % 2 === 1 ? 0 : 1];
  }

  #takeBack(error: unknown): void {
    try {
      this.#file.truncate(this.#end);
      this.#file.flush();
    } catch {
      this.#broken = error;
    }
  }

  #readRecord(file: SyncFile, size: number): JournalRecord | undefined {
    const head = readExactly(file, this.#end, RECORD_HEAD);
    if (head === undefined) return undefined;
    const view = new DataView(head.buffer);
    const length = view.getUint32(0, true);
    if (length > size - this.#end - RECORD_HEAD) return undefined;
    const body = readExactly(file, this.#end + RECORD_HEAD, length);
    if (body === undefined || checksum(body, this.#generation, this.#count) !== view.getUint32(4, true)) {
      return undefined;
    }
    this.#end += RECORD_HEAD + length;
    this.#count += 1;
    return JSON.parse(new TextDecoder().decode(body)) as JournalRecord;
  }

  #encode(record: JournalRecord, generation: number, count: number): Uint8Array<ArrayBuffer> {
    const body = new TextEncoder().encode(JSON.stringify(record));
    const bytes = new Uint8Array(RECORD_HEAD + body.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, body.length, true);
    view.setUint32(4, checksum(body, generation, count), true);
    bytes.set(body, RECORD_HEAD);
    return bytes;
  }
}

/** The generation, 0 when there is none. */
function readHead(file: SyncFile): number {
  const bytes = readExactly(file, 0, HEAD);
  if (bytes === undefined || !MAGIC.every((byte, at) => bytes[at] === byte)) return 0;
  const view = new DataView(bytes.buffer);
  const generation = view.getUint32(MAGIC.length + 4, true);
  if (crc32(bytes.subarray(0, HEAD - 4)) !== view.getUint32(HEAD - 4, true)) return 0;
  const version = view.getUint32(MAGIC.length, true);
  if (version !== VERSION) throw new JournalVersion(`version ${version}; this release knows ${VERSION}`);
  return generation;
}

function head(generation: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEAD);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint32(MAGIC.length, VERSION, true);
  view.setUint32(MAGIC.length + 4, generation, true);
  view.setUint32(HEAD - 4, crc32(bytes.subarray(0, HEAD - 4)), true);
  return bytes;
}

function checksum(body: Uint8Array, generation: number, count: number): number {
  const place = new DataView(new ArrayBuffer(8));
  place.setUint32(0, generation, true);
  place.setUint32(4, count, true);
  return crc32(body, crc32(new Uint8Array(place.buffer)));
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The checksum of zip and gzip (RFC 1952, section 8); `before` continues one. */
function crc32(bytes: Uint8Array, before = 0): number {
  let value = ~before;
  for (const byte of bytes) value = (value >>> 8) ^ (TABLE[(value ^ byte) & 0xff] ?? 0);
  return ~value >>> 0;
}
