// What a cache is for, from a configuration file to visitors on sockets: on Node by `edge-fpm serve`, in workerd by
// `edge-fpm build`. The application is a FastCGI server of its own, so that it counts and can be down.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defineConfig, type GatewayConfig } from "../../src/gateway/index.ts";
import { type FetchHandler, type Server, serve } from "../../src/server/index.ts";
import { run } from "../cli/run.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { makeScratch } from "../peers/scratch.ts";
import { startWorkers } from "../workers/start.ts";
import { http } from "./client.ts";

const TOKEN = "token-of-the-operator";

interface Site {
  readonly baseUrl: string;
  stop(): Promise<void>;
}

const configOf = (root: string, port: number, store: GatewayConfig["caches"]): GatewayConfig =>
  defineConfig({
    root,
    frontController: "/index.php",
    upstreams: { app: { servers: [`tcp://127.0.0.1:${port}`] } },
    caches: { ...store },
    purge: { token: TOKEN },
    cache: { zone: "pages", valid: { 200: 60 }, lock: { timeout: 20, age: 20 }, useStale: ["error"], showStatus: true },
  });

async function onNode(config: GatewayConfig, folder: string): Promise<Site> {
  const file = join(folder, "edge-fpm.config.mjs");
  writeFileSync(file, `export default ${JSON.stringify(config)};\n`);
  const program = runEdgeFpm(["serve", "--config", file, "--port", "0"]);
  const [, baseUrl = ""] = await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+) {2}serves/);
  return { baseUrl, stop: async () => void (await program.stop("SIGINT")) };
}

async function inWorkerd({ purge: _purge, ...config }: GatewayConfig, folder: string): Promise<Site> {
  return startWorkers({
    root: folder,
    config: { ...config, purge: {} },
    php: "8.2",
    local: { variables: { EDGE_FPM_PURGE_TOKEN: TOKEN } },
  });
}

const TARGETS: readonly (readonly [string, typeof onNode, NonNullable<GatewayConfig["caches"]>[string]])[] = [
  ["Node, in memory", onNode, { store: "memory" }],
  ["Node, on disk", onNode, { store: "disk", path: "cache" }],
  ["workerd, in memory", inWorkerd, { store: "memory" }],
  ["workerd, in the Cache API", inWorkerd, { store: "cache-api" }],
];

describe.each(TARGETS)("a cache on %s", (_name, start, store) => {
  const scratch = makeScratch("cache-proof");
  const root = join(scratch.path, "public");
  const runs = new Map<string, number>();
  let application: Server;
  let site: Site | undefined;

  const fetch: FetchHandler = async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const count = (runs.get(pathname) ?? 0) + 1;
    runs.set(pathname, count);
    await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get("delay") ?? 0)));
    const headers = new Headers({ "Content-Type": "text/plain" });
    if (searchParams.has("age")) headers.set("Cache-Control", `max-age=${searchParams.get("age")}`);
    if (searchParams.has("tag")) headers.set("Cache-Tag", searchParams.get("tag") ?? "");
    return new Response(`run ${count}`, { headers });
  };
  const listen = (port: number) => serve({ listen: { hostname: "127.0.0.1", port }, fetch });

  beforeAll(async () => {
    mkdirSync(root);
    writeFileSync(join(root, "index.php"), "<?php // never run: the application is elsewhere");
    application = await listen(0);
    const { port = 0 } = application.address as { readonly port?: number };
    site = await start(configOf(root, port, { pages: store }), scratch.path);
  }, 60_000);
  afterAll(async () => {
    await site?.stop();
    await application?.close({ grace: 0 });
    scratch.remove();
  });

  const ask = async (path: string) => {
    const answer = await http(site?.baseUrl ?? "", path);
    return [answer.header("x-cache-status"), answer.status === 200 ? answer.text() : answer.status];
  };
  const forget = async (path: string, headers: Record<string, string> = {}) => {
    const authorization = `Bearer ${TOKEN}`;
    return (await http(site?.baseUrl ?? "", { method: "PURGE", path, headers: { authorization, ...headers } })).status;
  };

  test("1,000 visitors who miss one key at once make the script run once", async () => {
    const seen = await Promise.all(Array.from({ length: 1000 }, () => ask("/thousand?delay=3000")));
    expect(new Set(seen.map(([, text]) => text))).toEqual(new Set(["run 1"]));
    expect(runs.get("/thousand")).toBe(1);
    expect(seen.filter(([status]) => status === "MISS")).toHaveLength(1);
  }, 60_000);

  test("a purge is about a key, a beginning or a tag, and about nothing else", async () => {
    const paths = ["/blog/one", "/blog/two?x", "/about", "/tagged?tag=posts", "/other?tag=news"];
    for (const path of paths) await ask(path);
    const hits = async () => {
      const kept: string[] = [];
      for (const path of paths) if ((await ask(path))[0] === "HIT") kept.push(path);
      return kept;
    };
    expect(await hits()).toEqual(paths);
    expect(await forget("/about")).toBe(200);
    expect(await hits()).toEqual(paths.filter((path) => path !== "/about"));
    expect(await forget("/blog/*")).toBe(200);
    expect(await hits()).toEqual(paths.filter((path) => !path.startsWith("/blog/")));
    expect(await forget("/", { "cache-tag": "posts" })).toBe(200);
    expect(await hits()).toEqual(paths.filter((path) => !path.startsWith("/tagged")));
  });

  test("`edge-fpm purge` purges, for whoever has the token", async () => {
    await ask("/by-command");
    const { baseUrl = "" } = site ?? {};
    const refused = await run(["purge", `${baseUrl}/by-command`, "--token", "another-token-altogether"]);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("refused (403)")]);
    expect((await ask("/by-command"))[0]).toBe("HIT");
    expect((await http(baseUrl, { method: "PURGE", path: "/by-command" })).status).toBe(403);
    const done = await run(["purge", `${baseUrl}/by-command`, "--token", TOKEN]);
    expect([done.status, done.stdout]).toEqual([0, expect.stringMatching(/\/by-command purged/)]);
    expect((await ask("/by-command"))[0]).toBe("MISS");
  });

  test("what is too old is sent while the application is down, and renewed when it is back", async () => {
    expect(await ask("/stale?age=1")).toEqual(["MISS", "run 1"]);
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    const { port = 0 } = application.address as { readonly port?: number };
    await application.close({ grace: 0 });
    try {
      expect(await ask("/stale?age=1")).toEqual(["STALE", "run 1"]);
      expect((await ask("/unknown"))[1]).toBe(502);
    } finally {
      application = await listen(port);
    }
    // The gateway leaves a server alone for a while that was down, if it has another; here it has none.
    expect(await ask("/stale?age=1")).toEqual(["EXPIRED", "run 2"]);
  });
});
