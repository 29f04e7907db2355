// ".." within a path: to POSIX only a directory has it. The glue goes up from files too.

import type { GlueFileSystem, PhpModule } from "../glue.ts";

interface Files extends GlueFileSystem {
  lookupPath(path: string, options?: object): { readonly node?: { readonly mode: number } };
}

/** "Not a directory" in the numbers of WASI, which Emscripten uses. */
const ENOTDIR = 54;

/** Has every look-up refuse a path that goes up from something that is no directory. */
export function respectParents(module: PhpModule): void {
  const FS = module.FS as Files;
  const lookUp = FS.lookupPath;
  FS.lookupPath = (path, options) => {
    const at = /.*(?=\/\.\.(?:\/|$))/s.exec(path)?.[0] ?? "";
    // What lies before the last one has the others in it.
    if (at !== "" && !FS.isDir(FS.lookupPath(at, { follow: true }).node?.mode ?? 0)) throw new FS.ErrnoError(ENOTDIR);
    return lookUp(path, options);
  };
}
