// The store by itself: operations, limits, what a failed batch leaves, what is told of changes, what a restart keeps.

import { describe, expect, test } from "vitest";
import { baseFromFiles } from "../../src/fs/base.ts";
import {
  BatchError,
  type FileOperation,
  FileStore,
  MemoryHome,
  PIECE_BYTES,
  ROOT,
  type StoreLimits,
} from "../../src/fs/index.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

function open(limits: Partial<StoreLimits> = {}, home = new MemoryHome()) {
  const store = new FileStore(home, { time: 1000, limits });
  let next = store.reserve(10_000);
  const run = (...operations: FileOperation[]) => store.commit(operations, { life: 0, time: 2000 });
  const errno = (...operations: FileOperation[]): [string, number] => {
    try {
      run(...operations);
    } catch (error) {
      if (error instanceof BatchError) return [error.errno, error.index];
      throw error;
    }
    return ["none", -1];
  };
  const file = (name: string, content: string | Uint8Array = "", dir = ROOT) => {
    const ino = next++;
    const data = typeof content === "string" ? bytes(content) : content;
    run({ op: "create", dir, name, ino, mode: 0o644 }, { op: "write", ino, offset: 0, data });
    return ino;
  };
  const folder = (name: string, dir = ROOT) => {
    const ino = next++;
    run({ op: "mkdir", dir, name, ino, mode: 0o755 });
    return ino;
  };
  const content = (path: string) => {
    const { ino, size } = store.lookup(path);
    return text(store.read(ino, 0, size));
  };
  return { home, store, run, errno, file, folder, content, ino: () => next++ };
}

describe("a batch", () => {
  test("is applied whole: a file made, written and moved is there under its last name only", () => {
    const { store, run, content, ino } = open();
    const a = ino();
    const { seq } = run(
      { op: "create", dir: ROOT, name: "a.tmp", ino: a, mode: 0o600 },
      { op: "write", ino: a, offset: 0, data: bytes("hello") },
      { op: "rename", dir: ROOT, name: "a.tmp", toDir: ROOT, toName: "a" },
    );
    expect(content("/a")).toBe("hello");
    expect(() => store.lookup("/a.tmp")).toThrow("ENOENT");
    expect(store.stat(a)).toMatchObject({ ino: a, name: "a", mode: 0o600, size: 5, mtime: 2000, seq });
  });

  test("that fails at its end changes nothing of what came before", () => {
    const { home, store, file, folder, errno, content, ino } = open();
    const a = file("a", "old");
    folder("full");
    file("x", "", store.lookup("full").ino);
    const before = JSON.stringify([...home.nodes()]);
    const used = home.bytes;
    const failure = errno(
      { op: "write", ino: a, offset: 0, data: bytes("new and longer") },
      { op: "mkdir", dir: ROOT, name: "d", ino: ino(), mode: 0o755 },
      { op: "unlink", dir: ROOT, name: "a" },
      { op: "rename", dir: ROOT, name: "d", toDir: ROOT, toName: "e" },
      { op: "rmdir", dir: ROOT, name: "full" },
    );
    expect(failure).toEqual(["ENOTEMPTY", 4]);
    expect(JSON.stringify([...home.nodes()])).toBe(before);
    expect(home.bytes).toBe(used);
    expect(content("/a")).toBe("old");
    expect(store.list(ROOT).map(({ name }) => name)).toEqual(["a", "full"]);
  });

  test("with a file that another child made meanwhile uses that one, and tells its number", () => {
    const { run, file, content, ino } = open();
    const theirs = file("log", "one\n");
    const mine = ino();
    const { aliases } = run(
      { op: "create", dir: ROOT, name: "log", ino: mine, mode: 0o644 },
      { op: "write", ino: mine, offset: "end", data: bytes("two\n") },
    );
    expect(aliases).toEqual([[mine, theirs]]);
    expect(content("log")).toBe("one\ntwo\n");
  });

  test("with an exclusive file that another child made meanwhile fails", () => {
    const { file, errno, ino } = open();
    file("lock");
    expect(errno({ op: "create", dir: ROOT, name: "lock", ino: ino(), mode: 0o644, exclusive: true })).toEqual([
      "EEXIST",
      0,
    ]);
  });

  test("names the version it was made from, and fails when the content has changed since", () => {
    const { store, run, file, errno } = open();
    const a = file("a", "1");
    const { version } = store.stat(a);
    run({ op: "chmod", ino: a, mode: 0o600 });
    run({ op: "write", ino: a, offset: 0, data: bytes("2"), version });
    expect(errno({ op: "write", ino: a, offset: 0, data: bytes("3"), version })).toEqual(["ESTALE", 0]);
  });

  test("that removes or moves a name fails when another file has it by now", () => {
    const { file, run, errno, content } = open();
    const old = file("sess", "old");
    run({ op: "unlink", dir: ROOT, name: "sess" });
    file("sess", "new");
    expect(errno({ op: "unlink", dir: ROOT, name: "sess", ino: old })).toEqual(["ESTALE", 0]);
    expect(errno({ op: "rename", dir: ROOT, name: "sess", toDir: ROOT, toName: "x", ino: old })).toEqual(["ESTALE", 0]);
    expect(content("sess")).toBe("new");
  });

  test("takes no number for a new file that is used, was used, or was not given out", () => {
    const { run, file, errno, ino } = open();
    const a = file("a");
    const b = file("b");
    run({ op: "unlink", dir: ROOT, name: "b" });
    const make = (number: number) => errno({ op: "create", dir: ROOT, name: "c", ino: number, mode: 0o644 });
    expect([make(a), make(b), make(ROOT), make(1e9), make(-3), make(0.5)].map(([code]) => code)).toEqual(
      Array(6).fill("EINVAL"),
    );
    expect(make(ino())).toEqual(["none", -1]);
  });

  test("of nothing leaves the seq as it is", () => {
    const { store, run } = open();
    const { seq } = store;
    expect(run().seq).toBe(seq);
    expect(store.seq).toBe(seq);
  });
});

