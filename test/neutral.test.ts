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
  test.each(["codec/index.ts", "connection/index.ts", "cgi/index.ts"])(
    "%s needs no package and no platform",
    async (entry) => {
      // An import of node:*, cloudflare:* or a package would fail the build or show among the inputs.
      const { code, inputs } = await bundle(entry);
      expect(inputs.filter((input) => input.includes("node_modules"))).toEqual([]);
      expect(code).not.toMatch(/\b(Buffer|process|require|__dirname)\b/);
      const module: Record<string, unknown> = await import(`data:text/javascript,${encodeURIComponent(code)}`);
      expect(Object.keys(module).length).toBeGreaterThan(3);
    },
  );

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
});
