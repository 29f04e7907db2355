// The interpreter of a PHP package, compiled once for all threads: as it is, and slim. Instances of the slim one start in
// half the time, since only a twentieth of the 9,800 exports is left; side modules need the others.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { glueExports } from "../../image/glue.ts";
import { lcgSeed } from "../../image/lcg.ts";
import { rewriteWasm } from "../../image/wasm.ts";
import { separateData } from "../../image/wasm-data.ts";
import type { InitialMemory } from "../../php/snapshot/memory.ts";
import { type GlueCode, glueCode } from "./glue-code.ts";
import { loadPhpGlue } from "./load-glue.ts";

/** What an instance is made of. */
export interface CompiledPhp {
  readonly wasm: WebAssembly.Module;
  readonly glueCode?: GlueCode | undefined;
  /** What linear memory begins with, where it is not in `wasm`. */
  readonly initialMemory?: InitialMemory | undefined;
}

export class PhpCode {
  /** Path of the WebAssembly file. */
  readonly path: string;
  /** Its size, in bytes. */
  readonly size: number;
  readonly #glue: GlueCode | undefined;
  readonly #keep: ReadonlySet<string>;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #slim: Promise<CompiledPhp> | undefined;
  #whole: Promise<CompiledPhp> | undefined;

  private constructor(path: string, bytes: Uint8Array<ArrayBuffer>, source: string) {
    this.path = path;
    this.size = bytes.length;
    this.#bytes = bytes;
    this.#glue = glueCode(source, dirname(dirname(path)));
    this.#keep = this.#glue === undefined ? new Set() : glueExports(source);
  }

  /** Reads a package's files, of which the glue's module knows the names. */
  static async read(glueUrl: string): Promise<PhpCode> {
    const { dependencyFilename: path } = await loadPhpGlue(glueUrl);
    const source = join(dirname(dirname(path)), `${basename(path, ".wasm")}.js`);
    const [bytes, text] = await Promise.all([readFile(path), readFile(source, "utf8").catch(() => "")]);
    return new PhpCode(path, bytes, text);
  }

  /** The slim one; the whole one for a package that reads otherwise than those known. */
  slim(): Promise<CompiledPhp> {
    if (this.#glue === undefined) return this.whole();
    this.#slim ??= this.#read().then(async (bytes) => {
      const slim = rewriteWasm(bytes, { keep: this.#keep, prologues: lcgSeed(bytes) });
      this.#bytes = undefined;
      const { module, initialMemory } = separateData(slim);
      return { wasm: await WebAssembly.compile(module), glueCode: this.#glue, initialMemory };
    });
    return this.#slim;
  }

  /** What a thread's engine compiled of the slim one's glue: the next ones take it over. */
  keepCompiled(cache: Uint8Array): void {
    const glue = this.#glue;
    if (glue !== undefined) this.#slim = this.slim().then((php) => ({ ...php, glueCode: { ...glue, cache } }));
  }

  whole(): Promise<CompiledPhp> {
    this.#whole ??= this.#read().then(async (bytes) => ({ wasm: await WebAssembly.compile(bytes) }));
    return this.#whole;
  }

  /** What tells this build from every other one. */
  async fingerprint(): Promise<string> {
    const hash = createHash("sha256").update(await this.#read());
    return hash.update(this.#glue?.text ?? "").digest("hex");
  }

  async #read(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#bytes ?? (await readFile(this.path));
  }
}
