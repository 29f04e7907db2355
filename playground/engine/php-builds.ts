// Which versions of PHP the build brought along, and where they lie.

import builds from "virtual:php-builds";
import type { PhpBuild } from "./protocol.ts";

/** In the order of the versions. */
export function phpBuilds(): readonly PhpBuild[] {
  const url = (path: string) => new URL(path, document.baseURI).href;
  return builds.map(({ wasm, glue, ...facts }) => ({ ...facts, wasmUrl: url(wasm), glueUrl: url(glue) }));
}