describe("contents", () => {
  test.each([
    ["within a piece", 10, 20],
    ["at a piece's edge", PIECE_BYTES - 1, 2],
    ["over several pieces", PIECE_BYTES - 7, 3 * PIECE_BYTES],
    ["behind the end", 5 * PIECE_BYTES + 3, 9],
  ])("written %s are read back, zeros in the gap", (_, offset, length) => {
    const { store, run, file } = open();
    const start = new Uint8Array(PIECE_BYTES + 100).fill(1);
    const a = file("a", start);
    run({ op: "write", ino: a, offset, data: new Uint8Array(length).fill(2) });
    const expected = new Uint8Array(Math.max(start.length, offset + length));
    expected.set(start);
    expected.fill(2, offset, offset + length);
    expect(Buffer.compare(store.read(a, 0, 1e7), expected)).toBe(0);
    expect(store.read(a, offset, 3)).toEqual(expected.slice(offset, offset + 3));
  });

  test("that are cut and grow again show zeros, not what was there", () => {
    const { store, run, file } = open();
    const a = file("a", new Uint8Array(2 * PIECE_BYTES).fill(7));
    run({ op: "truncate", ino: a, size: PIECE_BYTES + 5 });
    run({ op: "truncate", ino: a, size: 2 * PIECE_BYTES });
    const read = store.read(a, 0, 1e7);
    expect(read.subarray(0, PIECE_BYTES + 5).every((byte) => byte === 7)).toBe(true);
    expect(read.subarray(PIECE_BYTES + 5).every((byte) => byte === 0)).toBe(true);
    expect(read.length).toBe(2 * PIECE_BYTES);
  });

  test("staged ahead become a file in one batch, without being copied", () => {
    const { home, store, run, ino } = open();
    const a = ino();
    const whole = Uint8Array.from({ length: 5 * PIECE_BYTES + 11 }, (_, at) => at % 251);
    store.stage(0, 9, 0, whole.subarray(0, 2 * PIECE_BYTES), 2000);
    store.stage(0, 9, 2, whole.subarray(2 * PIECE_BYTES), 2000);
    store.stage(0, 9, 2, whole.subarray(2 * PIECE_BYTES), 2000);
    expect(home.bytes).toBe(whole.length);
    run(
      { op: "create", dir: ROOT, name: "a", ino: a, mode: 0o644 },
      {
        op: "write",
        ino: a,
        offset: 0,
        data: { stage: 9, length: whole.length },
      },
    );
    expect(home.bytes).toBe(whole.length);
    expect(Buffer.compare(store.read(a, 0, 1e7), whole)).toBe(0);
  });

  test("staged go into the middle of a file too, and the rest of the last piece stays", () => {
    const { store, run, file } = open();
    const a = file("a", new Uint8Array(4 * PIECE_BYTES).fill(1));
    store.stage(0, 1, 0, new Uint8Array(PIECE_BYTES + 10).fill(2), 2000);
    run({ op: "write", ino: a, offset: PIECE_BYTES, data: { stage: 1, length: PIECE_BYTES + 10 } });
    const expected = new Uint8Array(4 * PIECE_BYTES).fill(1).fill(2, PIECE_BYTES, 2 * PIECE_BYTES + 10);
    expect(Buffer.compare(store.read(a, 0, 1e7), expected)).toBe(0);
  });

  test("staged and missing a piece, or gone, fail the batch", () => {
    const { store, file, errno } = open();
    const a = file("a", "x");
    store.stage(0, 1, 1, new Uint8Array(10), 2000);
    expect(errno({ op: "write", ino: a, offset: 0, data: { stage: 1, length: PIECE_BYTES + 10 } })[0]).toBe("ESTALE");
    store.discardStaged(3000);
    expect(store.bytes).toBe(1);
    expect(errno({ op: "write", ino: a, offset: 0, data: { stage: 1, length: 10 } })[0]).toBe("ESTALE");
    expect(errno({ op: "write", ino: a, offset: 3, data: { stage: 1, length: 10 } })[0]).toBe("ESTALE");
  });

  test("are not read for a version that is no more", () => {
    const { store, run, file } = open();
    const a = file("a", "one");
    const { version } = store.stat(a);
    expect(text(store.read(a, 1, 9, version))).toBe("ne");
    run({ op: "truncate", ino: a, size: 1 });
    expect(() => store.read(a, 0, 9, version)).toThrow("ESTALE: /a has changed meanwhile");
  });

  test("of a folder and of a link are none, and the path says of which", () => {
    const { store, run, folder, ino } = open();
    const inner = folder("inner", folder("outer"));
    expect(() => store.read(inner, 0, 9)).toThrow("EISDIR: /outer/inner is a directory");
    const link = ino();
    run({ op: "symlink", dir: inner, name: "link", ino: link, target: "x" });
    expect(() => store.read(link, 0, 9)).toThrow("EINVAL: /outer/inner/link is a link");
  });
});

