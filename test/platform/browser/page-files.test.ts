// The files that all children of a page share, as the master keeps them.

import { describe, expect, test } from "vitest";
import { MemoryHome, ROOT, type StoreAnswer } from "../../../src/fs/index.ts";
import type { Entry } from "../../../src/gateway/files.ts";
import { PageFiles } from "../../../src/platform/browser/page-files.ts";

const file = (text: string, modified = 1000) => ({ bytes: new TextEncoder().encode(text), modified });
const read = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

function make(home = new MemoryHome()) {
  const told: (readonly [readonly string[], number])[] = [];
  const files = new PageFiles({ directories: ["/www", "/tmp/sessions"], home, onChange: (...what) => told.push(what) });
  return { files, told, home };
}

const welcome = (answer: StoreAnswer) => {
  if (answer.type !== "welcome") throw new Error(answer.type);
  return answer;
};

describe("files of a page", () => {
  test("are written, listed, read and removed by the page, and told", () => {
    const { files, told } = make();
    files.change([
      ["/www/a/b.txt", file("b")],
      ["/www/c.txt", file("c", 2000)],
    ]);
    expect(files.list()).toEqual([
      { path: "/www/a/b.txt", size: 1, modified: 1000 },
      { path: "/www/c.txt", size: 1, modified: 2000 },
    ]);
    files.change([["/www/a/b.txt", null]]);
    files.change([["/www/missing", null]]);
    expect([read(files.get("/www/a/b.txt")), read(files.get("/www/c.txt")), files.get("/www/a")]).toEqual([
      undefined,
      "c",
      undefined,
    ]);
    expect(told.map(([paths, pid]) => [...paths].sort().concat(String(pid)))).toEqual([
      ["/www/a/b.txt", "/www/c.txt", "0"],
      ["/www/a/b.txt", "0"],
    ]);
  });

  test("are not written again when they are the same", () => {
    const { files, told } = make();
    files.change([["/www/a", file("same")]]);
    const { seq } = files.service.store;
    files.change([["/www/a", file("same", 5000)]]);
    expect([files.service.store.seq, told.length]).toEqual([seq, 1]);
    files.change([["/www/a", file("SAME", 5000)]]);
    expect(files.list()).toEqual([{ path: "/www/a", size: 4, modified: 5000 }]);
  });

  test("are found again on the same home", () => {
    const { files, home } = make();
    files.change([["/www/a", file("kept")]]);
    expect(read(make(home).files.get("/www/a"))).toBe("kept");
  });

  test("are changed by children, who are told apart by their process ids; locks end with their child", async () => {
    const { files, told } = make();
    const first = welcome(await files.handle(1, { life: 0, message: { type: "hello", key: "x" } }));
    const second = welcome(await files.handle(2, { life: 0, message: { type: "hello", key: "x" } }));
    const ino = first.inodes.first;
    const dir = files.service.store.lookup("/www").ino;
    const operations = [
      { op: "create", dir, name: "log", ino, mode: 0o644 },
      { op: "write", ino, offset: "end", data: file("line").bytes },
    ] as const;
    const commit = { type: "commit", batch: 1, since: first.seq, time: 1, operations } as const;
    expect(await files.handle(1, { life: first.life, message: commit })).toMatchObject({ type: "committed" });
    expect(told).toEqual([[["/www/log"], 1]]);
    const lock = { family: "flock", ino, handle: 1, type: "exclusive" } as const;
    const wish = { type: "lock", since: 0, wish: { lock, wait: 60_000 } } as const;
    expect(await files.handle(1, { life: first.life, message: wish })).toMatchObject({ lock: { outcome: "granted" } });
    let granted = false;
    const waiting = files.handle(2, { life: second.life, message: wish }).then((answer) => {
      granted = true;
      return answer;
    });
    await Promise.resolve();
    expect(granted).toBe(false);
    files.ended(1);
    expect(await waiting).toMatchObject({ lock: { outcome: "granted" } });
    expect(await files.handle(1, { life: first.life, message: { type: "reserve" } })).toEqual({ type: "ended" });
    files.ended(2);
  });

  test("are served below a root, as a whole or in a stream, and nothing that a link leads to outside of it", async () => {
    const { files } = make();
    const long = new Uint8Array(2_500_000).map((_, at) => at % 253);
    files.change([
      ["/www/a b/ü.txt", file("text")],
      ["/www/long", { bytes: long, modified: 1 }],
      ["/tmp/secret", file("secret")],
    ]);
    const { store } = files.service;
    const links = [
      ["inside", "/www/long"],
      ["outside", "../tmp/secret"],
    ] as const;
    for (const [name, target] of links) {
      const dir = store.lookup("/www").ino;
      store.commit([{ op: "symlink", dir, name, ino: store.reserve(1), target }], { life: 0, time: 1 });
    }
    const source = files.source("/www");
    const found = (path: string) => source.find(path) as Entry | undefined;
    // Paths are byte strings: UTF-8, a character a byte.
    const entry = found("/a b/\u00c3\u00bc.txt");
    expect(entry).toMatchObject({ type: "file", size: 4, modified: 1000 });
    if (entry?.type !== "file") throw new Error("no file");
    expect(await entry.read(1, 3)).toEqual(file("ex").bytes);
    expect([found("/a b")?.type, found("/outside")?.type, found("/none"), found("/")?.type]).toEqual([
      "directory",
      "refused",
      undefined,
      "directory",
    ]);
    const whole = found("/inside");
    if (whole?.type !== "file") throw new Error("no file");
    expect(
      new Uint8Array(await new Response((await whole.read(0, long.length)) as ReadableStream).arrayBuffer()),
    ).toEqual(long);
    const stream = (await whole.read(0, long.length)) as ReadableStream<Uint8Array>;
    files.change([["/www/long", file("shorter")]]);
    await expect(new Response(stream).arrayBuffer()).rejects.toThrow();
    expect(store.stat(ROOT).type).toBe("directory");
  });
});
