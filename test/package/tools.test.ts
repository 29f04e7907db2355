// What tools say of the package: its manifest, its types, its size, and what of the sources nobody uses.

import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../cli/run.ts";
import { type Packed, PROJECT, packProject } from "./pack.ts";

let packed: Packed;

beforeAll(async () => {
  packed = await packProject();
}, 60_000);

async function passes(tool: string, args: readonly string[], cwd: string): Promise<void> {
  const { stdout, stderr, status } = await runProgram(join(PROJECT, "node_modules/.bin", tool), args, { cwd });
  expect(status, stdout + stderr).toBe(0);
}

describe("the package", () => {
  test("publint finds nothing in the manifest", () => passes("publint", ["--strict", packed.tarball], packed.copy));

  test("the types are right for every way to resolve them that knows modules", () =>
    passes("attw", [packed.tarball, "--profile", "esm-only"], packed.copy));

  test("each part is as small as is promised", () => passes("size-limit", [], packed.copy));

  test("every file, export and dependency is used", () => passes("knip", ["--no-progress"], PROJECT));
});
