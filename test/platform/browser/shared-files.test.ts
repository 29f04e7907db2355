// The files that all children share, as the master keeps them.

import { describe, expect, test } from "vitest";
import type { FileChanges } from "../../../src/platform/browser/child-messages.ts";
import { SharedFiles, type SharedFilesOptions } from "../../../src/platform/browser/shared-files.ts";

const file = (text: string) => ({ bytes: new TextEncoder().encode(text), modified: 1000 });

function shared(options: Partial<SharedFilesOptions> = {}) {
  const files = new SharedFiles({ directories: ["/www", "/tmp"], ...options });
  const told = new Map<number, FileChanges[]>();
  const leave = [1, 2].map((pid) => {
    told.set(pid, []);
    return files.join(pid, (changes) => told.get(pid)?.push(changes));
  });
  return { files, told, leave };
}

describe("shared files", () => {
  test("tell every child of a change but the one that made it", () => {
    const { files, told } = shared();
    files.change([["/tmp/sess_1", file("a")]], 1);
    expect(told.get(1)).toEqual([]);
    expect(told.get(2)).toEqual([[["/tmp/sess_1", file("a")]]]);
    files.change([["/www/a.php", file("b")]]);
    expect(told.get(1)).toHaveLength(1);
    expect(files.all()).toHaveLength(2);
  });

  test("tell nothing to a child that has left", () => {
    const { files, told, leave } = shared();
    leave[0]?.();
    files.change([["/www/a", file("a")]]);
    expect(told.get(1)).toEqual([]);
    expect(told.get(2)).toHaveLength(1);
  });

  test("keep nothing outside of their directories", () => {
    const { files, told } = shared();
    files.change([
      ["/internal/php.ini", file("x")],
      ["/wwwother/a", file("x")],
      ["/tmp/b", file("b")],
    ]);
    expect(files.all()).toEqual([["/tmp/b", file("b")]]);
    expect(told.get(1)).toEqual([[["/tmp/b", file("b")]]]);
  });

  test("tell of a removal once, and not of what was never there", () => {
    const { files, told } = shared();
    files.change([["/www/a", file("a")]]);
    files.change([["/www/a", null]], 1);
    files.change([["/www/a", null]], 2);
    expect(told.get(2)?.at(-1)).toEqual([["/www/a", null]]);
    expect(told.get(1)).toHaveLength(1);
    expect(files.bytes).toBe(0);
  });

  test("stay below their limit, and tell which file did not fit", () => {
    const full: string[] = [];
    const { files, told } = shared({ maxBytes: 1000, onFull: (path, pid) => full.push(`${path} ${pid}`) });
    files.change([["/tmp/large", file("x".repeat(2000))]], 1);
    expect(full).toEqual(["/tmp/large 1"]);
    expect(told.get(2)).toEqual([]);
    // Empty files cost something too.
    for (let i = 0; i < 100; i++) files.change([[`/tmp/${i}`, file("")]], 1);
    expect(files.all().length).toBeLessThan(10);
    files.change([["/tmp/0", file("y".repeat(50))]], 1);
    expect(files.bytes).toBeLessThanOrEqual(1000);
  });

  test("are a document root for the gateway", async () => {
    const { files } = shared();
    files.change([
      ["/www/css/a.css", file("b {}")],
      ["/www/é.txt", file("e")],
      ["/tmp/secret", file("s")],
    ]);
    const source = files.source("/www");
    expect(await source.find("/")).toEqual({ type: "directory" });
    expect(await source.find("/css")).toEqual({ type: "directory" });
    expect(await source.find("/css/")).toEqual({ type: "directory" });
    expect(await source.find("/none")).toBeUndefined();
    expect(await source.find("/css/a.css/")).toBeUndefined();
    const found = await source.find("/css/a.css");
    expect(found).toMatchObject({ type: "file", size: 4, modified: 1000 });
    if (found?.type === "file") expect(await found.read(1, 3)).toEqual(new TextEncoder().encode(" {"));
    expect(await source.find("/\xc3\xa9.txt")).toMatchObject({ type: "file" });
  });
});
