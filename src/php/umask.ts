// PHP's umask(). The C library keeps the mask in its own memory and shows it to nobody, and nothing there uses it: what
// makes files must ask. So PHP's own function is called as the engine calls it, zif_umask(execute_data, return_value), with
// the structures of builds with 32-bit addresses and 64-bit integers (php-src Zend/zend_compile.h, ext/standard/file.c).

import type { PhpModule } from "./glue.ts";
import { stackPointerOf } from "./snapshot/memory.ts";

/** In bytes: a frame without arguments, a value, and where the frame counts its arguments. */
const FRAME = 48;
const VALUE = 16;
const COUNT_AT = 28;
/** Where a value has its type, and PHP's number for integers. */
const TYPE_AT = 8;
const IS_LONG = 4;

/**
 * The mask of the script that runs.
 *
 * @returns `undefined` when the build does not export the function
 */
export function readUmask(module: PhpModule): number | undefined {
  return callUmask(module);
}

/** Sets the mask until the end of the request, when PHP puts back what was there before. */
export function setUmask(module: PhpModule, mask: number): void {
  callUmask(module, mask);
}

function callUmask(module: PhpModule, mask?: number): number | undefined {
  const { wasmExports, HEAPU8 } = module;
  const { zif_umask: umask } = wasmExports;
  if (umask === undefined) return undefined;
  const pointer = stackPointerOf(module);
  const stack: number = pointer.value;
  const bytes = FRAME + VALUE + VALUE;
  const frame = stack - bytes;
  const result = frame + FRAME + VALUE;
  HEAPU8.fill(0, frame, stack);
  const memory = new DataView(HEAPU8.buffer, HEAPU8.byteOffset, HEAPU8.byteLength);
  if (mask !== undefined) {
    memory.setUint32(frame + COUNT_AT, 1, true);
    memory.setUint32(frame + FRAME, mask, true);
    memory.setUint32(frame + FRAME + TYPE_AT, IS_LONG, true);
  }
  pointer.value = frame;
  try {
    (umask.orig ?? umask)(frame, result);
  } finally {
    pointer.value = stack;
  }
  return memory.getUint32(result, true);
}
