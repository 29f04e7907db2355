// Text in the interpreter's memory, as C has it: UTF-8 with a zero at its end.

import type { PhpModule } from "./glue.ts";

export function readText({ HEAPU8 }: PhpModule, pointer: number): string {
  if (pointer === 0) return "";
  return new TextDecoder().decode(HEAPU8.slice(pointer, HEAPU8.indexOf(0, pointer)));
}

/** @returns where it lies: the caller's to free */
export function writeText(module: PhpModule, text: string): number {
  const bytes = new TextEncoder().encode(`${text}\0`);
  const pointer = module.malloc(bytes.length);
  module.HEAPU8.set(bytes, pointer);
  return pointer;
}
