// PHP for the page, taken from node_modules when the page is built: made fit for a Worker, packed, named by content.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { buildPhpImage, type WebPhpVersion, webPhpPackage } from "../../src/image/php-image.ts";
import { type MemoryPages, PAGE } from "../../src/image/wasm.ts";

/** Versions that the page offers; the last one is taken when nobody chose. */
const VERSIONS: readonly WebPhpVersion[] = ["8.2", "8.4"];

/** With promise integration, and for browsers without it. A browser loads one of the two. */
const MODES = ["jspi", "asyncify"] as const;

/** Linear memory of a child: what PHP needs to start, and room for a greedy script. */
const MEMORY: MemoryPages = { initial: (20 * 1024 * 1024) / PAGE, maximum: (160 * 1024 * 1024) / PAGE };

const MODULE = "virtual:php-builds";

/** Folder of the output. */
const FOLDER = "php";

interface PhpFiles {
  readonly facts: readonly object[];
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The folders of the packages that PHP is taken from. */
export function phpPackageFolders(): string[] {
  const { resolve } = createRequire(import.meta.url);
  return VERSIONS.map((version) => dirname(resolve(webPhpPackage(version))));
}

/** Brings the module `virtual:php-builds` and the files that it names. */
export function phpFiles(): Plugin {
  let made: Promise<PhpFiles> | undefined;
  const all = () => {
    made ??= makeAll();
    return made;
  };
  return {
    name: "edge-fpm-php",
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : undefined),
    async load(id) {
      return id === `\0${MODULE}` ? `export default ${JSON.stringify((await all()).facts)};` : undefined;
    },
    async generateBundle() {
      // Workers are bundled apart, and have their own turn here.
      if (this.environment.config.isWorker) return;
      for (const [fileName, source] of (await all()).files) this.emitFile({ type: "asset", fileName, source });
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const name = (request.url ?? "").replace(/^\//, "").replace(/\?.*$/, "");
        if (!name.startsWith(`${FOLDER}/`)) return next();
        all().then(({ files }) => {
          const bytes = files.get(name);
          if (bytes === undefined) return next();
          response.setHeader("Content-Type", name.endsWith(".js") ? "text/javascript" : "application/octet-stream");
          response.end(bytes);
        }, next);
      });
    },
  };
}

async function makeAll(): Promise<PhpFiles> {
  const facts: object[] = [];
  const files = new Map<string, Uint8Array>();
  for (const version of VERSIONS) {
    for (const asyncMode of MODES) {
      const image = await buildPhpImage({ php: version, asyncMode, memory: MEMORY });
      const glueBytes = new TextEncoder().encode(image.glue);
      const packed = pack(image.wasm);
      const wasm = `${FOLDER}/${image.version}-${asyncMode}-${hash(packed)}.bin`;
      const glue = `${FOLDER}/${image.version}-${asyncMode}-${hash(glueBytes)}.js`;
      files.set(wasm, packed);
      files.set(glue, glueBytes);
      facts.push({ version, asyncMode, wasm, packedBytes: packed.length, glue, glueBytes: glueBytes.length });
    }
  }
  // PHP's build is under the GPL: whoever publishes the folder passes its licence on.
  files.set(`${FOLDER}/LICENSE.txt`, readFileSync(licenceOf(VERSIONS[0] as WebPhpVersion)));
  return { facts, files };
}

function licenceOf(version: WebPhpVersion): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${webPhpPackage(version)}/package.json`)), "LICENSE");
}

/** Packs, or takes what was packed before: two seconds each. */
function pack(wasm: Uint8Array): Uint8Array {
  const folder = join(import.meta.dirname, "../../node_modules/.cache/edge-fpm/packed");
  const file = join(folder, `${hash(wasm)}.gz`);
  if (existsSync(file)) return readFileSync(file);
  const packed = gzipSync(wasm, { level: 9 });
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.${process.pid}`, packed);
  renameSync(`${file}.${process.pid}`, file);
  return packed;
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 12);
}
