// The data of ICU, without which the extension intl knows no language: one file of 30 MB. PHP gets it as the folder of
// its parts, each read when ICU asks for it, so that a child holds the few that its scripts use.

import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { PhpError } from "../../php/errors.ts";
import type { PhpModule } from "../../php/glue.ts";
import { PHP_PACKAGE_RELEASE, type PhpLookup } from "./php-versions.ts";

/** The version of ICU that the packages' intl is made of: it takes no other data. */
const ICU_NAME = "icudt74l";

/** The package that carries the file, as `shared/icu.dat`. It depends on every version of PHP. */
const PACKAGE = "@php-wasm/node";

/** Where the file is kept that belongs to no package. */
function cachedIcuData(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "edge-fpm", `${ICU_NAME}.dat`);
}

/**
 * Finds the file: `EDGE_FPM_ICU_DATA`, the user's cache, the package @php-wasm/node.
 *
 * @throws {PhpError} `PHP_EXTENSION` with what to do, when it is nowhere or no such file
 */
export function findIcuData(lookup: PhpLookup = {}): string {
  const named = process.env.EDGE_FPM_ICU_DATA;
  const places = [named, cachedIcuData(), ...packagedIcuData(lookup)];
  const found = places.find((path) => path !== undefined && path !== "" && existsSync(path));
  if (found !== undefined) {
    readIcuParts(found);
    return found;
  }
  const tarball = `php-wasm-node-${PHP_PACKAGE_RELEASE}.tgz`;
  const cache = cachedIcuData();
  throw new PhpError(
    "PHP_EXTENSION",
    `the extension intl needs the data of ICU 74, which are not there. The npm package ${PACKAGE} carries them; get them with: ` +
      `npm pack ${PACKAGE}@${PHP_PACKAGE_RELEASE} && tar -xzf ${tarball} package/shared/icu.dat && ` +
      `mkdir -p ${dirname(cache)} && mv package/shared/icu.dat ${cache} (or name the file in EDGE_FPM_ICU_DATA)`,
  );
}

function packagedIcuData(lookup: PhpLookup): string[] {
  return [import.meta.url, pathToFileURL(`${lookup.from ?? process.cwd()}/`).href].flatMap((base) => {
    try {
      return [join(dirname(createRequire(base).resolve(PACKAGE)), "shared/icu.dat")];
    } catch {
      return [];
    }
  });
}

/** Where a part lies in the file, in bytes. */
interface Part {
  readonly at: number;
  readonly length: number;
}

/** Where the length of the header stands, the mark of ICU's data (0xda27), and the kind: "CmnD", a collection. */
const MAGIC = 0x27da;
const COLLECTION = "CmnD";
const KIND_AT = 12;

/** Most bytes of the list of parts: real ones have 200 KB. */
const LONGEST_LIST = 4 * 1024 * 1024;

/**
 * Reads the list of parts (ICU4C, source/common/ucmndata.h).
 *
 * @throws {PhpError} `PHP_EXTENSION` when it is no such file
 */
export function readIcuParts(path: string): ReadonlyMap<string, Part> {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, LONGEST_LIST));
    readSync(file, bytes, 0, bytes.length, 0);
    if (
      bytes.length < 32 ||
      bytes.readUInt16LE(2) !== MAGIC ||
      bytes.toString("latin1", KIND_AT, KIND_AT + 4) !== COLLECTION
    ) {
      throw new Error("no little-endian collection of ICU data");
    }
    const base = bytes.readUInt16LE(0);
    const count = bytes.readUInt32LE(base);
    const parts = new Map<string, Part>();
    for (let index = 0; index < count; index++) {
      const entry = base + 4 + index * 8;
      const name = base + bytes.readUInt32LE(entry);
      const at = base + bytes.readUInt32LE(entry + 4);
      // The last one reaches to the end.
      const end = index + 1 < count ? base + bytes.readUInt32LE(entry + 12) : size;
      const nameEnd = bytes.indexOf(0, name);
      if (nameEnd < 0 || at > end || end > size) throw new Error("its list of parts is damaged");
      parts.set(bytes.toString("latin1", name, nameEnd), { at, length: end - at });
    }
    if (![...parts.keys()].every((name) => name.startsWith(`${ICU_NAME}/`))) {
      throw new Error(`it is not ${ICU_NAME}`);
    }
    return parts;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PhpError("PHP_EXTENSION", `${path} cannot be used as the data of ICU 74: ${reason}`, { cause });
  } finally {
    closeSync(file);
  }
}

interface MemoryNode {
  readonly parent: MemoryNode;
  readonly name: string;
  contents: unknown;
  usedBytes: number;
  node_ops: { lookup(parent: MemoryNode, name: string): MemoryNode };
}

interface MemoryFileSystem {
  createNode(parent: MemoryNode, name: string, mode: number, device: number): MemoryNode;
}

const DIRECTORY_MODE = 0o40555;
const FILE_MODE = 0o100444;
const ENOENT = 44;

/** Shows the parts below `at`, for ICU_DATA. A listing shows only those that were looked up: ICU asks by name. */
export function mountIcuData(module: PhpModule, path: string, at: string): void {
  const parts = readIcuParts(path);
  const folders = new Set([...parts.keys()].flatMap((name) => ancestors(name)));
  const { FS } = module;
  const memory = FS.filesystems.MEMFS as MemoryFileSystem;
  FS.mkdirTree(at);
  const root = FS.mount(FS.filesystems.MEMFS, {}, at) as MemoryNode;
  const paths = new Map<MemoryNode, string>();
  const file = openSync(path, "r");

  const folder = (node: MemoryNode, its: string): MemoryNode => {
    paths.set(node, its);
    node.node_ops = { ...node.node_ops, lookup };
    return node;
  };
  const lookup = (parent: MemoryNode, name: string): MemoryNode => {
    const full = `${paths.get(parent) ?? ""}${name}`;
    if (folders.has(full)) return folder(memory.createNode(parent, name, DIRECTORY_MODE, 0), `${full}/`);
    const part = parts.get(full);
    if (part === undefined) throw new FS.ErrnoError(ENOENT);
    const node = memory.createNode(parent, name, FILE_MODE, 0);
    node.usedBytes = part.length;
    // ICU maps a part once, which copies it: nothing is gained by keeping it here.
    Object.defineProperty(node, "contents", {
      get() {
        const bytes = new Uint8Array(part.length);
        readSync(file, bytes, 0, bytes.length, part.at);
        return bytes;
      },
    });
    return node;
  };
  folder(root, "");
}

function ancestors(name: string): string[] {
  const segments = name.split("/").slice(0, -1);
  return segments.map((_, index) => segments.slice(0, index + 1).join("/"));
}
