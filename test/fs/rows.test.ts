// The rows in a Durable Object's database: what it takes, and what an older release does with those of a later one.

import { describe, expect, test } from "vitest";
import { baseFromFiles, type FileOperation, FileService, FileStore, PIECE_BYTES, ROOT } from "../../src/fs/index.ts";
import { NodeStorage, sqlHome } from "./sqlite.ts";

describe("rows", () => {
  test("stay below 2 MB: an application of 20,000 long names, a batch of 8 MiB, 1,024 files that were there already", () => {
    const storage = new NodeStorage();
    const paths = Array.from({ length: 20_000 }, (_, at) => `folder${at % 50}/${"n".repeat(120)}${at}.php`);
    const base = baseFromFiles("1", Object.fromEntries(paths.map((path) => [path, new Uint8Array(3)])));
    const service = new FileService(sqlHome(storage), { time: 1, base });
    expect(service.store.nodes).toBe(20_000 + 50 + 1);
    const commit = (operations: readonly FileOperation[], key: string) => {
      const welcome = service.hello(key);
      if (welcome.type !== "welcome") throw new Error(welcome.type);
      let told: unknown;
      const moved = operations.map((one) =>
        "ino" in one && one.op !== "unlink" ? { ...one, ino: (one.ino ?? 0) + welcome.inodes.first } : one,
      );
      const message = { type: "commit" as const, batch: 1, since: 1e9, time: 1, operations: moved as FileOperation[] };
      service.receive(welcome.life, message, 1, (answer) => {
        told = answer;
      });
      return told;
    };
    const large: FileOperation[] = [
      { op: "create", dir: ROOT, name: "large", ino: 0, mode: 0o644 },
      { op: "write", ino: 0, offset: 77, data: new Uint8Array(8 * 1024 * 1024) },
    ];
    expect(commit(large, "a")).toMatchObject({ type: "committed" });
    const names = Array.from(
      { length: 1024 },
      (_, ino): FileOperation => ({ op: "create", dir: ROOT, name: `f${ino}`, ino, mode: 0 }),
    );
    expect(commit(names, "b")).toMatchObject({ type: "committed", aliases: [] });
    expect(commit(names, "c")).toMatchObject({ type: "committed", aliases: { length: 1024 } });
    // The same build again: nothing is written anew. A part of it gone: what nobody touched is gone too.
    const { seq } = service.store;
    expect(new FileStore(sqlHome(storage), { time: 2, base }).seq).toBe(seq);
    const next = baseFromFiles("2", { [paths[0] ?? ""]: new Uint8Array(4) });
    expect(new FileStore(sqlHome(storage), { time: 2, base: next }).nodes).toBe(1 + 2 + 1 + 1024);
    storage.close();
  });

  test("of pieces are as many as a file needs, and go with it", () => {
    const storage = new NodeStorage();
    const store = new FileStore(sqlHome(storage), { time: 1 });
    const ino = store.reserve(1);
    const run = (...operations: FileOperation[]) => store.commit(operations, { life: 0, time: 1 });
    run({ op: "create", dir: ROOT, name: "f", ino, mode: 0o644 });
    run({ op: "write", ino, offset: 3 * PIECE_BYTES, data: new Uint8Array(PIECE_BYTES + 1) });
    expect([storage.count("fs_piece"), storage.count("fs_chunk"), store.bytes]).toEqual([2, 2, PIECE_BYTES + 1]);
    run({ op: "truncate", ino, size: 3 * PIECE_BYTES + 1 });
    expect([storage.count("fs_piece"), storage.count("fs_chunk"), store.bytes]).toEqual([1, 1, 1]);
    run({ op: "unlink", dir: ROOT, name: "f" });
    expect([storage.count("fs_piece"), storage.count("fs_chunk"), store.bytes]).toEqual([0, 0, 0]);
    storage.close();
  });

  test("of a later release are not touched", () => {
    const storage = new NodeStorage();
    sqlHome(storage).setValue("schema", "99");
    const before = storage.dump();
    expect(() => sqlHome(storage)).toThrow(expect.objectContaining({ code: "FILE_STORE_VERSION" }));
    expect(storage.dump()).toBe(before);
    storage.close();
  });
});
