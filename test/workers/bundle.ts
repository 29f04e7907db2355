// The Workers as they are deployed, bundled for a test: without the command's checks and files.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import { type Zippable, zipSync } from "fflate";
import { buildPhpImage } from "../../src/image/php-image.ts";
import type { EdgeSettings } from "../../src/platform/workers/settings.ts";

const WORKERS = fileURLToPath(new URL("../../workers/", import.meta.url));
const BESIDE = ["php.wasm", "app.zip", "interpreter.txt", "php.ini.txt", "ca.txt"];

export type WorkerModule =
  | { readonly type: "esm" | "text"; readonly contents: string }
  | { readonly type: "wasm" | "data"; readonly contents: Uint8Array };

export interface BundleOptions {
  readonly root: string;
  readonly settings?: Partial<EdgeSettings>;
  readonly ini?: string;
  readonly certificates?: string;
}

/** Modules by name; the main one is main.js. */
export async function bundleWorkers(options: BundleOptions): Promise<Record<string, WorkerModule>> {
  const image = await buildPhpImage({ php: "8.4" });
  const archive = zipSync(filesOf(options.root), { level: 6 });
  const version = createHash("sha256")
    .update(archive)
    .update(JSON.stringify(options.settings ?? {}))
    .digest("hex")
    .slice(0, 12);
  const settings: EdgeSettings = { mount: "/app", documentRoot: "/app", pool: {}, version, ...options.settings };
  const virtual: Plugin = {
    name: "edge-fpm",
    setup(on) {
      on.onResolve({ filter: /^edge-fpm:/ }, ({ path }) => ({ path, namespace: "edge-fpm" }));
      on.onLoad({ filter: /^edge-fpm:glue$/, namespace: "edge-fpm" }, () => ({ contents: image.glue, loader: "js" }));
      on.onLoad({ filter: /^edge-fpm:settings$/, namespace: "edge-fpm" }, () => ({
        contents: `export default ${JSON.stringify(settings)}`,
        loader: "js",
      }));
    },
  };
  const bundle = async (entry: string) => {
    const { outputFiles } = await build({
      entryPoints: [join(WORKERS, entry)],
      bundle: true,
      write: false,
      format: "esm",
      target: "es2024",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["workerd", "worker", "import"],
      external: ["cloudflare:*", "node:*", ...BESIDE],
      logLevel: "error",
      plugins: [virtual],
    });
    return outputFiles[0]?.text ?? "";
  };
  const [gateway, interpreter] = await Promise.all([bundle("gateway.ts"), bundle("interpreter.ts")]);
  return {
    "main.js": { type: "esm", contents: gateway },
    "interpreter.txt": { type: "text", contents: interpreter },
    "php.wasm": { type: "wasm", contents: image.wasm },
    "app.zip": { type: "data", contents: archive },
    "php.ini.txt": { type: "text", contents: options.ini ?? "" },
    "ca.txt": { type: "text", contents: options.certificates ?? rootCertificates.join("\n") },
  };
}

function filesOf(root: string, below = ""): Zippable {
  const files: Zippable = {};
  for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) Object.assign(files, filesOf(root, path));
    else files[path] = [readFileSync(join(root, path)), { mtime: statSync(join(root, path)).mtime }];
  }
  return files;
}
