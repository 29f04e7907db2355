// What npm would publish, file by file.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../cli/run.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { MANIFEST, type Packed, PROJECT, packProject } from "./pack.ts";

let scratch: Scratch;
let packed: Packed;
/** Paths below the package's folder. */
let files: readonly string[];

beforeAll(async () => {
  scratch = makeScratch("package");
  packed = await packProject();
  const { stdout } = await runProgram("tar", ["-tzf", packed.tarball]);
  files = stdout
    .trim()
    .split("\n")
    .map((path) => path.replace(/^package\//, ""));
}, 60_000);
afterAll(() => scratch?.remove());

/** Each source as the two files that the compiler makes of it. */
function compiled(folder: string): string[] {
  return readdirSync(join(PROJECT, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .flatMap((path) => {
      const stem = `dist/${folder}/${path.replace(/\.ts$/, "")}`;
      return [`${stem}.js`, `${stem}.d.ts`];
    });
}

describe("the tarball", () => {
  test("holds the compiled sources, their types and the papers, and nothing else", () => {
    const papers = ["ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "README.md", "package.json"];
    const expected = [...papers, ...compiled("src"), ...compiled("workers")];
    expect([...files].sort()).toEqual(expected.sort());
  });

  test("holds no test, no source, no map and nothing of PHP", () => {
    expect(files.filter((path) => /test|\.wasm$|\.map$|\.php$|[^d]\.ts$|(?<!\.d)\.ts$/.test(path))).toEqual([]);
  });

  test("is small enough to be installed without a thought", () => {
    // 0.6 MB today, of which nothing is bundled.
    expect(statSync(packed.tarball).size).toBeLessThan(1024 * 1024);
  });

  test("has every file that package.json names", () => {
    const named = Object.values(MANIFEST.exports).flatMap((entry) =>
      typeof entry === "string" ? [entry] : Object.values(entry),
    );
    const missing = [...named, ...Object.values(MANIFEST.bin)].filter(
      (path) => !files.includes(path.replace(/^\.\//, "")),
    );
    expect(missing).toEqual([]);
  });

  test("names the types first, and for every way in", () => {
    const entries = Object.entries(MANIFEST.exports).filter(([name]) => name !== "./package.json");
    for (const [name, entry] of entries) expect([name, Object.keys(entry)[0]]).toEqual([name, "types"]);
  });

  test("has a command that a shell can start", () => {
    for (const path of Object.values(MANIFEST.bin)) {
      expect(readFileSync(join(packed.copy, path), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    }
  });

  test("has the licence's text", () => {
    expect(readFileSync(join(packed.copy, "LICENSE"), "utf8")).toContain(
      "Permission is hereby granted, free of charge",
    );
  });
});

describe("what a part brings along", () => {
  /** Modules outside the package that the bundle of a part imports. */
  async function outside(part: string, condition: string): Promise<string[]> {
    const entry = MANIFEST.exports[`./${part}`] as Readonly<Record<string, string>>;
    const { metafile } = await build({
      entryPoints: [join(packed.copy, entry[condition] ?? entry.default ?? "")],
      bundle: true,
      write: false,
      format: "esm",
      platform: "neutral",
      packages: "external",
      external: ["node:*", "cloudflare:*"],
      metafile: true,
      logLevel: "silent",
    });
    const paths = Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter((one) => one.external));
    return [...new Set(paths.map(({ path }) => path))].sort();
  }

  test.each(["codec", "connection", "cgi", "capture", "fpm"])("%s imports nothing at all", async (part) => {
    expect(await outside(part, "default")).toEqual([]);
  });

  test.each(["client", "server"])(
    "%s imports nothing in a page, and modules of the platform elsewhere",
    async (part) => {
      expect(await outside(part, "browser")).toEqual([]);
      for (const path of await outside(part, "workerd")) expect(path).toMatch(/^cloudflare:/);
      for (const path of await outside(part, "default")) expect(path).toMatch(/^node:/);
    },
  );

  test("the gateway, Workers and pages import dependencies only", async () => {
    const platform = ["cloudflare:email", "cloudflare:sockets", "cloudflare:workers"];
    const known = [...Object.keys(MANIFEST.dependencies), ...platform];
    for (const part of ["gateway", "workers", "browser"]) {
      const packages = (await outside(part, "default")).map((path) => path.split("/")[0]);
      expect(known).toEqual(expect.arrayContaining(packages));
    }
  });

  test("nothing but the listed dependencies is imported by name", async () => {
    const found = await outside("node", "default");
    const packages = found.filter((path) => !path.startsWith("node:")).map((path) => path.split("/")[0]);
    expect(Object.keys(MANIFEST.dependencies)).toEqual(expect.arrayContaining(packages));
  });
});
