import { describe, expect, test } from "vitest";
import { memoryStore } from "../../src/gateway/cache/index.ts";
import { createGateway } from "../../src/gateway/index.ts";
import { nodeFiles } from "../../src/platform/node/files.ts";
import { documentRoot, exchangeOf, hello } from "./application.ts";

describe("createGateway with a configuration", () => {
  const files = (root: string) => nodeFiles(root);

  test("takes locations as options, and runs them", async () => {
    const root = await documentRoot({ "index.php": "<?php", "file.txt": "a file" });
    const gateway = createGateway({
      config: {
        locations: [
          { exact: "/old", return: { status: 301, location: "/new" } },
          { prefix: "/private/", deny: true },
        ],
        frontController: "/index.php",
      },
      root,
      files,
      application: () => exchangeOf(hello),
    });
    const get = (path: string) => gateway(new Request(`http://example.test${path}`));
    expect((await get("/old")).status).toBe(301);
    expect((await get("/private/x")).status).toBe(403);
    expect(await (await get("/file.txt")).text()).toBe("a file");
    expect((await get("/anything")).status).toBe(200);
  });

  test("tells all problems of a configuration at once", () => {
    const config = { root: 1, locations: [{ exact: "/a", deny: "yes" }] } as never;
    const make = () => createGateway({ config, files, application: () => exchangeOf(hello) });
    expect(make).toThrowError(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(/root.*locations\[0\]/s) }),
    );
  });

  test("forgets what its caches hold", async () => {
    const root = await documentRoot({ "index.php": "<?php" });
    let runs = 0;
    const gateway = createGateway({
      config: {
        caches: { pages: {} },
        cache: { zone: "pages", valid: { 200: 60 }, showStatus: true },
        frontController: "/index.php",
      },
      root,
      files,
      application: () =>
        exchangeOf(async (visit) => {
          runs += 1;
          await hello(visit);
          return undefined;
        }),
      cacheStore: () => memoryStore({ maxBytes: 1024 * 1024 }),
    });
    const status = async () => (await gateway(new Request("http://example.test/a"))).headers.get("x-cache-status");
    expect([await status(), await status()]).toEqual(["MISS", "HIT"]);
    await gateway.purge("pages", { type: "all" });
    expect(await status()).toBe("MISS");
    expect(runs).toBe(2);
  });
});
