// The JavaScript glue of a web build of @php-wasm, made fit for an isolate: no node modules, no page, no eval, and the
// WebAssembly file handed in by `instantiateWasm`. Text in, text out.

import type { PhpModule } from "../php/glue.ts";
import { ImageError } from "./errors.ts";

/** A replacement in the glue. `expected`: how often the text must be found. */
interface Patch {
  readonly what: string;
  readonly find: RegExp;
  readonly replace: string;
  readonly expected: number;
}

/** Exports that our host reads beside those of the glue: `PhpModule.wasmExports`, and what is reached without it. */
const OF_HOST: Readonly<Record<keyof PhpModule["wasmExports"] | OtherExport, true>> = {
  zend_strpprintf: true,
  zend_alter_ini_entry_chars_ex: true,
  sapi_send_headers: true,
  php_check_open_basedir_ex: true,
  zend_ini_deactivate: true,
  zif_umask: true,
  zend_get_executed_filename: true,
  zend_get_executed_lineno: true,
  executor_globals: true,
  sapi_globals: true,
  sapi_module: true,
  php_stream_stdio_ops: true,
  zend_hash_str_del: true,
  _emscripten_timeout: true,
  emscripten_get_sbrk_ptr: true,
  zend_mm_get_heap: true,
  memory: true,
  __stack_pointer: true,
  __indirect_function_table: true,
};

/** Snapshots, fibers, clocks and what PHP keeps between requests. */
type OtherExport =
  | "memory"
  | "__stack_pointer"
  | "__indirect_function_table"
  | "executor_globals"
  | "sapi_globals"
  | "zend_hash_str_del"
  | "_emscripten_timeout";

/**
 * Names of the exports that the glue and our host read from the instance: all that must stay in a pruned module.
 *
 * @throws {ImageError} `IMAGE_GLUE_CHANGED` when the glue names hardly any
 */
export function glueExports(source: string): Set<string> {
  const names = new Set(Object.keys(OF_HOST));
  for (const [, quoted, bare] of source.matchAll(
    /wasmExports\[\s*['"]([^'"]+)['"]\s*\]|wasmExports\.([A-Za-z_$][\w$]*)/g,
  )) {
    const name = quoted ?? bare;
    if (name !== undefined) names.add(name);
  }
  // 317 in the releases known; a glue that reads its exports in another way would leave a handful.
  if (names.size < 50 || !names.has("__wasm_call_ctors")) {
    throw changed(`it names ${names.size} exports; where it reads the others is not known`);
  }
  return names;
}

/** Where the glue says its WebAssembly file lies, relative to itself. */
export function glueWasmPath(source: string): string {
  const path = IMPORT.exec(source)?.[1];
  if (path === undefined) throw changed("it does not import its WebAssembly file in its first lines");
  return path;
}

/** The version of PHP that the glue belongs to, such as "8.4.25". */
export function gluePhpVersion(source: string): string {
  const version = /^const phpVersionString = '(\d+\.\d+\.\d+)';$/m.exec(source)?.[1];
  if (version === undefined) throw changed("it does not tell the version of PHP");
  return version;
}

const IMPORT = /^import dependencyFilename from '(\.\/[^']+\.wasm)';$/m;

/** What is true wherever this glue runs. Handed to the bundler, which drops the branches of other platforms. */
export const GLUE_DEFINES: Readonly<Record<string, string>> = {
  ENVIRONMENT_IS_WEB: "true",
  ENVIRONMENT_IS_WORKER: "false",
  ENVIRONMENT_IS_NODE: "false",
  "globalThis.window": "undefined",
  "globalThis.document": "undefined",
  "globalThis.XMLHttpRequest": "undefined",
};

/** What must not be left in a finished glue. */
const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["eval", /\beval\s*\(|\bnew Function\b/],
  ["a node module", /\brequire\s*\(|\bimport\s*\(|\bfrom\s*["']/],
  ["XMLHttpRequest", /\bXMLHttpRequest\b/],
  ["a page", /\bwindow\s*\.|\bdocument\s*\.|\bself\s*\.\s*location\b/],
];

/**
 * Patches the source of a glue. The result still holds the dead branches: it must go through a minifier with
 * `GLUE_DEFINES`, and then through `checkGlue`.
 *
 * @param maximumBytes the maximum of linear memory that the module was rewritten to
 * @throws {ImageError} `IMAGE_GLUE_CHANGED` when a text to replace is not there
 */
export function patchGlue(source: string, maximumBytes: number): string {
  let text = source;
  for (const patch of patches(maximumBytes)) {
    const found = text.match(patch.find)?.length ?? 0;
    if (found !== patch.expected) {
      throw changed(`${patch.what}: expected ${patch.expected} times, found ${found} times`);
    }
    text = text.replaceAll(patch.find, patch.replace);
  }
  return text;
}

/**
 * @throws {ImageError} `IMAGE_GLUE_CHANGED` when a finished glue would still reach for what an isolate lacks
 */
export function checkGlue(finished: string): void {
  for (const [what, pattern] of FORBIDDEN) {
    const found = pattern.exec(finished);
    if (found === null) continue;
    const around = finished.slice(Math.max(0, found.index - 40), found.index + 40);
    throw changed(`it still uses ${what}, near: ${around}`);
  }
}

function patches(maximumBytes: number): readonly Patch[] {
  return [
    {
      what: "import of the WebAssembly file",
      find: new RegExp(IMPORT, "gm"),
      // A name for messages only: `instantiateWasm` brings the module.
      replace: "const dependencyFilename = 'php.wasm';",
      expected: 1,
    },
    { what: "export of its name", find: /^export \{ dependencyFilename \};$/gm, replace: "", expected: 1 },
    {
      what: "largest heap",
      // What PHP asks beyond the module's own maximum fails late and at odd places; this makes malloc say no.
      find: /\bgetHeapMax = \(\) => 2147483648;/g,
      // What else the isolate holds may leave less: `heapLimit` tells, in bytes.
      replace: `getHeapMax = () => Math.min(${maximumBytes}, Module.heapLimit?.() ?? ${maximumBytes});`,
      expected: 1,
    },
    {
      what: "platform tests",
      find: /^\s*var ENVIRONMENT_IS_(?:WEB|WORKER|NODE) = RuntimeName === '\w+';$/gm,
      replace: "",
      expected: 3,
    },
    {
      what: "eval, for code inside side modules",
      find: /\beval\(func\)/g,
      replace: "abort('JavaScript inside a side module')",
      expected: 2,
    },
    {
      what: "files that load themselves by XMLHttpRequest",
      find: /\bnew XMLHttpRequest\(\)/g,
      replace: "abort('a lazy file')",
      expected: 3,
    },
  ];
}

function changed(what: string): ImageError {
  return new ImageError(
    "IMAGE_GLUE_CHANGED",
    `this release of PHP's glue is not known to this release of edge-fpm: ${what}. Use the release of @php-wasm that edge-fpm names.`,
  );
}
