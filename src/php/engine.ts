// What only the interpreter's own structures tell, read from linear memory: the list of included files and the status line
// of header(). Offsets are those of builds with 32-bit addresses and 64-bit integers (php-src Zend/zend_types.h, main/SAPI.h), and nothing is believed that
// a second look does not confirm; where a build keeps other structures, the host goes on without.

import { bytesToByteString } from "../codec/index.ts";
import type { PhpModule } from "./glue.ts";

/** HashTable: `arData`, `nNumUsed`. */
const ARRAY_DATA = 16;
const ARRAY_USED = 20;
/** Bucket: its size, and its `key`. */
const BUCKET_SIZE = 32;
const BUCKET_KEY = 24;
/** zend_string: `len`, `val`. */
const STRING_LENGTH = 16;
const STRING_TEXT = 20;

/** Where `included_files` may lie in executor_globals: behind two values, 34 words and the table of globals. */
const INCLUDED_FILES_FROM = 16;
const INCLUDED_FILES_TO = 1024;

/** sapi_globals: `sapi_headers.http_response_code` and `.http_status_line`. */
const RESPONSE_CODE = 124;
const STATUS_LINE = 136;

/** Longest status line that is read, in bytes. */
const LONGEST_LINE = 1024;

/** Looks into one interpreter. */
export class Engine {
  readonly #module: PhpModule;
  #includedFiles: number | undefined;

  constructor(module: PhpModule) {
    this.#module = module;
  }

  /**
   * Takes a file off the list that `get_included_files()` gives.
   *
   * @returns whether it was on the list
   */
  forgetFile(path: string): boolean {
    const { executor_globals: globals, zend_hash_str_del: remove } = this.#module.wasmExports;
    if (globals === undefined || remove === undefined) return false;
    const base = addressOf(globals);
    const found =
      this.#includedFiles === undefined
        ? this.#findTable(base, path)
        : this.#key(base + this.#includedFiles, path)
          ? this.#includedFiles
          : undefined;
    if (found === undefined) return false;
    this.#includedFiles = found;
    const text = this.#module.malloc(path.length + 1);
    for (let i = 0; i < path.length; i++) this.#module.HEAPU8[text + i] = path.charCodeAt(i);
    remove(base + found, text, path.length);
    this.#module.free(text);
    return true;
  }

  /** The status line that a script gave with header(), "HTTP/1.1 404 Gone fishing"; a byte string. */
  statusLine(status: number): string | undefined {
    const { sapi_globals: globals } = this.#module.wasmExports;
    if (globals === undefined) return undefined;
    const base = addressOf(globals);
    if (this.#word(base + RESPONSE_CODE) !== status) return undefined;
    const text = this.#word(base + STATUS_LINE);
    const heap = this.#module.HEAPU8;
    if (text === 0 || text >= heap.length) return undefined;
    const end = heap.subarray(text, text + LONGEST_LINE).indexOf(0);
    const line = end < 0 ? "" : bytesToByteString(heap, text, text + end);
    return /^HTTP\/\d/i.test(line) ? line : undefined;
  }

  #findTable(base: number, path: string): number | undefined {
    for (let at = INCLUDED_FILES_FROM; at < INCLUDED_FILES_TO; at += 4) if (this.#key(base + at, path)) return at;
    return undefined;
  }

  /** Whether there is a table at `table` with this key among its first few. */
  #key(table: number, key: string): boolean {
    const data = this.#word(table + ARRAY_DATA);
    const used = Math.min(this.#word(table + ARRAY_USED), 4);
    for (let i = 0; i < used; i++) {
      const string = this.#word(data + i * BUCKET_SIZE + BUCKET_KEY);
      if (this.#word(string + STRING_LENGTH) !== key.length) continue;
      const text = string + STRING_TEXT;
      if (bytesToByteString(this.#module.HEAPU8, text, text + key.length) === key) return true;
    }
    return false;
  }

  /** A word of linear memory; 0 outside of it. */
  #word(address: number): number {
    const heap = this.#module.HEAPU8;
    if (address < 0 || address + 4 > heap.length) return 0;
    return new DataView(heap.buffer, heap.byteOffset).getUint32(address, true);
  }
}

/** The glue gives data of the module as its address, or leaves it the global that holds it. */
function addressOf(data: number | WebAssembly.Global): number {
  return typeof data === "number" ? data : Number(data.value);
}
