// What a release needs: versions that agree, a change to announce, the codec as JSR takes it.

import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runProgram } from "../cli/run.ts";
import { makeScratch } from "../peers/scratch.ts";
import { MANIFEST, PROJECT } from "./pack.ts";

function readJson(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(PROJECT, name), "utf8"));
}

describe("the codec on JSR", () => {
  test("has the version of the package", () => {
    expect(readJson("jsr.json").version).toBe(MANIFEST.version);
  });

  test("is accepted by the registry's own rules: types that need no inference, files that import nothing else", async () => {
    const scratch = makeScratch("jsr");
    try {
      mkdirSync(join(scratch.path, "src"));
      cpSync(join(PROJECT, "src/codec"), join(scratch.path, "src/codec"), { recursive: true });
      for (const name of ["jsr.json", "LICENSE"]) cpSync(join(PROJECT, name), join(scratch.path, name));
      const deno = join(PROJECT, "node_modules/.bin/deno");
      const { stdout, stderr, status } = await runProgram(deno, ["publish", "--dry-run", "--allow-dirty"], {
        cwd: scratch.path,
      });
      expect(status, stdout + stderr).toBe(0);
      expect(stderr).toContain("Checking for slow types");
      const files = [...stderr.matchAll(/file:\/\/\S+\/(\S+) \(/g)].map(([, name]) => name);
      expect(files.sort()).toEqual([...readdirSync(join(PROJECT, "src/codec")), "LICENSE", "jsr.json"].sort());
    } finally {
      scratch.remove();
    }
  });
});

describe("changesets", () => {
  test("name this package, a part of the version, and say something", () => {
    const folder = join(PROJECT, ".changeset");
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".md") && file !== "README.md")) {
      expect(readFileSync(join(folder, name), "utf8")).toMatch(/^---\n"edge-fpm": (patch|minor|major)\n---\n\n\S/);
    }
  });

  test("of the documentation are none: it is not published", () => {
    expect(readJson(".changeset/config.json").ignore).toEqual([readJson("docs/package.json").name]);
  });
});

describe("the release workflow", () => {
  const workflow = readFileSync(join(PROJECT, ".github/workflows/release.yml"), "utf8");

  test("runs scripts that there are", () => {
    const scripts = Object.keys(readJson("package.json").scripts as object);
    const run = [...workflow.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name);
    expect(run.length).toBeGreaterThan(0);
    expect(scripts).toEqual(expect.arrayContaining(run));
  });

  test("has the rights that provenance needs, and no token of npm", () => {
    expect(workflow).toContain("id-token: write");
    expect(workflow).toContain("NPM_CONFIG_PROVENANCE: true");
    expect(workflow).not.toContain("NPM_TOKEN");
  });
});
