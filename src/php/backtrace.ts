// The calls that a script is in the middle of, read from the interpreter's memory without a word to PHP: what php-fpm does
// with ptrace (fpm_php_trace.c), from inside. Only to be called while the interpreter stands still: in an import, or in
// one that waits.

import { bytesToByteString } from "../codec/index.ts";
import type { PhpModule } from "./glue.ts";

/** One call. */
export interface BacktraceFrame {
  /** Of the interpreter's record of the call, in linear memory. */
  readonly address: number;
  /** Function, or `[INCLUDE_OR_EVAL]`. A byte string. */
  readonly name: string;
  /** What called it: the nearest PHP code below. A byte string. */
  readonly file: string;
  readonly line: number;
}

/** The script, and its calls, the innermost first. */
export interface ScriptBacktrace {
  readonly script: string | undefined;
  readonly frames: readonly BacktraceFrame[];
}

/** zend_execute_data (Zend/zend_compile.h) in builds for WebAssembly, the same from PHP 8.2 to 8.5. */
const FUNCTION = 12;
const CALL_INFO = 24;
const PREVIOUS = 32;
/** The kind of call, in the upper half of `This.u1.type_info`. */
const CALL_KIND = 0x3_0000;
const CALL_TOP_CODE = 0x3_0000;
/** zend_function: `type` is its first byte, `function_name` follows the flags. */
const FUNCTION_NAME = 8;
/** ZEND_INTERNAL_FUNCTION, ZEND_USER_FUNCTION, ZEND_EVAL_CODE. */
const FUNCTION_TYPES = [1, 2, 4];
/** zend_string: `len`, before its text, behind a hash of 64 bits or, in builds with short integers, of 32. */
const STRING_LENGTHS = [16, 12];

/** Where `current_execute_data` may lie in executor_globals. */
const CURRENT_FROM = 200;
const CURRENT_TO = 1024;

/** Longest text that is read, in bytes; deepest stack that is believed. */
const LONGEST_TEXT = 4096;
const DEEPEST = 100_000;

/** Reads backtraces of one interpreter. */
export class BacktraceReader {
  readonly #module: PhpModule;
  #current: number | undefined;

  constructor(module: PhpModule) {
    this.#module = module;
  }

  /**
   * @param depth most frames read
   * @returns undefined where the build does not show what is needed, or no PHP code runs
   */
  read(depth: number): ScriptBacktrace | undefined {
    const {
      executor_globals: globals,
      zend_get_executed_lineno: lineOf,
      zend_get_executed_filename: fileOf,
    } = this.#module.wasmExports;
    if (globals === undefined || lineOf === undefined || fileOf === undefined) return undefined;
    // The glue gives data of the module as its address, or leaves it the global that holds it.
    const base = typeof globals === "number" ? globals : Number(globals.value);
    this.#current ??= this.#findCurrent(base);
    if (this.#current === undefined) return undefined;
    const current = base + this.#current;
    const top = this.#word(current);
    const frames: BacktraceFrame[] = [];
    let script: string | undefined;
    try {
      for (let call = top, seen = 0; call !== 0 && seen < DEEPEST; seen++) {
        const name = this.#nameOf(call);
        // PHP's own functions find file and line; they look from here on down.
        if (name === undefined) {
          this.#setWord(current, call);
          script = this.#text(fileOf());
          break;
        }
        const previous = this.#word(call + PREVIOUS);
        if (frames.length < depth) {
          this.#setWord(current, previous);
          const file = previous === 0 ? undefined : this.#text(fileOf());
          frames.push({ address: call, name, file: file ?? "unknown", line: previous === 0 ? 0 : lineOf() });
        }
        call = previous;
      }
    } finally {
      this.#setWord(current, top);
    }
    return { script, frames };
  }

  /** Undefined for the code of the script itself, below which there is nothing. */
  #nameOf(call: number): string | undefined {
    const name = this.#word(this.#word(call + FUNCTION) + FUNCTION_NAME);
    if (name === 0) {
      return (this.#word(call + CALL_INFO) & CALL_KIND) === CALL_TOP_CODE ? undefined : "[INCLUDE_OR_EVAL]";
    }
    return this.#string(name) ?? "???";
  }

  /** A zend_string; undefined when there is none. */
  #string(address: number): string | undefined {
    const heap = this.#module.HEAPU8;
    for (const offset of STRING_LENGTHS) {
      const length = this.#word(address + offset);
      const start = address + offset + 4;
      // Every text is followed by a NUL.
      if (
        length > 0 &&
        length <= LONGEST_TEXT &&
        heap[start + length] === 0 &&
        !heap.subarray(start, start + length).includes(0)
      ) {
        return bytesToByteString(heap, start, start + length);
      }
    }
    return undefined;
  }

  /** The first word of executor_globals that begins a chain of calls which ends where chains end. */
  #findCurrent(base: number): number | undefined {
    for (let at = CURRENT_FROM; at < CURRENT_TO; at += 4) if (this.#isStack(this.#word(base + at))) return at;
    return undefined;
  }

  #isStack(top: number): boolean {
    let call = top;
    for (let seen = 0; seen < DEEPEST; seen++) {
      const code = this.#word(call + FUNCTION);
      if (call === 0 || call % 8 !== 0 || code === 0 || code % 4 !== 0) return false;
      if (!FUNCTION_TYPES.includes(this.#word(code) & 0xff)) return false;
      const name = this.#word(code + FUNCTION_NAME);
      if (name !== 0 && this.#string(name) === undefined) return false;
      if (name === 0 && (this.#word(call + CALL_INFO) & CALL_KIND) === CALL_TOP_CODE) return true;
      call = this.#word(call + PREVIOUS);
    }
    return false;
  }

  #text(pointer: number): string | undefined {
    const heap = this.#module.HEAPU8;
    if (pointer <= 0 || pointer >= heap.length) return undefined;
    const length = heap.subarray(pointer, pointer + LONGEST_TEXT).indexOf(0);
    return length < 0 ? undefined : bytesToByteString(heap, pointer, pointer + length);
  }

  /** A word of linear memory; 0 outside of it. */
  #word(address: number): number {
    const heap = this.#module.HEAPU8;
    if (address < 0 || address + 4 > heap.length) return 0;
    return new DataView(heap.buffer, heap.byteOffset).getUint32(address, true);
  }

  #setWord(address: number, value: number): void {
    const heap = this.#module.HEAPU8;
    new DataView(heap.buffer, heap.byteOffset).setUint32(address, value, true);
  }
}