describe("limits", () => {
  const large = new Uint8Array(1000);
  test("bytes: ENOSPC, and a deleted file makes room", () => {
    const { run, file, errno, ino } = open({ totalBytes: 2500 });
    file("a", large);
    file("b", large);
    const c = ino();
    const make: FileOperation[] = [
      { op: "create", dir: ROOT, name: "c", ino: c, mode: 0o644 },
      { op: "write", ino: c, offset: 0, data: large },
    ];
    expect(errno(...make)).toEqual(["ENOSPC", 1]);
    run({ op: "unlink", dir: ROOT, name: "a" });
    expect(errno(...make)).toEqual(["none", -1]);
  });

  test("a store that is too full already lets files be cut and deleted", () => {
    const { home, file } = open();
    file("a", large);
    const smaller = open({ totalBytes: 100 }, home);
    const { ino } = smaller.store.lookup("a");
    expect(smaller.errno({ op: "write", ino, offset: "end", data: large })[0]).toBe("ENOSPC");
    expect(smaller.errno({ op: "truncate", ino, size: 500 })[0]).toBe("none");
    expect(smaller.errno({ op: "unlink", dir: ROOT, name: "a" })[0]).toBe("none");
  });

  test("staged bytes count, and go when their child ends", () => {
    const { store } = open({ totalBytes: 1500 });
    store.stage(5, 1, 0, large, 1);
    expect(() => store.stage(5, 2, 0, large, 1)).toThrow("ENOSPC");
    store.end(5);
    expect(store.bytes).toBe(0);
    store.stage(6, 2, 0, large, 1);
  });

  test("a file's bytes: EFBIG, by writing, cutting and staging", () => {
    const { store, file, errno } = open({ fileBytes: 1000 });
    const a = file("a", large);
    expect(errno({ op: "write", ino: a, offset: "end", data: bytes("x") })[0]).toBe("EFBIG");
    expect(errno({ op: "truncate", ino: a, size: 1001 })[0]).toBe("EFBIG");
    expect(() => store.stage(0, 1, 0, new Uint8Array(1001), 1)).toThrow("EFBIG");
  });

  test("files, names, paths, depth, operations, bytes of a message, links", () => {
    const limits = { nodes: 12, nameBytes: 10, pathBytes: 30, depth: 3, batchOperations: 4, messageBytes: 2000 };
    const { store, run, file, folder, errno, ino } = open(limits);
    const mkdir = (name: string, dir = ROOT) => errno({ op: "mkdir", dir, name, ino: ino(), mode: 0o755 })[0];
    expect(mkdir("ääääää")).toBe("ENAMETOOLONG");
    for (const name of ["", ".", "..", "a/b", "a\0b"]) expect([name, mkdir(name)]).toEqual([name, "EINVAL"]);
    const a = folder("a");
    const b = folder("b", a);
    const c = folder("c", b);
    expect(mkdir("d", c)).toBe("none");
    expect(mkdir("e", store.lookup("a/b/c/d").ino)).toBe("ENAMETOOLONG");
    const wide = folder("wwwwwwwwww");
    const wider = folder("wwwwwwwwww", wide);
    expect(mkdir("wwwwwwwww", wider)).toBe("ENAMETOOLONG");
    // Moving a folder moves what is below it.
    expect(errno({ op: "rename", dir: ROOT, name: "a", toDir: wide, toName: "a" })[0]).toBe("ENAMETOOLONG");
    file("f", new Uint8Array(10));
    const f = store.lookup("f").ino;
    expect(errno(...Array<FileOperation>(5).fill({ op: "chmod", ino: f, mode: 0 }))).toEqual(["EMSGSIZE", -1]);
    expect(errno({ op: "write", ino: f, offset: 0, data: new Uint8Array(2001) })).toEqual(["EMSGSIZE", -1]);
    run({ op: "symlink", dir: ROOT, name: "l", ino: ino(), target: "m" });
    run({ op: "symlink", dir: ROOT, name: "m", ino: ino(), target: "l" });
    expect(() => store.lookup("l")).toThrow("ELOOP");
    expect(store.lookup("l", false).target).toBe("m");
    expect(errno({ op: "symlink", dir: ROOT, name: "n", ino: ino(), target: "x".repeat(31) })[0]).toBe("ENAMETOOLONG");
    folder("y");
    folder("z");
    expect(store.nodes).toBe(12);
    expect(mkdir("zz")).toBe("ENOSPC");
  });
});

