// Modules whose data is taken out: what an instance begins with stays the same.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { separateData } from "../../src/image/wasm-data.ts";
import { OWN_GLOBAL } from "../../src/php/snapshot/memory.ts";
import { loadPhpGlue } from "../../src/platform/node/load-glue.ts";
import { phpPackageUrl } from "../../src/platform/node/php-versions.ts";

/** One memory of a page that is exported as "memory", two variables of which the second changes, and some data. */
function moduleOf(data: readonly number[], globals: readonly number[] = GLOBALS): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x05, 0x03, 0x01, 0x00, 0x01],
    ...[0x06, globals.length, ...globals],
    ...[0x07, 0x0a, 0x01, 0x06, ...Buffer.from("memory"), 0x02, 0x00],
    ...[0x0b, data.length, ...data],
  ]);
}

/** Two; i32: constant -1, changing 42. */
const GLOBALS = [0x02, 0x7f, 0x00, 0x41, 0x7f, 0x0b, 0x7f, 0x01, 0x41, 0x2a, 0x0b];

const at = (address: number, ...bytes: number[]) => [0x00, 0x41, ...signed(address), 0x0b, bytes.length, ...bytes];

/** LEB128 with a sign, of two bytes. */
const signed = (value: number) => [(value & 0x7f) | 0x80, value >> 7];

/** What memory holds when an instance begins. */
function memoryOf(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  const module = new WebAssembly.Module(bytes);
  const imports: Record<string, Record<string, () => number>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] = { ...imports[from], [name]: () => 0 };
  }
  const { memory } = new WebAssembly.Instance(module, imports).exports;
  return new Uint8Array((memory as WebAssembly.Memory).buffer);
}

describe("a module without its data", () => {
  test.each([
    ["near each other and far apart", [0x03, ...at(16, 1, 2, 3), ...at(100, 4), ...at(4000, 5, 6)], 3986],
    ["one at the beginning", [0x01, ...at(0, 7)], 1],
    ["touching", [0x02, ...at(8, 1, 2), ...at(10, 3)], 3],
    ["none", [0x00], 0],
  ])("pieces %s are written by us", (_what, data, bytes) => {
    const whole = moduleOf(data);
    const { module, initialMemory } = separateData(whole);
    if (initialMemory === undefined) throw new Error("it was not taken out");
    expect(initialMemory.bytes).toHaveLength(bytes);
    const memory = memoryOf(module);
    expect(memory.every((byte) => byte === 0)).toBe(true);
    memory.set(initialMemory.bytes, initialMemory.start);
    expect(memory).toEqual(memoryOf(whole));
  });

  test("shows the variables that it changes", () => {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(separateData(moduleOf([0x00])).module));
    const shown = Object.entries(exports).filter(([name]) => name.startsWith(OWN_GLOBAL));
    expect(shown.map(([name, global]) => [name, (global as WebAssembly.Global).value])).toEqual([
      [`${OWN_GLOBAL}1`, 42],
    ]);
  });

  test.each([
    ["pieces over each other", moduleOf([0x02, ...at(8, 1, 2), ...at(9, 3)])],
    ["pieces out of their order", moduleOf([0x02, ...at(50, 1), ...at(8, 1)])],
    ["pieces that instructions copy", moduleOf([0x01, 0x01, 0x01, 0x05])],
    ["pieces too far apart", moduleOf([0x02, ...at(8, 1), 0x00, 0x41, 0x80, 0x80, 0x80, 0x80, 0x02, 0x0b, 0x01, 0x02])],
    ["a place that is computed", moduleOf([0x01, 0x00, 0x23, 0x00, 0x0b, 0x01, 0x05])],
    ["a variable of another type", moduleOf([0x00], [0x01, 0x7e, 0x01, 0x42, 0x05, 0x0b])],
  ])("is left as it is with %s", (_what, whole) => {
    const separated = separateData(whole);
    expect(separated.initialMemory).toBeUndefined();
    expect(separated.module).toEqual(whole);
  });

  test.each(["8.2", "8.4"] as const)(
    "is PHP %s",
    async (version) => {
      const { dependencyFilename } = await loadPhpGlue(phpPackageUrl(version));
      const whole = new Uint8Array(readFileSync(dependencyFilename));
      const { module, initialMemory } = separateData(whole);
      if (initialMemory === undefined) throw new Error("it was not taken out");
      const memory = memoryOf(module);
      memory.set(initialMemory.bytes, initialMemory.start);
      expect(Buffer.compare(memory, memoryOf(whole))).toBe(0);
      // What is left is code: 8 MB less.
      expect(whole.length - module.length).toBeGreaterThan(4_000_000);
    },
    60_000,
  );

  test.each([
    ["cut short", [0x01, 0x00, 0x41, 0x08, 0x0b, 0x05, 0x01]],
    ["of more pieces than there can be", [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])("data %s is told", (_what, data) => {
    expect(() => separateData(moduleOf(data))).toThrow(expect.objectContaining({ code: "IMAGE_WASM_MALFORMED" }));
  });
});
