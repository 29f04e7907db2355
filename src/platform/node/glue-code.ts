// The glue of a PHP package as threads load it: a script without module loading, which the engine can take from what it
// compiled in another thread, and which leaves out what only side modules need. Threads start in half the time by it.

import { createRequire } from "node:module";
import path from "node:path";
import { Script } from "node:vm";
import type { NodeGlue } from "./load-glue.ts";

/** It can be sent to a thread as it is. */
export interface GlueCode {
  readonly text: string;
  /** Folder of the glue's file. */
  readonly folder: string;
  /** What the engine compiled of it elsewhere. */
  readonly cache?: Uint8Array;
}

/** What makes a plain script of the module. Each must be found once. */
const CHANGES: readonly (readonly [find: RegExp, replace: string])[] = [
  [/^import \{ createRequire \} from 'module';$/m, ""],
  [/^const require = createRequire\(import\.meta\.url\);$/m, ""],
  [/^import path from 'path';$/m, ""],
  [/^import \{ fileURLToPath \} from 'url';$/m, ""],
  [/^const currentDirPath =[^;]*;$/m, "var currentDirPath = folder;"],
  [/^export \{ dependencyFilename \};$/m, ""],
  [/^export const dependenciesTotalSize/m, "const dependenciesTotalSize"],
  [/^export function init\(/m, "function init("],
  // Gives every exported function a place in the table for side modules, and looks at all 15,000 places for that.
  [/^\s*updateGOT\(origExports\);$/m, ""],
  [/^\s*mergeLibSymbols\(wasmExports, 'main'\);$/m, ""],
  // What linear memory begins with is not part of the module.
  [/^\s*wasmExports\['__wasm_call_ctors'\]\(\);$/m, "Module['construct'](wasmExports['__wasm_call_ctors']);"],
];

/**
 * Makes such a script of the glue's source.
 *
 * @param folder the folder that the glue lies in
 * @returns undefined when the source reads otherwise than in the releases known: it must be loaded as the module it is
 */
export function glueCode(source: string, folder: string): GlueCode | undefined {
  let text = source;
  for (const [find, replace] of CHANGES) {
    const changed = text.replace(find, replace);
    if (changed === text || find.test(changed)) return undefined;
    text = changed;
  }
  text = withoutAddresses(text);
  if (/^(?:import|export)\b|^[^/\n]*\bimport\.meta\b/m.test(text)) return undefined;
  return { text: `(function (require, path, folder) {${text}\nreturn { init, dependencyFilename };\n})`, folder };
}

/** The addresses of a thousand of PHP's variables, for side modules: those that nothing else in the glue names. */
function withoutAddresses(text: string): string {
  const names = new Map<string, number>();
  for (const [name] of text.matchAll(/\b_\w+/g)) names.set(name, (names.get(name) ?? 0) + 1);
  return text.replaceAll(/^\s*var (_\w+) = \(Module\[\s*'(_\w+)'\s*\] =\s*[\de]+\);$/gm, (line, name, key) =>
    name === key && names.get(name) === 2 ? "" : line,
  );
}

type Evaluate = (require: NodeJS.Require, paths: typeof path, folder: string) => NodeGlue;

let script: Script | undefined;

/** Runs the script. */
export function evaluateGlue({ text, folder, cache }: GlueCode): NodeGlue {
  const filename = path.join(folder, "glue.cjs");
  script = new Script(text, { filename, ...(cache && { cachedData: Buffer.from(cache) }) });
  return (script.runInThisContext() as Evaluate)(createRequire(filename), path, folder);
}

/** What the engine has compiled of the script that ran last in this thread, for other threads. */
export function compiledGlue(): Uint8Array | undefined {
  return script?.createCachedData();
}
