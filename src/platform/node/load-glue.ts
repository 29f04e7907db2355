// The glue of a PHP package, loaded by its URL.

import type { PhpGlue } from "../../php/glue.ts";

/** The glue of a version, as a Node module. */
export interface NodeGlue extends PhpGlue {
  /** Path of the WebAssembly file. */
  readonly dependencyFilename: string;
}

/** Loads the glue from a module URL that `phpPackageUrl` gave. */
export async function loadPhpGlue(url: string): Promise<NodeGlue> {
  const module = (await import(url)) as { getPHPLoaderModule(): Promise<NodeGlue> };
  return await module.getPHPLoaderModule();
}
