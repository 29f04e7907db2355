// PHP 8.2 seeds lcg_value(), and so uniqid('', true), with the clock and the process id alone. Web builds have one process id
// for all and the edge's clock shows milliseconds: two children would draw the same. Later versions of PHP ask for randomness.

import { importedFunctions, leb128, wasmExports } from "./wasm.ts";

/** `void (php_random_status_state_combinedlcg *)`: two numbers of 32 bits. Only PHP 8.2's build exports it. */
const SEED = "php_random_combinedlcg_seed_default";

/** Instructions that fill the state with the host's randomness, and go on as before only where there is none. */
export function lcgSeed(raw: Uint8Array): Map<string, Uint8Array> {
  const random = importedFunctions(raw).get("wasi_snapshot_preview1.random_get");
  if (random === undefined || !wasmExports(raw).some(({ name }) => name === SEED)) return new Map();
  // if (random_get(state, 8) == 0) return
  return new Map([[SEED, Uint8Array.from([0x20, 0, 0x41, 8, 0x10, ...leb128(random), 0x45, 0x04, 0x40, 0x0f, 0x0b])]]);
}
