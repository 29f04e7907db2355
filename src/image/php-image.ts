// The interpreter as it is deployed, made from an installed web build of @php-wasm: Node's side. The same files serve
// workerd and browsers.

import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { PhpError } from "../php/errors.ts";
import { loadEsbuild } from "./esbuild.ts";
import { checkGlue, GLUE_DEFINES, glueExports, gluePhpVersion, glueWasmPath, patchGlue } from "./glue.ts";
import { lcgSeed } from "./lcg.ts";
import { withoutSharedMemory } from "./sqlite.ts";
import { importedFunctions, leb128, type MemoryPages, PAGE, rewriteWasm, wasmExports } from "./wasm.ts";

/** Versions of PHP that there are web builds for. */
export const WEB_PHP_VERSIONS = ["8.2", "8.3", "8.4", "8.5"] as const;
export type WebPhpVersion = (typeof WEB_PHP_VERSIONS)[number];

/** The version that is built when nobody chose. */
export const DEFAULT_WEB_PHP: WebPhpVersion = "8.4";

/** The release of the packages that this release was tested with. */
export const WEB_PACKAGE_RELEASE = "3.1.55";

/**
 * Linear memory of an interpreter at the edge: 20 to 96 MiB. PHP with opcache needs 24 to 36 after its start, and an
 * isolate has 128 MB in all, where the inflated files of the application and JavaScript's own heap must fit too.
 */
export const EDGE_MEMORY: MemoryPages = { initial: (20 * 1024 * 1024) / PAGE, maximum: (96 * 1024 * 1024) / PAGE };

export interface PhpImageOptions {
  /** Such as "8.4". */
  readonly php?: string;
  /**
   * How PHP waits: by the engine's promise integration (default), or by rewritten code, for browsers without it.
   */
  readonly asyncMode?: "jspi" | "asyncify";
  /** Limits of linear memory. `EDGE_MEMORY` when absent. */
  readonly memory?: MemoryPages;
  /** Folder whose `node_modules` (and its parents') are searched besides those of edge-fpm itself. Default: cwd. */
  readonly from?: string;
  /** Where finished images are kept. Default: `.cache/edge-fpm` in the `node_modules` that hold the package. */
  readonly cacheDirectory?: string;
}

/** A finished interpreter. */
export interface PhpImage {
  /** The module: to be compiled, and handed to `bootPhp`. */
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** Source of an ES module without imports, with the export `init` of a `PhpGlue`; its runtime name is "WEB". */
  readonly glue: string;
  /** Version of PHP, such as "8.4.25". */
  readonly version: string;
}

/** Changes whenever the same package must give another image than before. */
const REVISION = 8;

/**
 * Makes the interpreter, or takes it from the cache: about a second, or 20 ms.
 *
 * @throws {PhpError} `PHP_UNKNOWN_VERSION`, `PHP_NOT_INSTALLED`
 * @throws {ImageError} `IMAGE_GLUE_CHANGED` when the package reads otherwise than expected; `IMAGE_OPTION` when the
 *   memory makes no sense
 */
export async function buildPhpImage(options: PhpImageOptions = {}): Promise<PhpImage> {
  const memory = options.memory ?? EDGE_MEMORY;
  const php = chooseWebPhp(options.php);
  const folder = packageFolder(php, options.from);
  const gluePath = join(folder, `${options.asyncMode ?? "jspi"}/php_${php.replace(".", "_")}.js`);
  const source = readFileSync(gluePath, "utf8");
  const version = gluePhpVersion(source);
  const keep = glueExports(source);
  const key = createHash("sha256")
    .update(JSON.stringify([REVISION, releaseOf(folder), memory, [...keep].sort()]))
    .update(source)
    .digest("hex")
    .slice(0, 16);
  const cache = join(options.cacheDirectory ?? join(folder, "../../.cache/edge-fpm"), `php-${version}-${key}`);
  const cached = readImage(cache, version);
  if (cached !== undefined) return cached;

  const raw = readFileSync(join(dirname(gluePath), glueWasmPath(source)));
  const prologues = new Map([...streamLocks(raw), ...lcgSeed(raw)]);
  const wasm = rewriteWasm(raw, { keep, memory, prologues });
  withoutSharedMemory(wasm);
  const image = {
    wasm,
    glue: await finishGlue(source, memory),
    version,
  };
  keepImage(cache, image);
  return image;
}

/** The function through which PHP locks one of its streams; its second argument says what is to be done. */
const SET_OPTION = "_php_stream_set_option";

/** Where the C library keeps errno. */
const ERRNO_LOCATION = "__errno_location";

