// An application built by `edge-fpm build`, served by real workerd from the build's own files.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import { parse } from "smol-toml";
import { buildApplication } from "../../src/image/build.ts";
import type { AppServer, StartAppServer } from "./app-server.ts";
import { makeScratch } from "./scratch.ts";

/**
 * Builds and serves. PHP sees the application at its own path, and there is one child: what scripts write is in that
 * child's memory.
 */
export function startWorkerd(php: string): StartAppServer {
  return async (root, settings = {}) => {
    const scratch = makeScratch("edge");
    try {
      const { out } = await buildApplication({
        root,
        php,
        mount: root,
        out: join(scratch.path, "out"),
        ini: Object.entries(settings)
          .map(([name, value]) => `${name} = "${value}"\n`)
          .join(""),
        pool: { pm: "static", maxChildren: 1 },
      });
      const server = await serveBuild(out);
      return { ...server, stop: () => server.stop().finally(() => scratch.remove()) };
    } catch (error) {
      scratch.remove();
      throw error;
    }
  };
}

type Module = { type: "esm" | "text"; contents: string } | { type: "wasm" | "data"; contents: Uint8Array };

/** Serves the folder that a build wrote, with the bindings that its configuration names. */
export async function serveBuild(out: string): Promise<AppServer> {
  const config = parse(readFileSync(join(out, "wrangler.toml"), "utf8"));
  const lines: string[] = [];
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    logRequests: false,
    log: new Log(LogLevel.WARN),
    handleStructuredLogs: ({ level, message }: { level: string; message: string }) => {
      lines.push(`${level}: ${message}`);
    },
    workers: [
      {
        config: {
          name: "edge",
          compatibilityDate: config.compatibility_date,
          compatibilityFlags: [],
          manifest: { mainModule: "main.js", modulesRoot: "/", modules: modulesOf(join(out, "worker")) },
          env: {
            POOL: { type: "durable-object", worker: "edge", exportName: "Pool" },
            LOADER: { type: "worker-loader" },
            ASSETS: { type: "assets" },
          },
          exports: { Pool: { type: "durable-object", storage: "sqlite" } },
          assets: { directory: join(out, "assets"), hasUserWorker: true, htmlHandling: "none", runWorkerFirst: true },
        },
        dev: { rootPath: out },
      },
    ],
    // The types of this beta are those of the version before.
  } as unknown as ConstructorParameters<typeof Miniflare>[0]);
  const url = await miniflare.ready;
  return { baseUrl: url.origin, log: () => lines.join("\n"), stop: () => miniflare.dispose() };
}

/** By the rules that the build's configuration gives to wrangler. */
function modulesOf(folder: string): Record<string, Module> {
  return Object.fromEntries(
    readdirSync(folder).map((name): [string, Module] => {
      const content = readFileSync(join(folder, name));
      if (name.endsWith(".js")) return [name, { type: "esm", contents: content.toString("utf8") }];
      if (name.endsWith(".txt")) return [name, { type: "text", contents: content.toString("utf8") }];
      return [name, { type: name.endsWith(".wasm") ? "wasm" : "data", contents: new Uint8Array(content) }];
    }),
  );
}
