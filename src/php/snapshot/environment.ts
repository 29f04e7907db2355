// The environment of the interpreter's C library: strings in linear memory, so they are part of every copy of it. A
// place of known address and size is made for them, where those of another child can be written.

import type { PhpModule } from "../glue.ts";

/** Where the environment lies in linear memory: addresses, and room. */
export interface EnvironmentPlace {
  /** The list of pointers, ended by a null. */
  readonly list: number;
  /** Pointers that fit, without the null. */
  readonly entries: number;
  readonly text: number;
  /** Bytes that fit. */
  readonly bytes: number;
  /** Addresses of the C library's pointer to the list, as `putenv` moves it. One, or nobody knows which. */
  readonly heads: readonly number[];
}

/** Room for variables that a later child has and this one has not. */
const ENTRIES = 512;
const BYTES = 32 * 1024;

type Call = (first: number, second: number) => number;

/**
 * Has the module about to be instantiated make room for its environment.
 *
 * @returns the place, once the module runs; `undefined` when it was not asked for
 */
export function reserveEnvironment(
  imports: WebAssembly.Imports,
  module: () => PhpModule,
): () => EnvironmentPlace | undefined {
  const calls = imports.wasi_snapshot_preview1 as Record<"environ_get" | "environ_sizes_get", Call> | undefined;
  if (calls?.environ_get === undefined || calls.environ_sizes_get === undefined) return () => undefined;
  const { environ_get: get, environ_sizes_get: sizes } = calls;
  let entries = 0;
  let bytes = 0;
  let list = 0;
  let text = 0;
  calls.environ_sizes_get = (count, size) => {
    const result = sizes(count, size);
    const view = new DataView(module().HEAPU8.buffer);
    entries = view.getUint32(count, true) + ENTRIES;
    bytes = view.getUint32(size, true) + BYTES;
    view.setUint32(count, entries, true);
    view.setUint32(size, bytes, true);
    return result;
  };
  calls.environ_get = (pointers, strings) => {
    list = pointers;
    text = strings;
    // The C library ends the list behind the last entry only.
    module().HEAPU8.fill(0, list, list + entries * 4);
    return get(pointers, strings);
  };
  return () => (list === 0 ? undefined : { list, entries, text, bytes, heads: headsOf(module(), list) });
}

/** The variable of the C library that holds the list, among the static data below the stack. */
function headsOf({ HEAPU8 }: PhpModule, list: number): number[] {
  const heads: number[] = [];
  // The list is one of the first things that are allocated: all static data lies below it.
  const words = new Uint32Array(HEAPU8.buffer, 0, list >>> 2);
  for (let at = words.indexOf(list); at >= 0; at = words.indexOf(list, at + 1)) heads.push(at * 4);
  return heads;
}

/** Whether another environment can be put there. */
export function isReplaceable(place: EnvironmentPlace | undefined): place is EnvironmentPlace {
  return place?.heads.length === 1;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Each variable as the C library has it, with the NUL at its end. */
export function encodeVariables(variables: Variables): Uint8Array[] {
  const encoder = new TextEncoder();
  return Object.entries(variables).flatMap(([name, value]) =>
    value === undefined ? [] : [encoder.encode(`${name}=${value}\0`)],
  );
}

/** Whether there is room for an environment. */
export function environmentFits(place: EnvironmentPlace, variables: Variables): boolean {
  const strings = encodeVariables(variables);
  return strings.length <= place.entries && strings.reduce((sum, { length }) => sum + length, 0) <= place.bytes;
}

/** Writes an environment that fits over the one that is there. */
export function writeEnvironment(heap: Uint8Array, place: EnvironmentPlace, variables: Variables): void {
  const view = new DataView(heap.buffer, heap.byteOffset);
  heap.fill(0, place.list, place.list + (place.entries + 1) * 4);
  heap.fill(0, place.text, place.text + place.bytes);
  let at = place.text;
  for (const [index, string] of encodeVariables(variables).entries()) {
    heap.set(string, at);
    view.setUint32(place.list + index * 4, at, true);
    at += string.length;
  }
  for (const head of place.heads) view.setUint32(head, place.list, true);
}
