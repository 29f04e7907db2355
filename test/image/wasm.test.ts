import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rewriteWasm, wasmExports, wasmSections } from "../../src/image/wasm.ts";

/** The module that the tests change, byte by byte. */
const SMALL = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // "\0asm", version 1
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f], // type section: one type, () -> i32
  ...[0x03, 0x02, 0x01, 0x00], // function section: one function of that type
  ...[0x05, 0x04, 0x01, 0x01, 0x01, 0x10], // memory section: one memory of 1..16 pages
  ...[0x07, 0x0d, 0x03], // export section: three exports
  ...[0x01, 0x6d, 0x02, 0x00], // "m": memory 0
  ...[0x01, 0x66, 0x00, 0x00], // "f": function 0
  ...[0x01, 0x67, 0x00, 0x00], // "g": function 0 too
  ...[0x0a, 0x06, 0x01, 0x04, 0x00, 0x41, 0x2a, 0x0b], // code section: one body, i32.const 42
  ...[0x00, 0x05, 0x04, 0x6e, 0x61, 0x6d, 0x65], // custom section "name", empty
]);

/** Where the memory section of `SMALL` begins. */
const MEMORY_AT = 8 + 7 + 4;

function codeOf(run: () => unknown): unknown {
  try {
    run();
    return "no error";
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

/** `SMALL` with another memory section. */
function withMemory(...body: number[]): Uint8Array {
  return Uint8Array.from([
    ...SMALL.subarray(0, MEMORY_AT),
    0x05,
    body.length,
    ...body,
    ...SMALL.subarray(MEMORY_AT + 6),
  ]);
}

describe("a rewritten module", () => {
  test("exports only what was to stay, under the same names", async () => {
    const kept = rewriteWasm(SMALL, { keep: new Set(["f", "m", "absent"]) });
    expect(wasmExports(kept).map(({ name }) => name)).toEqual(["m", "f"]);
    const { instance } = await WebAssembly.instantiate(kept);
    expect((instance.exports.f as () => number)()).toBe(42);
    expect(Object.keys(instance.exports)).toEqual(["m", "f"]);
  });

  test("has the new memory limits", async () => {
    const { instance } = await WebAssembly.instantiate(rewriteWasm(SMALL, { memory: { initial: 3, maximum: 300 } }));
    const memory = instance.exports.m as WebAssembly.Memory;
    expect(memory.buffer.byteLength).toBe(3 * 65_536);
    expect(memory.grow(297)).toBe(3);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });

  test("gets a maximum where it had none", () => {
    expect([...rewriteWasm(withMemory(1, 0, 1), { memory: { initial: 1, maximum: 2 } })]).toEqual([
      ...rewriteWasm(SMALL, { memory: { initial: 1, maximum: 2 } }),
    ]);
  });

  test("loses the names for tools only, and is the same otherwise", () => {
    expect([...rewriteWasm(SMALL, {})]).toEqual([...SMALL.subarray(0, SMALL.length - 7)]);
  });

  test("leaves the given bytes as they were", () => {
    const before = SMALL.slice();
    rewriteWasm(SMALL, { keep: new Set(), memory: { initial: 1, maximum: 1 } });
    expect(SMALL).toEqual(before);
  });

  test("may be a part of a larger buffer", () => {
    const large = new Uint8Array(SMALL.length + 20).fill(0xff);
    large.set(SMALL, 7);
    expect(wasmExports(large.subarray(7, 7 + SMALL.length)).map(({ name }) => name)).toEqual(["m", "f", "g"]);
  });
});

describe("what is refused", () => {
  const memory = { initial: 1, maximum: 2 };

  test.each([
    ["nothing", []],
    ["a part of the magic number", [0x00, 0x61, 0x73]],
    ["an ELF file", [0x7f, 0x45, 0x4c, 0x46, 0x02, 0x01, 0x01, 0x00]],
    ["a page", [...new TextEncoder().encode("<!DOCTYPE html>")]],
    ["a component", [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00]],
  ])("%s is no module", (_what, bytes) => {
    expect(codeOf(() => rewriteWasm(Uint8Array.from(bytes), {}))).toBe("IMAGE_NOT_WASM");
  });

  test("a module that was cut at any byte is malformed or shorter by whole sections", () => {
    const ends = new Set([8, ...wasmSections(SMALL).map(({ end }) => end)]);
    for (let length = 8; length < SMALL.length; length++) {
      const cut = SMALL.subarray(0, length);
      expect(
        codeOf(() => wasmSections(cut)),
        `cut to ${length} bytes`,
      ).toBe(ends.has(length) ? "no error" : "IMAGE_WASM_MALFORMED");
    }
  });

  test.each([
    ["a length without an end", [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ["a length of more than 32 bits", [0xff, 0xff, 0xff, 0xff, 0x10]],
    ["a length beyond the file", [0xff, 0xff, 0xff, 0xff, 0x0f]],
    ["a length cut after a continued byte", [0x80]],
  ])("%s", (_what, length) => {
    const bytes = Uint8Array.from([...SMALL.subarray(0, 8), 0x07, ...length]);
    expect(codeOf(() => wasmSections(bytes))).toBe("IMAGE_WASM_MALFORMED");
  });

  test.each([
    ["a count beyond the section", [0x07, 0x01, 0x7f]],
    ["a name beyond the section", [0x07, 0x03, 0x01, 0x7f, 0x61]],
    ["a name that is not UTF-8", [0x07, 0x05, 0x01, 0x01, 0xff, 0x00, 0x00]],
    ["bytes behind the last export", [0x07, 0x02, 0x00, 0x00]],
  ])("exports with %s", (_what, section) => {
    const bytes = Uint8Array.from([...SMALL.subarray(0, 8), ...section]);
    expect(codeOf(() => wasmExports(bytes))).toBe("IMAGE_WASM_MALFORMED");
  });

  test.each([
    ["two memories", [2, 0, 1, 0, 1]],
    ["no memory in the section", [0]],
    ["shared memory", [1, 3, 1, 2]],
    ["64-bit memory", [1, 5, 1, 2]],
  ])("new limits for %s", (_what, body) => {
    expect(codeOf(() => rewriteWasm(withMemory(...body), { memory }))).toBe("IMAGE_WASM_UNSUPPORTED");
  });

  test("new limits where the memory is imported, and fewer exports where there are none", () => {
    const empty = SMALL.subarray(0, 8);
    expect(codeOf(() => rewriteWasm(empty, { memory }))).toBe("IMAGE_WASM_UNSUPPORTED");
    expect(codeOf(() => rewriteWasm(empty, { keep: new Set() }))).toBe("IMAGE_WASM_UNSUPPORTED");
    expect([...rewriteWasm(empty, {})]).toEqual([...empty]);
  });

  test.each([
    [0, 1],
    [2, 1],
    [1, 65_537],
    [1.5, 2],
    [1, Number.NaN],
  ])("limits of %d..%d pages", (initial, maximum) => {
    expect(codeOf(() => rewriteWasm(SMALL, { memory: { initial, maximum } }))).toBe("IMAGE_OPTION");
  });

  test("any other bytes give one of its own errors or a result, never a crash", () => {
    const changed = fc
      .array(fc.tuple(fc.nat(SMALL.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = SMALL.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(changed, (bytes) => {
        expect(codeOf(() => rewriteWasm(bytes, { keep: new Set(["f"]), memory }))).toMatch(/^IMAGE_|^no error$/);
      }),
    );
  });
});

describe.each(["8-2", "8-4"])("the web build of PHP %s", (version) => {
  const folder = dirname(createRequire(import.meta.url).resolve(`@php-wasm/web-${version}/package.json`));
  const name = `php_${version.replace("-", "_")}`;
  const glue = readFileSync(join(folder, `jspi/${name}.js`), "utf8");
  const raw = readFileSync(join(folder, "jspi", /'(.*\.wasm)'/.exec(glue)?.[1] ?? ""));

  test("reads whole, and is valid after it was rewritten", () => {
    expect(wasmExports(raw).length).toBeGreaterThan(5000);
    const small = rewriteWasm(raw, {
      keep: new Set(["memory", "php_wasm_init"]),
      memory: { initial: 320, maximum: 1536 },
    });
    expect(wasmExports(small).map(({ name: kept }) => kept)).toEqual(["memory", "php_wasm_init"]);
    expect(raw.length - small.length).toBeGreaterThan(100_000);
    expect(WebAssembly.validate(small)).toBe(true);
  });
});
