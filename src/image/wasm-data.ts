// A WebAssembly module and what its linear memory begins with, taken apart. An engine writes the data of a module piece by
// piece into each instance, and the pieces of PHP are 90,000; who puts something else there in any case need not wait for it.

import { type InitialMemory, OWN_GLOBAL } from "../php/snapshot/memory.ts";
import { concat, EXPORT, leb128, Reader, sectionOf, type WasmSection, wasmSections } from "./wasm.ts";

const GLOBAL = 6;
const DATA = 11;
/** Tells the number of pieces ahead, for instructions that copy them. */
const DATA_COUNT = 12;

const END = 0x0b;
const I32_CONST = 0x41;
const I32 = 0x7f;
const MUTABLE = 1;

/** Bytes between the first and the last of the data, at most: what lies farther apart is left where it is. */
const FARTHEST = 256 * 1024 * 1024;

/** A module whose data lies beside it. */
export interface SeparatedModule {
  readonly module: Uint8Array<ArrayBuffer>;
  /** Absent when the module is left as it was: its data does not lie at fixed places one behind the other. */
  readonly initialMemory?: InitialMemory;
}

/**
 * Takes the data out of a module. What else its instances begin with are variables: those that they change and would keep
 * to themselves are exported, under names that begin with `OWN_GLOBAL`.
 *
 * @throws {ImageError} `IMAGE_NOT_WASM`, `IMAGE_WASM_MALFORMED`
 */
export function separateData(bytes: Uint8Array<ArrayBuffer>): SeparatedModule {
  const sections = wasmSections(bytes);
  const find = (wanted: number) => sections.find(({ id }) => id === wanted);
  const [data, exports, globals] = [find(DATA), find(EXPORT), find(GLOBAL)];
  const initialMemory = data && readData(bytes, data);
  const own = globals === undefined ? [] : changingGlobals(bytes, globals);
  if (initialMemory === undefined || exports === undefined || own === undefined) return { module: bytes };
  const parts = sections.map((section) => {
    // No pieces.
    if (section === data || section.id === DATA_COUNT) return sectionOf(section.id, [0]);
    if (section === exports) return withGlobals(bytes, exports, own);
    return bytes.subarray(section.start, section.end);
  });
  return { module: concat([bytes.subarray(0, sections[0]?.start), ...parts]), initialMemory };
}

function readData(bytes: Uint8Array, section: WasmSection): InitialMemory | undefined {
  const reader = new Reader(bytes, section.body, section.end);
  const count = reader.u32();
  /** Of each piece: its address, where its content is in `bytes`, and how long it is. */
  const pieces = new Uint32Array(Math.min(count, bytes.length) * 3);
  let end = 0;
  for (let i = 0; i < count * 3; i += 3) {
    if (reader.u32() !== 0 || reader.byte() !== I32_CONST) return undefined;
    const at = reader.u32();
    if (reader.byte() !== END) return undefined;
    const length = reader.u32();
    if (at < end) return undefined;
    pieces[i] = at;
    pieces[i + 1] = reader.skip(length);
    pieces[i + 2] = length;
    end = at + length;
  }
  const start = pieces[0] ?? 0;
  if (end - start > FARTHEST) return undefined;
  const whole = new Uint8Array(new SharedArrayBuffer(end - start));
  for (let i = 0; i < pieces.length; i += 3) {
    let at = (pieces[i] as number) - start;
    let from = pieces[i + 1] as number;
    // They are short: a loop is done before a view of one is made.
    for (const last = from + (pieces[i + 2] as number); from < last; ) whole[at++] = bytes[from++] as number;
  }
  return { start, bytes: whole };
}

/** Indices of the variables that change; `undefined` when one of them is no plain number. */
function changingGlobals(bytes: Uint8Array, section: WasmSection): number[] | undefined {
  const reader = new Reader(bytes, section.body, section.end);
  const changing: number[] = [];
  const count = reader.u32();
  for (let index = 0; index < count; index++) {
    const type = reader.byte();
    const mutable = reader.byte() === MUTABLE;
    if (type !== I32 || reader.byte() !== I32_CONST) return undefined;
    while (reader.byte() >= 0x80);
    if (reader.byte() !== END) return undefined;
    if (mutable) changing.push(index);
  }
  return changing;
}

function withGlobals(bytes: Uint8Array, section: WasmSection, own: readonly number[]): Uint8Array {
  const reader = new Reader(bytes, section.body, section.end);
  const count = leb128(reader.u32() + own.length);
  const added = own.map((index) => {
    const name = new TextEncoder().encode(`${OWN_GLOBAL}${index}`);
    return Uint8Array.from([...leb128(name.length), ...name, 3, ...leb128(index)]);
  });
  return sectionOf(EXPORT, concat([Uint8Array.from(count), bytes.subarray(reader.at, section.end), ...added]));
}
