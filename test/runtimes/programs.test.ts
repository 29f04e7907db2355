// The contract on the runtimes that are programs: Node, Deno and Bun.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CASES, type Result } from "./contract.ts";
import { installPacked, type Packed, runOn } from "./packed.ts";

const bin = (name: string) => fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url));

let packed: Packed;
beforeAll(async () => {
  packed = await installPacked();
}, 120_000);
afterAll(() => packed?.remove());

describe.each([
  ["this Node", process.execPath, []],
  ["the Node of the package", bin("node"), []],
  ["Deno", bin("deno"), ["run", "--allow-all"]],
  ["Bun", bin("bun"), ["run"]],
])("the packed package on %s", (_name, command, args) => {
  let results: readonly Result[] = [];
  beforeAll(async () => {
    results = await runOn(packed, command, args);
  }, 120_000);

  test.each(CASES.map(({ name }) => name))("%s", (name) => {
    const result = results.find((other) => other.name === name);
    expect(result).toEqual({ name });
  });
});
