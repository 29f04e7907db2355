// A built application in local workerd, by miniflare: for `edge-fpm dev`, for tests, for measuring.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Miniflare, MiniflareOptions } from "miniflare";

export interface LocalWorkersOptions {
  /** The output folder of a build. */
  readonly out: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Port for HTTP; 0, the default, takes any free one. */
  readonly port?: number;
  /** Listens for FastCGI over TCP too, on this port; 0 takes any free one, reached by `dispatchConnect` only. */
  readonly fastcgiPort?: number;
  /** Variables of the Worker, as wrangler's `[vars]`. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Whether there is a Worker Loader. Default true; without, the pool has one child in its own isolate. */
  readonly loader?: boolean;
  /** Whether there is a `send_email` binding: mails are written to files, which the log names. Default true. */
  readonly mail?: boolean;
  /** Folder that keeps the pools' files over a restart. Default: they are gone with the process. */
  readonly persist?: string;
  /** Told each line that a Worker logs. */
  readonly onLog?: (level: string, message: string) => void;
}

/** What makes a module of a file, by the end of its name: as the rules of wrangler's configuration. */
const TYPES: Readonly<Record<string, string>> = { js: "esm", wasm: "wasm", zip: "data", bin: "data", txt: "text" };

/** Name of the Worker in workerd; nobody sees it. */
const NAME = "edge-fpm";

/** The date of the runtime's behaviour that all our Workers are made for. */
const COMPATIBILITY_DATE = "2026-11-17";

/** Options for miniflare, for a start or a reload. */
export function localWorkersOptions(options: LocalWorkersOptions): MiniflareOptions {
  const folder = join(options.out, "worker");
  const modules: Record<string, { type: string; contents: string | Uint8Array }> = {};
  for (const name of readdirSync(folder)) {
    const type = TYPES[name.slice(name.lastIndexOf(".") + 1)];
    if (type === undefined) continue;
    const bytes = readFileSync(join(folder, name));
    const text = type === "esm" || type === "text";
    modules[name] = { type, contents: text ? bytes.toString("utf8") : new Uint8Array(bytes) };
  }
  const variables = Object.entries(options.variables ?? {}).map(([name, value]) => {
    return [name, typeof value === "string" ? { type: "text", value } : { type: "json", value }] as const;
  });
  const { fastcgiPort: port, host = "127.0.0.1" } = options;
  const directory = join(options.out, "assets");
  const hasAssets = existsSync(directory) && readdirSync(directory).length > 0;
  const config = {
    name: NAME,
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: [],
    manifest: { mainModule: "main.js", modulesRoot: "/", modules },
    env: {
      ...Object.fromEntries(variables),
      POOL: { type: "durable-object", worker: NAME, exportName: "Pool" },
      ...(hasAssets && { ASSETS: { type: "assets" } }),
      ...(options.mail === false ? {} : { MAIL: { type: "send-email" } }),
      ...(options.loader === false ? {} : { LOADER: { type: "worker-loader" } }),
    },
    exports: { Pool: { type: "durable-object", storage: "sqlite" } },
    triggers: port === undefined ? [] : [{ type: "connect", protocol: "tcp", port, address: host }],
    ...(hasAssets && {
      assets: { directory, hasUserWorker: true, htmlHandling: "none", notFoundHandling: "none", runWorkerFirst: true },
    }),
  };
  const made = {
    host,
    port: options.port ?? 0,
    // Without it the details of a request would be fetched from the network.
    cf: false,
    logRequests: false,
    ...(options.persist !== undefined && { resourcePersistencePath: options.persist }),
    handleStructuredLogs: ({ level, message }: { level: string; message: string }) => options.onLog?.(level, message),
    workers: [{ config, dev: { rootPath: options.out } }],
  };
  // miniflare's own types describe a module's every binding; this is the part that is used.
  return made as unknown as MiniflareOptions;
}

/** Starts workerd. `ready` of the result gives the URL. */
export async function startLocalWorkers(options: LocalWorkersOptions): Promise<Miniflare> {
  const { Log, LogLevel, Miniflare } = await import("miniflare");
  const log = new Log(LogLevel.ERROR);
  // Where a mail lies is news; the rest of what is told about is not.
  log.logWithLevel = (level, message) => {
    if (level <= LogLevel.ERROR) return Log.prototype.logWithLevel.call(log, level, message);
    const file = /^Email: (.+)$/m.exec(message)?.[1];
    if (file !== undefined) options.onLog?.("info", `[mail] ${file}`);
  };
  const miniflare = new Miniflare({ ...localWorkersOptions(options), log });
  await miniflare.ready;
  return miniflare;
}
