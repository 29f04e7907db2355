// Real workerd with our Workers in it, by miniflare.

import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import type { AppServer } from "../peers/app-server.ts";
import { makeScratch } from "../peers/scratch.ts";
import { type BundleOptions, bundleWorkers } from "./bundle.ts";

export interface WorkersOptions extends BundleOptions {
  /** Without: one child in the pool's own isolate. Default: with a Worker Loader. */
  readonly loader?: boolean;
  /** Text variables. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Listens for FastCGI over TCP as well. */
  readonly tcp?: boolean;
}

export interface RunningWorkers extends AppServer {
  readonly miniflare: Miniflare;
  readonly logLines: readonly string[];
}

/** What must not be a static file. */
const SOURCES = /\.(?:php|phar|inc)$|(?:^|\/)\./;

export async function startWorkers(options: WorkersOptions): Promise<RunningWorkers> {
  const modules = await bundleWorkers(options);
  const scratch = makeScratch("assets");
  const assets = join(scratch.path, "assets");
  mkdirSync(assets);
  cpSync(options.root, assets, {
    recursive: true,
    filter: (path) => !SOURCES.test(path.slice(options.root.length + 1)),
  });
  const logLines: string[] = [];
  const variables = Object.entries(options.variables ?? {}).map(([name, value]) => [name, { type: "text", value }]);
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    logRequests: false,
    log: new Log(LogLevel.WARN),
    handleStructuredLogs: ({ level, message }: { level: string; message: string }) => {
      logLines.push(`${level}: ${message}`);
      if (process.env.EDGE_FPM_SHOW_LOG !== undefined) console.log(`[workerd] ${level}: ${message}`);
    },
    workers: [
      {
        config: {
          name: "edge",
          compatibilityDate: "2026-11-17",
          compatibilityFlags: [],
          manifest: { mainModule: "main.js", modulesRoot: "/", modules },
          env: {
            POOL: { type: "durable-object", worker: "edge", exportName: "Pool" },
            ...(options.loader === false ? {} : { LOADER: { type: "worker-loader" } }),
            ASSETS: { type: "assets" },
            ...Object.fromEntries(variables),
          },
          exports: { Pool: { type: "durable-object", storage: "sqlite" } },
          triggers: options.tcp === true ? [{ type: "connect", protocol: "tcp", port: 0, address: "127.0.0.1" }] : [],
          assets: { directory: assets, hasUserWorker: true, htmlHandling: "none", runWorkerFirst: true },
        },
        dev: { rootPath: scratch.path },
      },
    ],
  } as unknown as ConstructorParameters<typeof Miniflare>[0]);
  const url = await miniflare.ready;
  return {
    miniflare,
    logLines,
    baseUrl: url.origin,
    log: () => logLines.join("\n"),
    stop: async () => {
      await miniflare.dispose();
      scratch.remove();
    },
  };
}
