// The contract on the runtimes that are programs: Node, Deno and Bun.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CASES, type Result } from "./contract.ts";
import { installPacked, type Packed, runOn } from "./packed.ts";

const bin = (name: string) => fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url));

/** Every Node of this machine, one a version: the one that runs this, the package's own, and those of the PATH. */
function nodes(): [string, string, string[]][] {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const known = [process.execPath, bin("node"), ...folders.map((folder) => join(folder, "node"))];
  const versions = new Map<string, string>();
  for (const path of known.filter((candidate) => existsSync(candidate))) {
    const version = execFileSync(path, ["--version"], { encoding: "utf8" }).trim();
    if (!versions.has(version)) versions.set(version, path);
  }
  return [...versions].map(([version, path]) => [`Node ${version}`, path, []]);
}

let packed: Packed;
beforeAll(async () => {
  packed = await installPacked();
}, 120_000);
afterAll(() => packed?.remove());

describe.each([...nodes(), ["Deno", bin("deno"), ["run", "--allow-all"]], ["Bun", bin("bun"), ["run"]]] as [
  string,
  string,
  string[],
][])("the packed package on %s", (_name, command, args) => {
  let results: readonly Result[] = [];
  beforeAll(async () => {
    results = await runOn(packed, command, args);
  }, 120_000);

  test.each(CASES.map(({ name }) => name))("%s", (name) => {
    const result = results.find((other) => other.name === name);
    expect(result).toEqual({ name });
  });
});
