// The cache in real workerd, where a request must not use what another one opened.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Log, LogLevel, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ENTRY = fileURLToPath(new URL("worker.ts", import.meta.url));

describe("the cache in workerd", () => {
  let miniflare: Miniflare;
  let base: string;
  const lines: string[] = [];

  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [ENTRY],
      bundle: true,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["workerd", "import"],
      target: "es2024",
      write: false,
    });
    miniflare = new Miniflare({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      logRequests: false,
      log: new Log(LogLevel.ERROR),
      handleStructuredLogs: ({ level, message }: { level: string; message: string }) => {
        lines.push(`${level}: ${message}`);
      },
      workers: [
        {
          config: {
            name: "cache",
            compatibilityDate: "2026-11-17",
            compatibilityFlags: [],
            manifest: {
              mainModule: "main.js",
              modulesRoot: "/",
              modules: { "main.js": { type: "esm", contents: outputFiles[0]?.text ?? "" } },
            },
            env: {},
          },
          dev: { rootPath: "/" },
        },
      ],
      // The types of this beta are those of the version before.
    } as unknown as ConstructorParameters<typeof Miniflare>[0]);
    base = (await miniflare.ready).origin;
  });
  afterAll(() => miniflare?.dispose());

  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(base + path, init);
    return [response.headers.get("x-cache-status"), await response.text()] as const;
  };
  const control = async (what: Record<string, string>) => {
    const response = await fetch(`${base}/control?${new URLSearchParams(what)}`);
    return (await response.json()) as { runs: Record<string, number>; errors: string[] };
  };
  const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  describe.each(["memory", "place"])("with the store %s", (zone) => {
    test("keeps a response", async () => {
      expect(await ask(`/${zone}/kept`)).toEqual(["MISS", "run 1"]);
      expect(await ask(`/${zone}/kept`)).toEqual(["HIT", "run 1"]);
      const ranged = await fetch(`${base}/${zone}/kept`, { headers: { Range: "bytes=0-2" } });
      expect([ranged.status, await ranged.text()]).toEqual([206, "run"]);
    });

    test("1,000 misses of one key run the script once", async () => {
      const seen = await Promise.all(Array.from({ length: 1000 }, () => ask(`/${zone}/thousand?delay=1500`)));
      const { runs, errors } = await control({});
      expect(errors).toEqual([]);
      expect(runs[`/${zone}/thousand`]).toBe(1);
      expect(new Set(seen.map(([, body]) => body))).toEqual(new Set(["run 1"]));
      expect(seen.filter(([status]) => status === "MISS")).toHaveLength(1);
    });

    test("a visitor who leaves takes down nobody who waits for the script that runs for all", async () => {
      const leaver = new AbortController();
      const first = ask(`/${zone}/left?delay=800`, { signal: leaver.signal });
      await sleep(200);
      const others = [1, 2, 3].map(() => ask(`/${zone}/left?delay=800`));
      await sleep(200);
      leaver.abort();
      await expect(first).rejects.toThrow();
      for (const other of await Promise.all(others)) expect(other).toEqual(["HIT", "run 1"]);
    });

    test("who waits for a request that the runtime ended takes its place", async () => {
      const leaver = new AbortController();
      const first = ask(`/${zone}/ended?delay=800&alone`, { signal: leaver.signal });
      await sleep(200);
      const others = [1, 2, 3].map(() => ask(`/${zone}/ended?delay=300`));
      await sleep(200);
      leaver.abort();
      await expect(first).rejects.toThrow();
      const seen = await Promise.all(others);
      expect(seen.map(([status]) => status).sort()).toEqual(["HIT", "HIT", "MISS"]);
      expect(new Set(seen.map(([, body]) => body))).toEqual(new Set(["run 2"]));
    });

    test("sends what is too old while the application is down", async () => {
      expect(await ask(`/${zone}/stale?age=1`)).toEqual(["MISS", "run 1"]);
      await sleep(1_200);
      await control({ down: "" });
      try {
        expect(await ask(`/${zone}/stale?age=1`)).toEqual(["STALE", "run 1"]);
        expect((await ask(`/${zone}/unknown`))[1]).toContain("nobody listens");
      } finally {
        await control({ up: "" });
      }
      expect(await ask(`/${zone}/stale`)).toEqual(["EXPIRED", "run 3"]);
    });

    test.each([
      ["key", { type: "key", key: `http://example.test/${zone}/key/a` }],
      ["prefix", { type: "prefix", prefix: `http://example.test/${zone}/prefix/` }],
      ["tag", { type: "tag", tag: `t/${zone}/tag/a` }],
    ] as const)("forgets by %s", async (kind, purge) => {
      expect(await ask(`/${zone}/${kind}/a`)).toEqual(["MISS", "run 1"]);
      expect(await ask(`/${zone}/other/${kind}`)).toEqual(["MISS", "run 1"]);
      expect(await ask(`/${zone}/${kind}/a`)).toEqual(["HIT", "run 1"]);
      await control({ zone, purge: JSON.stringify(purge) });
      expect(await ask(`/${zone}/${kind}/a`)).toEqual(["MISS", "run 2"]);
      expect(await ask(`/${zone}/${kind}/a`)).toEqual(["HIT", "run 2"]);
      expect(await ask(`/${zone}/other/${kind}`)).toEqual(["HIT", "run 1"]);
    });

    test("forgets everything", async () => {
      await ask(`/${zone}/all`);
      expect(await ask(`/${zone}/all`)).toEqual(["HIT", "run 1"]);
      await control({ zone, purge: JSON.stringify({ type: "all" }) });
      expect(await ask(`/${zone}/all`)).toEqual(["MISS", "run 2"]);
      expect(await ask(`/${zone}/all`)).toEqual(["HIT", "run 2"]);
    });
  });

  test("another isolate of the place sees a purge soon", async () => {
    const path = "/place-again/far";
    expect(await ask(path)).toEqual(["MISS", "run 1"]);
    expect(await ask(path)).toEqual(["HIT", "run 1"]);
    await control({ zone: "place", purge: JSON.stringify({ type: "key", key: `http://example.test${path}` }) });
    await sleep(300);
    expect(await ask(path)).toEqual(["MISS", "run 2"]);
    expect(await ask(path)).toEqual(["HIT", "run 2"]);
  });

  test("logs no complaint of the runtime's", () => {
    expect(lines.filter((line) => /hung|different request|promise/i.test(line))).toEqual([]);
  });
});