describe("unlinked files", () => {
  test("can be read and written by children that have them open, until the last one lets go", () => {
    const { home, store, file } = open();
    const a = file("a", "content");
    store.commit([{ op: "unlink", dir: ROOT, name: "a" }], { life: 1, time: 1, holders: new Set([1, 2]) });
    expect(text(store.read(a, 0, 99))).toBe("content");
    store.commit([{ op: "write", ino: a, offset: "end", data: bytes("!") }], { life: 2, time: 1 });
    expect(text(store.read(a, 0, 99))).toBe("content!");
    store.drop(1, [a]);
    expect(text(store.read(a, 0, 99))).toBe("content!");
    store.rest(2);
    expect(() => store.read(a, 0, 99)).toThrow("ENOENT");
    expect(home.bytes).toBe(0);
  });

  test("that the child itself does not have open go at once", () => {
    const { home, store, file } = open();
    const a = file("a", "content");
    store.commit([{ op: "unlink", dir: ROOT, name: "a" }], { life: 1, time: 1, holders: new Set([1]), drop: [a] });
    expect([store.orphans, home.bytes]).toEqual([0, 0]);
  });

  test("are bounded: the oldest go, whoever holds them", () => {
    const { store, file } = open({ orphanBytes: 250 });
    const inos = ["a", "b", "c"].map((name) => file(name, new Uint8Array(100)));
    for (const name of ["a", "b", "c"]) {
      store.commit([{ op: "unlink", dir: ROOT, name }], { life: 1, time: 1, holders: new Set([2]) });
    }
    expect(() => store.read(inos[0] ?? 0, 0, 1)).toThrow("ENOENT");
    expect(store.read(inos[2] ?? 0, 0, 200).length).toBe(100);
    store.end(2);
    expect([store.orphans, store.bytes]).toEqual([0, 0]);
  });
});

