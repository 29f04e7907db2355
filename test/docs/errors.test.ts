import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const project = fileURLToPath(new URL("../..", import.meta.url));

/** Members of every `...ErrorCode` union, and codes fixed on a class. */
function codesInSource(): Set<string> {
  const codes = new Set<string>();
  for (const folder of ["src", "playground/engine"]) {
    for (const name of readdirSync(join(project, folder), { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".ts")) continue;
      const source = readFileSync(join(project, folder, name), "utf8");
      for (const [, union = ""] of source.matchAll(/export type \w+ErrorCode =([\s\S]*?");/g)) {
        for (const [, code = ""] of union.matchAll(/"([A-Z_]+)"/g)) codes.add(code);
      }
      for (const [, code = ""] of source.matchAll(/readonly code = "([A-Z_]+)"/g)) codes.add(code);
    }
  }
  return codes;
}

describe("docs/errors.md", () => {
  const headings = [...readFileSync(join(project, "docs/errors.md"), "utf8").matchAll(/^### ([A-Z_]+)$/gm)].map(
    ([, code]) => code,
  );

  test("has one heading for every code, and none that no code has", () => {
    const codes = codesInSource();
    expect(codes.size).toBeGreaterThan(20);
    expect([...headings].sort()).toEqual([...codes].sort());
  });
});
