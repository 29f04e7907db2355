// Extensions of PHP that are files of their own: WebAssembly side modules beside the interpreter of a PHP package. The
// master finds and compiles them once; each thread links them to its own interpreter.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { noSuchExtension, splitExtensions, type WantedExtension } from "../../php/extensions.ts";
import type { PhpModule } from "../../php/glue.ts";
import type { IniParts } from "../../php/ini.ts";
import { findIcuData, mountIcuData } from "./icu-data.ts";
import type { PhpLookup } from "./php-versions.ts";

/** What a thread needs to link the extensions of a php.ini. It can be sent to a thread as it is. */
export interface Extensions {
  readonly modules: readonly (WantedExtension & { readonly wasm: WebAssembly.Module })[];
  /** Path of ICU's data, when one of them is intl. */
  readonly icuData?: string;
}

/** Where PHP finds them. */
const EXTENSIONS_PATH = "/internal/extensions";
const ICU_PATH = "/internal/icu";

/** Compiled side modules by path. */
const compiled = new Map<string, WebAssembly.Module>();

/**
 * Finds and compiles the extensions that a php.ini asks for.
 *
 * @param wasmPath path of the interpreter's WebAssembly file: they lie in `extensions` beside its folder
 * @param lookup `env`: environment of the scripts, whose ICU_DATA stands for data of our own
 * @throws {PhpError} `PHP_EXTENSION` when the package does not bring one of them, naming those that it brings, or when
 *   what it needs is missing
 */
export function loadExtensions(
  given: IniParts,
  wasmPath: string,
  lookup: PhpLookup & { readonly env?: Readonly<Record<string, string | undefined>> } = {},
): { readonly ini: IniParts; readonly extensions: Extensions } {
  const { ini, wanted } = splitExtensions(given);
  if (wanted.length === 0) return { ini, extensions: { modules: [] } };
  const folder = join(dirname(wasmPath), "..", "extensions");
  const there = extensionsIn(folder);
  const modules = wanted.map((extension) => {
    if (!there.includes(extension.name)) {
      throw noSuchExtension(extension.name, there, `in ${dirname(folder)}`);
    }
    return {
      ...extension,
      directive: directiveOf(extension),
      wasm: compile(join(folder, extension.name, `${extension.name}.so`)),
    };
  });
  const lines = modules.map(({ name, directive }) => `${directive} = ${EXTENSIONS_PATH}/${name}.so\n`);
  const needsData = modules.some(({ name }) => name === "intl") && lookup.env?.ICU_DATA === undefined;
  const icu = needsData ? { icuData: findIcuData(lookup) } : {};
  return {
    ini: { ...ini, text: `${ini.text ?? ""}\n[PHP]\n${lines.join("")}` },
    extensions: { modules, ...icu },
  };
}

/** xdebug is no ordinary extension, and PHP refuses it by the wrong name. */
function directiveOf({ name, directive }: WantedExtension): WantedExtension["directive"] {
  return name === "xdebug" ? "zend_extension" : directive;
}

function extensionsIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function compile(path: string): WebAssembly.Module {
  const known = compiled.get(path) ?? new WebAssembly.Module(readFileSync(path));
  compiled.set(path, known);
  return known;
}

interface Exports {
  readonly malloc: (bytes: number) => number;
  readonly free: (pointer: number) => void;
}

/** Files that are read whole: the glue reads a side module so before it compiles it, unless it is given a module. */
interface Reader {
  readFile(path: string, options?: object): unknown;
}

/** Links extensions to one interpreter: the hooks that its boot calls. */
export class ExtensionLinker {
  readonly #extensions: Extensions;
  #exports: Exports | undefined;

  constructor(extensions: Extensions) {
    this.#extensions = extensions;
  }

  /** Environment of the interpreter: where ICU looks for its data, unless the pool says it. */
  get env(): Readonly<Record<string, string>> {
    return this.#extensions.icuData === undefined ? {} : { ICU_DATA: ICU_PATH };
  }

  /**
   * Gives the side modules what they expect of the C++ library and the interpreter does not export: its memory, and
   * the ends of locks, which are nothing with a single thread.
   */
  imports(imports: WebAssembly.Imports): void {
    if (this.#extensions.modules.length === 0) return;
    const env = imports.env as Record<string, unknown>;
    const allocate = (bytes: number): number => {
      const pointer = this.#exports?.malloc(bytes === 0 ? 1 : bytes) ?? 0;
      if (pointer === 0) throw new WebAssembly.RuntimeError("an extension found no memory");
      return pointer;
    };
    const tryToAllocate = (bytes: number): number => this.#exports?.malloc(bytes === 0 ? 1 : bytes) ?? 0;
    const release = (pointer: number): void => this.#exports?.free(pointer);
    const nothing = (): void => {};
    const library: Readonly<Record<string, unknown>> = {
      _Znwm: allocate,
      _Znam: allocate,
      _ZnwmRKSt9nothrow_t: tryToAllocate,
      _ZnamRKSt9nothrow_t: tryToAllocate,
      _ZdlPv: release,
      _ZdaPv: release,
      _ZNSt3__25mutexD1Ev: nothing,
      _ZNSt3__218condition_variableD1Ev: nothing,
    };
    for (const [name, value] of Object.entries(library)) env[name] ??= value;
  }

  /** Given the instance, before its exports are wrapped. */
  onInstance(instance: WebAssembly.Instance): void {
    this.#exports = instance.exports as unknown as Exports;
  }

  /** Puts the files where php.ini names them. */
  mount(module: PhpModule): void {
    const { modules, icuData } = this.#extensions;
    if (modules.length === 0) return;
    if (icuData !== undefined) mountIcuData(module, icuData, ICU_PATH);
    const { FS } = module;
    const byPath = new Map(modules.map(({ name, wasm }) => [`${EXTENSIONS_PATH}/${name}.so`, wasm]));
    FS.mkdirTree(EXTENSIONS_PATH);
    for (const path of byPath.keys()) FS.writeFile(path, "");
    const files = FS as unknown as Reader;
    const readFile = files.readFile;
    files.readFile = (path, options) => byPath.get(path) ?? readFile.call(files, path, options);
  }
}