describe("changes", () => {
  test("since a seq are the nodes that changed, as they are now, and those that are gone", () => {
    const { store, run, file, folder } = open();
    file("stays", "1");
    const b = file("b", "1");
    const { seq } = store;
    expect(store.changesSince(seq)).toMatchObject({ seq, reset: false, more: false, nodes: [], gone: [] });
    const d = folder("d");
    run({ op: "rename", dir: ROOT, name: "stays", toDir: d, toName: "moved" });
    run({ op: "unlink", dir: ROOT, name: "b" });
    const changes = store.changesSince(seq);
    expect(changes.nodes.map(({ name }) => name).sort()).toEqual(["", "d", "moved"]);
    expect(changes.gone).toEqual([b]);
    expect(changes.seq).toBe(store.seq);
  });

  test("name the pieces of a content that are stale, and none when only the mode changed", () => {
    const { store, run, file } = open();
    const a = file("a", new Uint8Array(5 * PIECE_BYTES).fill(1));
    const { seq } = store;
    const stale = () => store.changesSince(seq).nodes.find(({ ino }) => ino === a)?.stale;
    run({ op: "chmod", ino: a, mode: 0o600 });
    expect(stale()).toEqual([]);
    run({ op: "write", ino: a, offset: 2 * PIECE_BYTES - 1, data: bytes("xy") });
    expect(stale()).toEqual([1, 2]);
    run({ op: "truncate", ino: a, size: 4 * PIECE_BYTES + 1 });
    expect(stale()).toEqual([1, 2, 4]);
    const own = run({ op: "write", ino: a, offset: 0, data: bytes("mine") }).seq;
    expect(store.changesSince(own - 1, { except: own }).nodes[0]?.stale).toEqual([]);
    // Another child wrote to the same piece before, and who writes now does not know of it.
    expect(store.changesSince(seq, { except: own }).nodes[0]?.stale).toEqual([1, 2, 4]);
    const next = run({ op: "write", ino: a, offset: 9, data: bytes("also mine") }).seq;
    expect(store.changesSince(own - 1, { except: next }).nodes[0]?.stale).toEqual([0]);
  });

  test("after a restart name no pieces, so that nothing old is used", () => {
    const { home, store, run, file } = open();
    const a = file("a", new Uint8Array(5 * PIECE_BYTES).fill(1));
    const { seq } = store;
    run({ op: "write", ino: a, offset: 0, data: bytes("x") });
    const change = open({}, home)
      .store.changesSince(seq)
      .nodes.find(({ ino }) => ino === a);
    expect(change?.size).toBe(5 * PIECE_BYTES);
    expect(change).not.toHaveProperty("stale");
  });

  test("come in parts that a child puts together, and one that slept too long begins anew", () => {
    const limits = { changesPerAnswer: 10, removedRemembered: 8 };
    const { home, store, run, file } = open(limits);
    const { seq: early } = store;
    for (let at = 0; at < 50; at++) file(`f${at}`);
    for (let at = 0; at < 20; at++) run({ op: "unlink", dir: ROOT, name: `f${at}` });
    for (const opened of [store, open(limits, home).store]) {
      const known = new Map<number, string>();
      let answer = opened.changesSince(early);
      expect(answer.reset).toBe(true);
      let parts = 0;
      for (;;) {
        parts += 1;
        for (const { ino, name } of answer.nodes) known.set(ino, name);
        for (const ino of answer.gone) known.delete(ino);
        if (!answer.more) break;
        if (parts === 2) {
          const { basis = 0, seq } = answer;
          const name = opened.list(ROOT).at(-1)?.name ?? "";
          opened.commit([{ op: "unlink", dir: ROOT, name }], { life: 0, time: 1 });
          answer = opened.changesSince(seq, { basis });
        } else {
          answer = opened.changesSince(answer.seq, answer.basis === undefined ? {} : { basis: answer.basis });
        }
        expect(answer.reset).toBe(false);
      }
      expect(parts).toBeGreaterThan(2);
      expect([...known.values()].sort()).toEqual(["", ...opened.list(ROOT).map(({ name }) => name)].sort());
    }
  });

  test("for a child that knows more than the store has begin anew", () => {
    const { store } = open();
    expect(store.changesSince(store.seq + 5)).toMatchObject({ reset: true, seq: store.seq });
  });
});

describe("a restart", () => {
  test("keeps files, folders, links, times, the seq and which numbers were given out", () => {
    const { home, store, run, file, folder, ino } = open();
    const d = folder("d");
    file("f", "text", d);
    run({ op: "symlink", dir: ROOT, name: "l", ino: ino(), target: "d/f" });
    run({ op: "utime", ino: store.lookup("d/f").ino, mtime: 12345.5 });
    const again = new FileStore(home, { time: 9 });
    expect(again.seq).toBe(store.seq);
    expect(again.list(ROOT)).toEqual(store.list(ROOT));
    expect(again.lookup("l")).toMatchObject({ name: "f", mtime: 12345.5 });
    expect(again.reserve(1)).toBe(store.reserve(1));
  });

  test("forgets what was staged and unlinked files", () => {
    const { home, store, file } = open();
    file("a", "content");
    store.commit([{ op: "unlink", dir: ROOT, name: "a" }], { life: 1, time: 1, holders: new Set([1]) });
    store.stage(1, 1, 0, bytes("staged"), 1);
    expect(home.bytes).toBe(13);
    expect(new FileStore(home, { time: 9 }).bytes).toBe(0);
  });

  test("of rows that contradict each other is refused", () => {
    const { home, file } = open();
    const ino = file("a", "content");
    const row = [...home.nodes()].find((node) => node.ino === ino);
    if (row === undefined) throw new Error("no row");
    home.putNode({ ...row, parent: 77 });
    expect(() => new FileStore(home, { time: 9 })).toThrow(expect.objectContaining({ code: "FILE_STORE_DAMAGED" }));
  });
});

