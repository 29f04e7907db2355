// SQLite's write-ahead log (sqlite.org/fileformat2.html, section 4), read: for databases that come from where there was
// one. Interpreters have no shared memory, which the log needs; what it holds is brought into the database instead.

/** Bytes by which a database is known, and where it says how it is written and read: 1 with a journal, 2 with a log. */
const MAGIC = "SQLite format 3\0";
export const VERSIONS_AT = 18;
const LOGGED = 2;
export const JOURNALED: Uint8Array = Uint8Array.of(1, 1);
/** Bytes of a database's head. */
export const HEAD = 100;

/** A log begins with one of these: its checksums are of words with the least, or the most significant byte first. */
const LITTLE = 0x377f0682;
const BIG = 0x377f0683;
const LOG_HEAD = 32;
const FRAME_HEAD = 24;

/** Whether a database's first bytes say that it is used with a log. */
export function usesLog(head: Uint8Array): boolean {
  if (head.length < HEAD) return false;
  for (let at = 0; at < MAGIC.length; at++) if (head[at] !== MAGIC.charCodeAt(at)) return false;
  return head[VERSIONS_AT] === LOGGED || head[VERSIONS_AT + 1] === LOGGED;
}

/** What a log holds that the database may not have. */
export interface LoggedChanges {
  /** Bytes of a page. */
  readonly pageSize: number;
  /** Pages of the database after the last transaction. */
  readonly pages: number;
  /** Contents by page number, 1-based: views of the log. */
  readonly content: ReadonlyMap<number, Uint8Array>;
}

/**
 * Everything up to the last transaction that is whole. What follows was never committed, or was left from an earlier use
 * of the file.
 *
 * @returns undefined when there is none
 */
export function readLog(log: Uint8Array): LoggedChanges | undefined {
  if (log.length < LOG_HEAD) return undefined;
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const magic = view.getUint32(0);
  if (magic !== LITTLE && magic !== BIG) return undefined;
  const checksum = new Checksum(view, magic === LITTLE);
  checksum.add(0, 24);
  if (!checksum.is(24)) return undefined;
  const pageSize = view.getUint32(8);
  if (pageSize < 512 || pageSize > 65_536) return undefined;
  const content = new Map<number, Uint8Array>();
  let whole: LoggedChanges | undefined;
  const open = new Map<number, Uint8Array>();
  for (let at = LOG_HEAD; at + FRAME_HEAD + pageSize <= log.length; at += FRAME_HEAD + pageSize) {
    const salted = view.getUint32(at + 8) === view.getUint32(16) && view.getUint32(at + 12) === view.getUint32(20);
    checksum.add(at, 8);
    checksum.add(at + FRAME_HEAD, pageSize);
    if (!salted || !checksum.is(at + 16)) break;
    open.set(view.getUint32(at), log.subarray(at + FRAME_HEAD, at + FRAME_HEAD + pageSize));
    const pages = view.getUint32(at + 4);
    if (pages === 0) continue;
    for (const [page, bytes] of open) content.set(page, bytes);
    open.clear();
    whole = { pageSize, pages, content };
  }
  return whole;
}

/** Goes on from frame to frame. */
class Checksum {
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  #first = 0;
  #second = 0;

  constructor(view: DataView, littleEndian: boolean) {
    this.#view = view;
    this.#littleEndian = littleEndian;
  }

  add(start: number, length: number): void {
    for (let at = start; at < start + length; at += 8) {
      this.#first = (this.#first + this.#view.getUint32(at, this.#littleEndian) + this.#second) >>> 0;
      this.#second = (this.#second + this.#view.getUint32(at + 4, this.#littleEndian) + this.#first) >>> 0;
    }
  }

  /** Whether this is what is written there. */
  is(at: number): boolean {
    return this.#view.getUint32(at) === this.#first && this.#view.getUint32(at + 4) === this.#second;
  }
}
