// SQLite's tables in the modules of PHP: found in each, and changed in one word.

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { withoutSharedMemory } from "../../src/image/sqlite.ts";

function modules(): [name: string, path: string][] {
  return ["web-8-2", "web-8-4"].flatMap((name) => {
    const folder = dirname(createRequire(import.meta.url).resolve(`@php-wasm/${name}/package.json`));
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return files
      .filter((file) => /php_8_\d\.wasm$/.test(file))
      .map((file): [string, string] => [`${name}/${file}`, join(folder, file)]);
  });
}

test.each(modules())("%s has its shared memory taken out, and nothing else", (_, path) => {
  const before = readFileSync(path);
  const after = new Uint8Array(before);
  expect(withoutSharedMemory(after)).toBe(true);
  const changed: number[] = [];
  for (let at = 0; at < after.length; at++) if (after[at] !== before[at]) changed.push(at);
  expect(changed.length).toBeGreaterThan(0);
  expect((changed.at(-1) ?? 0) - (changed[0] ?? 0)).toBeLessThan(4);
  expect(WebAssembly.validate(after)).toBe(true);
  // Once only: the table is not there any more.
  expect(withoutSharedMemory(after)).toBe(false);
});

test("a module without SQLite stays as it is", () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, at) => (at * 7) & 255);
  const before = bytes.slice();
  expect(withoutSharedMemory(bytes)).toBe(false);
  expect(bytes).toEqual(before);
});
