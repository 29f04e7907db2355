// A configuration at the edge: the same locations, in real workerd.

import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assertConfig } from "../../src/gateway/config/check.ts";
import { defineConfig } from "../../src/gateway/config/config.ts";
import { mapFolders } from "../../src/gateway/config/folders.ts";
import { fromPlain, toPlain } from "../../src/gateway/config/plain.ts";
import { edgeConfig } from "../../src/image/edge-config.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { type RunningWorkers, startWorkers } from "./start.ts";

const CONFIG = defineConfig({
  purge: {},
  frontController: "/index.php",
  sites: [
    {
      root: "main/public",
      headers: { "X-Site": "main" },
      locations: [
        { exact: "/hi", return: { status: 200, body: "hi from $host" } },
        { regex: /^\/UPLOADS\/.*\.php/i, deny: true },
        { regex: /^\/(?<lang>de|fr)\/(.*)/, return: { status: 302, location: "/$2?lang=$lang" } },
        { prefix: "/docs/", alias: "main/manual/" },
        { prefix: "/internal/", internal: true },
      ],
    },
    { hosts: ["other.test"], root: "other" },
  ],
});

describe("a configuration at the edge", () => {
  let scratch: Scratch;
  let workers: RunningWorkers;

  beforeAll(async () => {
    scratch = makeScratch("edge-config");
    const files: Record<string, string> = {
      "main/public/index.php": "<?php echo 'main ', $_SERVER['REQUEST_URI'], ' ', $_SERVER['DOCUMENT_ROOT'];",
      "main/public/a.css": "a{}",
      "main/public/uploads/evil.php": "<?php echo 'evil';",
      "main/public/internal/b.css": "b{}",
      "main/public/accel.php": "<?php header('X-Accel-Redirect: /internal/b.css');",
      "main/manual/index.html": "<h1>manual</h1>",
      "other/index.php": "<?php echo 'other ', $_SERVER['SCRIPT_FILENAME'];",
      "secret.css": "secret",
    };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(scratch.path, name, ".."), { recursive: true });
      writeFileSync(join(scratch.path, name), text);
    }
    assertConfig(CONFIG);
    const config = mapFolders(CONFIG, (path) => resolve(scratch.path, path));
    workers = await startWorkers({ root: scratch.path, config, php: "8.2" });
  }, 60_000);
  afterAll(async () => {
    await workers?.stop();
    scratch?.remove();
  });

  /** By node:http, which sends the Host it is told and follows no redirect. */
  const get = (path: string, host = "main.test", method = "GET") =>
    new Promise<{ status: number | undefined; text: string; headers: Record<string, unknown> }>((done, failed) => {
      const sent = request(`${workers.baseUrl}${path}`, { method, headers: { host } }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => done({ status: response.statusCode, text, headers: response.headers }));
      });
      sent.on("error", failed).end();
    });

  test("routes by host and location as on Node", async () => {
    expect(await get("/some/page?x=1")).toMatchObject({ status: 200, text: "main /some/page?x=1 /app/main/public" });
    expect((await get("/some/page")).headers["x-site"]).toBe("main");
    expect(await get("/a.css")).toMatchObject({ status: 200, text: "a{}" });
    expect((await get("/hi")).text).toMatch(/^hi from /);
    expect((await get("/uploads/evil.php")).status).toBe(403);
    expect((await get("/fr/page")).headers.location).toBe("/page?lang=fr");
    expect(await get("/docs/")).toMatchObject({ status: 200, text: "<h1>manual</h1>" });
    expect((await get("/docs")).text).toContain("main /docs");
    expect((await get("/internal/b.css")).status).toBe(404);
    expect(await get("/accel.php")).toMatchObject({ status: 200, text: "b{}" });
  });

  test("nobody purges without a token or an address: there is no machine of the operator's here", async () => {
    expect((await get("/hi", "main.test", "PURGE")).status).toBe(403);
  });

  test("each site has its own folder, and no more", async () => {
    expect(await get("/x", "other.test")).toMatchObject({ text: "other /app/other/index.php" });
    expect((await get("/secret.css")).text).toContain("main /secret.css");
    expect((await get("/a.css", "other.test")).text).toContain("other ");
  });
});

test("what a Worker cannot do is refused by the build, all of it at once", () => {
  const config = defineConfig({
    pools: { a: {}, b: {} },
    caches: { pages: { store: "disk", path: "/x" } },
    upstreams: { u: { servers: ["unix:/run/php.sock"], keep: 1, healthCheck: { path: "/ping" } } },
    locations: [{ prefix: "/files/", alias: "/srv/files/" }],
  });
  expect(() => edgeConfig(config, "/app-folder", "/app")).toThrow(
    /pools: .*caches\.pages\.store is disk.*healthCheck.*keep.*unix:\/run\/php\.sock.*\/srv\/files\/ is not in/,
  );
});

test("what has no effect there is told by the build, and scripts of roles are found in the deployment", () => {
  const { warnings, plain } = edgeConfig(
    defineConfig({
      listen: { port: 1 },
      log: { format: "json", file: "/app-folder/log" },
      metrics: { path: "/metrics" },
      purge: { token: "0123456789abcdef" },
      authorizer: { pass: "www", script: "/app-folder/bin/guard.php" },
      locations: [{ prefix: "/a/", compress: true }],
    }),
    "/app-folder",
    "/app",
  );
  expect(warnings.map((text) => text.split(" ")[0])).toEqual([
    "listen",
    "metrics",
    "log.file",
    "compress",
    "purge.token",
  ]);
  expect(plain).toMatchObject({ authorizer: { script: "/app/bin/guard.php" }, root: "/app" });
  expect(edgeConfig(defineConfig({ log: {}, compress: false }), "/app-folder", "/app").warnings).toEqual([]);
});

test("regular expressions survive JSON", () => {
  const config = defineConfig({ locations: [{ regex: /^\/a"\\\/(?<x>.)/i, deny: true }], hosts: [/x/, "y"] });
  expect(fromPlain(JSON.parse(JSON.stringify(toPlain(config))))).toEqual(config);
});
