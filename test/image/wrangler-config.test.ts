import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import {
  COMPATIBILITY_DATE,
  parseWranglerConfig,
  workerName,
  wranglerConfig,
  writeWranglerConfig,
} from "../../src/image/wrangler-config.ts";

const OPTIONS = { name: "shop", main: "worker/main.js", assets: "assets" };

describe("a configuration", () => {
  test("has all that the Workers need, and reads back", () => {
    const config = wranglerConfig({}, OPTIONS);
    expect(parse(writeWranglerConfig(config))).toEqual(config);
    expect(config).toMatchObject({
      name: "shop",
      main: "worker/main.js",
      no_bundle: true,
      compatibility_date: COMPATIBILITY_DATE,
      assets: { directory: "assets", binding: "ASSETS", run_worker_first: true, html_handling: "none" },
      durable_objects: { bindings: [{ name: "POOL", class_name: "Pool" }] },
      worker_loaders: [{ binding: "LOADER" }],
      migrations: [{ tag: "edge-fpm-1", new_sqlite_classes: ["Pool"] }],
    });
  });

  test("of an application without static files has no assets, and so no router before the Worker", () => {
    const own = { assets: { directory: "ignored" } };
    expect(wranglerConfig(own, { name: "shop", main: "worker/main.js" })).not.toHaveProperty("assets");
  });

  test("of an application with a schedule has a trigger that wakes the pool, unless it has triggers of its own", () => {
    expect(wranglerConfig({}, OPTIONS).triggers).toBeUndefined();
    expect(wranglerConfig({}, { ...OPTIONS, schedule: true }).triggers).toEqual({ crons: ["*/15 * * * *"] });
    const own = { triggers: { crons: ["0 * * * *"] } };
    expect(wranglerConfig(own, { ...OPTIONS, schedule: true }).triggers).toEqual(own.triggers);
  });

  test("keeps the application's own settings, and adds to its lists", () => {
    const own = parseWranglerConfig(
      "wrangler.toml",
      `name = "my-shop"
       main = "ignored.ts"
       compatibility_date = 2026-12-01
       routes = ["shop.example.com/*"]
       [vars]
       APP_ENV = "production"
       [assets]
       directory = "ignored"
       base_path = "/shop/"
       [[durable_objects.bindings]]
       name = "OTHER"
       class_name = "Other"
       [[migrations]]
       tag = "v1"
       new_classes = ["Other"]
       [[kv_namespaces]]
       binding = "KV"
       id = "1"`,
    );
    expect(wranglerConfig(own, OPTIONS)).toMatchObject({
      name: "my-shop",
      main: "worker/main.js",
      compatibility_date: "2026-12-01",
      routes: ["shop.example.com/*"],
      vars: { APP_ENV: "production" },
      assets: { directory: "assets", base_path: "/shop/" },
      durable_objects: { bindings: [{ name: "OTHER" }, { name: "POOL" }] },
      migrations: [{ tag: "v1" }, { tag: "edge-fpm-1" }],
      kv_namespaces: [{ binding: "KV", id: "1" }],
    });
  });

  test("does not make the pool's class a second time", () => {
    const migrations = [{ tag: "v1", new_sqlite_classes: ["Pool"] }];
    expect(wranglerConfig({ migrations }, OPTIONS).migrations).toEqual(migrations);
  });

  test("gives every environment the bindings, which it would not inherit", () => {
    const config = wranglerConfig({ env: { staging: { vars: { A: "1" }, main: "x.ts" } } }, OPTIONS);
    expect(config.env).toEqual({
      staging: {
        vars: { A: "1" },
        durable_objects: { bindings: [{ name: "POOL", class_name: "Pool" }] },
        worker_loaders: [{ binding: "LOADER" }],
      },
    });
  });

  test("refuses an older compatibility date", () => {
    expect(() => wranglerConfig({ compatibility_date: "2024-01-01" }, OPTIONS)).toThrow(
      expect.objectContaining({ code: "IMAGE_OPTION", message: expect.stringContaining(COMPATIBILITY_DATE) }),
    );
  });
});

describe("an application's own file", () => {
  test("may be JSON with comments", () => {
    const text = `{
      // the name
      "name": "a//b", /* not "x": */ "vars": { "URL": "http://x/*y*/", "Q": "\\",}" , },
      "list": [1, 2, ],
    }`;
    expect(parseWranglerConfig("wrangler.jsonc", text)).toEqual({
      name: "a//b",
      vars: { URL: "http://x/*y*/", Q: '",}' },
      list: [1, 2],
    });
  });

  test.each([
    ["wrangler.toml", "name = "],
    ["wrangler.json", "{"],
    ["wrangler.jsonc", "[]"],
  ])("%s with a mistake is refused by its name", (name, text) => {
    expect(() => parseWranglerConfig(name, text)).toThrow(
      expect.objectContaining({ code: "IMAGE_OPTION", message: expect.stringContaining(name) }),
    );
  });
});

test("a Worker's name is made of a folder's", () => {
  expect(["guestbook", "My Shop (2)", "--x--", "日本", `${"a".repeat(62)}-b`].map(workerName)).toEqual([
    "guestbook",
    "my-shop-2",
    "x",
    "php-application",
    "a".repeat(62),
  ]);
});
