// An application built by `edge-fpm build`, served by real workerd from the build's own files.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import { parse } from "smol-toml";
import type { PoolConfigInput } from "../../src/fpm/config.ts";
import { type BuildOptions, buildApplication } from "../../src/image/build.ts";
import { startLocalWorkers } from "../../src/platform/node/local-workers.ts";
import type { AppServer, PhpSettings } from "./app-server.ts";

type MoreBuild = Omit<BuildOptions, "root" | "php" | "mount" | "out" | "pool">;

export interface WorkerdOptions {
  /** Default 1. */
  readonly children?: number;
  /** Default: a static pool of `children`. */
  readonly pool?: PoolConfigInput;
  /** What else the build is told; a function is given the folder. */
  readonly build?: MoreBuild | ((root: string) => Promise<MoreBuild>);
  /** Variables of the Worker. */
  readonly variables?: Readonly<Record<string, string>>;
}

export interface WorkerdServer extends AppServer {
  /**
   * Throws the pool's object out of memory, as the platform does with one that nobody asks. Waits until it has no
   * children: without an idle timeout of the pool that is never.
   */
  evict(): Promise<void>;
}

/** Name of the pool, and so of its object. */
const POOL = "www";

/**
 * Builds and serves. PHP sees the application at its own path. What scripts write is kept beside `root`, in
 * `<root>.durable`; a second start for the same root takes the build of the first, as a restart does.
 */
export function startWorkerd(
  php: string,
  { children = 1, build, pool = {}, variables = {} }: WorkerdOptions = {},
): (root: string, settings?: PhpSettings) => Promise<WorkerdServer> {
  return async (root, settings = {}) => {
    const out = `${root}.build`;
    if (!existsSync(out)) {
      await buildApplication({
        ...(typeof build === "function" ? await build(root) : build),
        root,
        php,
        mount: root,
        out,
        ini: Object.entries(settings)
          .map(([name, value]) => `${name} = "${value}"\n`)
          .join(""),
        pool: { pm: "static", maxChildren: children, ...pool },
      });
    }
    const startedAt = performance.now();
    const lines: string[] = [];
    const onLog = (level: string, message: string) => void lines.push(`${level}: ${message}`);
    const miniflare = await startLocalWorkers({ out, persist: `${root}.durable`, onLog, variables });
    const { origin } = await miniflare.ready;
    return {
      startedAt,
      baseUrl: origin,
      log: () => lines.join("\n"),
      stop: () => miniflare.dispose(),
      evict: () => miniflare.unsafeEvictDurableObject("edge-fpm", "Pool", { name: POOL }),
      async memory() {
        const pools = await miniflare.getDurableObjectNamespace("POOL");
        const answer = await pools.get(pools.idFromName(POOL)).fetch("http://pool/status");
        return Number(((await answer.json()) as { "memory-peak": number })["memory-peak"]);
      },
    };
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
