// The Workers' own code, bundled: the gateway with the pool's class, and a child as a text that the pool hands out.

import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import type { EdgeSettings } from "../platform/workers/settings.ts";
import { ImageError } from "./errors.ts";
import { loadEsbuild } from "./esbuild.ts";

/** Modules that lie beside the bundles: large, binary, or different for every application. */
const BESIDE = ["php.wasm", "app.zip", "interpreter.txt", "php.ini.txt", "ca.txt", "snapshot.bin"];

/** The gateway with the class `Pool`, or a child. */
export type WorkerName = "gateway" | "interpreter";

/**
 * Bundles one Worker into an ES module.
 *
 * @throws {ImageError} `IMAGE_BUNDLE`
 */
export async function bundleWorker(name: WorkerName, glue: string, settings: EdgeSettings): Promise<string> {
  const { build } = await loadEsbuild();
  try {
    const { outputFiles } = await build({
      entryPoints: [entryPoint(name)],
      bundle: true,
      write: false,
      format: "esm",
      target: "es2024",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["workerd", "worker", "import"],
      external: ["cloudflare:*", "node:*", ...BESIDE],
      // Names stay: stack traces are all that a log shows of a deployed Worker.
      minifySyntax: true,
      minifyWhitespace: true,
      legalComments: "none",
      logLevel: "silent",
      plugins: [
        virtualModules({
          "edge-fpm:glue": glue,
          "edge-fpm:settings": `export default ${JSON.stringify(settings)};`,
        }),
      ],
    });
    return outputFiles[0]?.text ?? "";
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ImageError("IMAGE_BUNDLE", `the Worker ${name} could not be bundled: ${reason}`, { cause });
  }
}

/** Written in TypeScript here, compiled to JavaScript in the package. */
function entryPoint(name: WorkerName): string {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../../workers/${name}.${extension}`, import.meta.url));
}

function virtualModules(sources: Readonly<Record<string, string>>): Plugin {
  return {
    name: "edge-fpm",
    setup(build) {
      build.onResolve({ filter: /^edge-fpm:/ }, ({ path }) => ({ path, namespace: "edge-fpm" }));
      build.onLoad({ filter: /^edge-fpm:/, namespace: "edge-fpm" }, ({ path }) => {
        const contents = sources[path];
        return contents === undefined ? null : { contents, loader: "js" };
      });
    },
  };
}
