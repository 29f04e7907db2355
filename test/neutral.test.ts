import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";

const source = (path: string) => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

/** Bundles an entry point for no platform in particular. */
async function bundle(entry: string) {
  const result = await build({
    entryPoints: [source(entry)],
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "neutral",
    target: "es2024",
    metafile: true,
    logLevel: "silent",
  });
  return { code: result.outputFiles[0]?.text ?? "", inputs: Object.keys(result.metafile.inputs) };
}

describe("the platform-neutral parts", () => {
  test.each([
    "codec/index.ts",
    "connection/index.ts",
    "cgi/index.ts",
    "fpm/index.ts",
    "fs/index.ts",
    "client/browser.ts",
    "server/neutral.ts",
    "capture/index.ts",
  ])("%s needs no package and no platform", async (entry) => {
    // An import of node:*, cloudflare:* or a package would fail the build or show among the inputs.
    const { code, inputs } = await bundle(entry);
    expect(inputs.filter((input) => input.includes("node_modules"))).toEqual([]);
    expect(code.match(/\bBuffer\b|\bprocess\.(?:env|cwd|argv|nextTick|exit|on)\b|\brequire\(|__dirname/)).toBeNull();
    const module: Record<string, unknown> = await import(`data:text/javascript,${encodeURIComponent(code)}`);
    expect(Object.keys(module).length).toBeGreaterThan(3);
  });

  test("the bundled codec works on its own", async () => {
    const { code } = await bundle("codec/index.ts");
    const codec: typeof import("../src/codec/index.ts") = await import(
      `data:text/javascript,${encodeURIComponent(code)}`
    );
    const seen: number[][] = [];
    new codec.RecordDecoder().decode(new Uint8Array([1, 2, 0, 7, 0, 0, 0, 0]), (type, id, _buffer, start, end) => {
      seen.push([type, id, end - start]);
    });
    expect(seen).toEqual([[2, 7, 0]]);
  });

  test("the bundled pool runs children and tells its status, whatever the platform", async () => {
    const { code } = await bundle("fpm/index.ts");
    const fpm: typeof import("../src/fpm/index.ts") = await import(`data:text/javascript,${encodeURIComponent(code)}`);
    let pid = 0;
    const pool = new fpm.Pool(fpm.poolConfig({ pm: "static", maxChildren: 2 }), () => {
      const exited = Promise.withResolvers<import("../src/fpm/index.ts").ChildExit>();
      const end = () => exited.resolve({ reason: "stopped" });
      return { pid: ++pid, wire: "wire", ready: Promise.resolve(), exited: exited.promise, stop: end, kill: end };
    });
    await pool.start();
    const request = { method: "GET", uri: "/x.php", query: "", script: "/x.php", user: "", contentLength: 0 };
    const lease = await pool.acquire(request, new AbortController().signal);
    expect(pool.status()).toMatchObject({ activeProcesses: 1, idleProcesses: 1, acceptedConn: 1 });
    lease.release();
    expect(fpm.statusText(pool.status(), true)).toContain("process manager:      static");
    await pool.finish();
  });
});