/**
 * Instructions that ask fcntl() for the lock. The build has a flock() that says yes to everything: with these the lock is
 * asked for first, as command 0x4006 on the stream's address. When the answer is a positive error number PHP is told -1,
 * and errno is that number, by which it knows that it would have to wait. A glue that does not know the command gives a
 * negative one, and all is as before.
 */
function streamLocks(raw: Uint8Array): Map<string, Uint8Array> {
  const fcntl = importedFunctions(raw).get("env.__syscall_fcntl64");
  const errno = wasmExports(raw).find(({ name, kind }) => name === ERRNO_LOCATION && kind === 0)?.index;
  if (fcntl === undefined || errno === undefined) return new Map();
  const errnoAddress = [0x10, ...leb128(errno)];
  const instructions = [
    // if (option == PHP_STREAM_OPTION_LOCKING)
    ...[0x20, 1, 0x41, 6, 0x46, 0x04, 0x40],
    // if (pointer == NULL): else it is only asked whether there are locks
    ...[0x20, 3, 0x45, 0x04, 0x40],
    // errno = fcntl(stream, 0x4006, value)
    ...[...errnoAddress, 0x20, 0, 0x41, 0x86, 0x80, 0x01, 0x20, 2, 0x10, ...leb128(fcntl), 0x36, 2, 0],
    // if (errno > 0) return -1
    ...[...errnoAddress, 0x28, 2, 0, 0x41, 0, 0x4a, 0x04, 0x40, 0x41, 0x7f, 0x0f],
    ...[0x0b, 0x0b, 0x0b],
  ];
  return new Map([[SET_OPTION, Uint8Array.from(instructions)]]);
}

/** The npm package of a version, such as "@php-wasm/web-8-4". */
export function webPhpPackage(version: WebPhpVersion): string {
  return `@php-wasm/web-${version.replace(".", "-")}`;
}

/** @throws {PhpError} `PHP_UNKNOWN_VERSION` */
export function chooseWebPhp(wanted: string = DEFAULT_WEB_PHP): WebPhpVersion {
  const version = WEB_PHP_VERSIONS.find((known) => known === wanted);
  if (version !== undefined) return version;
  const known = WEB_PHP_VERSIONS.join(", ");
  throw new PhpError(
    "PHP_UNKNOWN_VERSION",
    `there is no PHP ${wanted} for the edge; versions to choose from: ${known}`,
  );
}

/** Drops what only other platforms run, and makes it small. */
async function finishGlue(source: string, memory: MemoryPages): Promise<string> {
  const { transform } = await loadEsbuild();
  const { code } = await transform(patchGlue(source, memory.maximum * PAGE), {
    format: "esm",
    target: "es2024",
    minify: true,
    define: GLUE_DEFINES,
    legalComments: "none",
    // The glue repeats some keys of its objects; that is nobody's news.
    logLevel: "error",
  });
  checkGlue(code);
  return code;
}

function packageFolder(version: WebPhpVersion, from: string = process.cwd()): string {
  const name = webPhpPackage(version);
  for (const base of [import.meta.url, pathToFileURL(`${from}/`).href]) {
    try {
      return dirname(createRequire(base).resolve(`${name}/package.json`));
    } catch {
      // Not installed there: the next place.
    }
  }
  throw new PhpError(
    "PHP_NOT_INSTALLED",
    `PHP ${version} for the edge is not installed; install it with: npm install --save-dev ${name}@${WEB_PACKAGE_RELEASE}`,
  );
}

function releaseOf(folder: string): unknown {
  return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version?: unknown }).version;
}

function readImage(folder: string, version: string): PhpImage | undefined {
  try {
    const wasm = new Uint8Array(readFileSync(join(folder, "php.wasm")));
    const glue = readFileSync(join(folder, "glue.js"), "utf8");
    // A file that was cut short by a full disk is made again.
    return wasmExports(wasm).length > 0 && glue.length > 0 ? { wasm, glue, version } : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps an image, whole or not at all. A place that cannot be written to costs a second the next time. */
function keepImage(folder: string, image: PhpImage): void {
  let work: string | undefined;
  try {
    mkdirSync(dirname(folder), { recursive: true });
    work = mkdtempSync(`${folder}-`);
    writeFileSync(join(work, "php.wasm"), image.wasm);
    writeFileSync(join(work, "glue.js"), image.glue);
    rmSync(folder, { recursive: true, force: true });
    renameSync(work, folder);
  } catch {
    // Another build may have been faster: its image is as good.
    if (work !== undefined) rmSync(work, { recursive: true, force: true });
  }
}