describe("the application's files", () => {
  const first = baseFromFiles("1", {
    "index.php": bytes("<?php 1"),
    "lib/a.php": bytes("a1"),
    "lib/b.php": bytes("b1"),
  });
  const openWith = (base: typeof first, home = new MemoryHome()) => {
    const store = new FileStore(home, { base, time: 1000 });
    const content = (path: string) => text(store.read(store.lookup(path).ino, 0, 100));
    const run = (...operations: FileOperation[]) => store.commit(operations, { life: 0, time: 2000 });
    return { home, store, content, run };
  };

  test("are there, and take no room until they are written", () => {
    const { home, store, content, run } = openWith(first);
    const before = home.bytes;
    expect(content("lib/a.php")).toBe("a1");
    const { ino, base } = store.lookup("lib/a.php");
    expect(base).toBe("lib/a.php");
    run({ op: "write", ino, offset: "end", data: bytes("+") });
    expect(content("lib/a.php")).toBe("a1+");
    expect(store.stat(ino).base).toBeUndefined();
    expect(home.bytes - before).toBe(3);
    expect(openWith(first, home).content("lib/a.php")).toBe("a1+");
  });

  test("can be deleted, and stay deleted after a restart and with the next build", () => {
    const { home, run, store } = openWith(first);
    run({ op: "unlink", dir: store.lookup("lib").ino, name: "a.php" });
    const second = baseFromFiles("2", {
      "index.php": bytes("<?php 2"),
      "lib/a.php": bytes("a2"),
      "lib/b.php": bytes("b2"),
    });
    for (const base of [first, second]) expect(() => openWith(base, home).store.lookup("lib/a.php")).toThrow("ENOENT");
  });

  test("of the next build take the place of those that nobody touched; what was made, changed or moved stays", () => {
    const { home, run, store } = openWith(first);
    const made = store.reserve(2);
    const lib = store.lookup("lib").ino;
    run(
      { op: "write", ino: store.lookup("index.php").ino, offset: 0, data: bytes("<?PHP") },
      { op: "create", dir: lib, name: "mine.php", ino: made, mode: 0o644 },
      { op: "rename", dir: lib, name: "b.php", toDir: ROOT, toName: "moved.php" },
    );
    const second = baseFromFiles(
      "2",
      {
        "index.php": bytes("<?php 2"),
        "lib/a.php": bytes("second"),
        "lib/mine.php": bytes("theirs"),
        "new/n.php": bytes("n"),
      },
      5000,
    );
    const next = openWith(second, home);
    expect(next.content("index.php")).toBe("<?PHP 1");
    expect(next.content("lib/a.php")).toBe("second");
    expect(next.content("lib/mine.php")).toBe("");
    expect(next.content("moved.php")).toBe("b1");
    expect(next.content("new/n.php")).toBe("n");
    const third = baseFromFiles("3", { "index.php": bytes("<?php 3") });
    const last = openWith(third, home);
    expect(last.store.list(last.store.lookup("lib").ino).map(({ name }) => name)).toEqual(["mine.php"]);
    expect(() => last.store.lookup("new")).toThrow("ENOENT");
    expect(last.store.seq).toBeGreaterThan(next.store.seq);
  });

  test("moved with their folder keep their content whatever comes", () => {
    const { home, run, content } = openWith(first);
    run({ op: "rename", dir: ROOT, name: "lib", toDir: ROOT, toName: "old" });
    expect(content("old/b.php")).toBe("b1");
    const next = openWith(baseFromFiles("2", { "lib/b.php": bytes("b2") }), home);
    expect(next.content("old/b.php")).toBe("b1");
    expect(() => next.store.lookup("lib")).toThrow("ENOENT");
  });
});
