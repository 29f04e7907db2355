// A child's client beside a service: messages in order, sent again, and what answers mean.

import { describe, expect, test } from "vitest";
import {
  CommitError,
  FileClient,
  FileError,
  FileService,
  MemoryHome,
  PIECE_BYTES,
  ROOT,
  type SendToStore,
} from "../../src/fs/index.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A client, and what its wire does with the next messages. */
async function open(plan: ("lost" | "answer-lost")[] = []) {
  const service = new FileService(new MemoryHome(), { time: 1 });
  const sent: string[] = [];
  const send: SendToStore = ({ life, message }) => {
    sent.push(message.type);
    const fate = message.type === "hello" ? undefined : plan.shift();
    if (fate === "lost") return Promise.reject(new Error("lost"));
    return new Promise((resolve, reject) => {
      service.receive(life, message, 1, fate === "answer-lost" ? () => reject(new Error("lost")) : resolve);
    });
  };
  return { service, sent, client: await FileClient.begin(send, "one", [1, 1]) };
}

const create = (ino: number, name: string) => ({ op: "create" as const, dir: ROOT, name, ino, mode: 0o644 });

describe("a client", () => {
  test("does a commit once whose answer got lost", async () => {
    const { client, service, sent } = await open(["answer-lost"]);
    const ino = client.takeInode() ?? 0;
    await client.commit(
      () => ({ operations: [create(ino, "a"), { op: "write", ino, offset: "end", data: bytes("x") }] }),
      () => {},
    );
    expect(sent).toEqual(["hello", "commit", "commit"]);
    expect(service.store.stat(ino).size).toBe(1);
  });

  test("gives locks back with the lock that it asks for right behind", async () => {
    const { client, service, sent } = await open(["answer-lost"]);
    const range = { family: "range", ino: ROOT, start: 0, end: 9 } as const;
    const lock = (end: number) =>
      client.lock(
        () => ({ lock: { ...range, end, type: "shared" }, wait: 0 }),
        () => {},
      );
    await Promise.all([lock(9), client.unlock([range]), lock(3)]);
    expect(sent.splice(0)).toEqual(["hello", "lock", "lock", "lock"]);
    const wanted = { ...range, start: 3, type: "exclusive" } as const;
    expect(service.locks.conflict(0, wanted)).toBeUndefined();
    await Promise.all([client.unlock([range]), client.sync(0, undefined), lock(9)]);
    expect(sent.splice(0)).toEqual(["unlock", "sync", "lock"]);
    await client.unlock([range]);
    expect([sent, service.locks.held]).toEqual([["unlock"], 0]);
  });

  test("fails both when the lock that takes others along cannot be asked for", async () => {
    const { client } = await open(["lost", "lost", "lost"]);
    const range = { family: "range", ino: ROOT, start: 0, end: 9 } as const;
    const given = client.unlock([range]);
    const taken = client.lock(
      () => ({ lock: { ...range, type: "shared" }, wait: 0 }),
      () => {},
    );
    const ends = await Promise.allSettled([given, taken]);
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  test("gives up when nothing is answered, each time it was to try", async () => {
    const { client, sent } = await open(["lost", "lost", "lost"]);
    await expect(client.sync(0, undefined)).rejects.toThrow("lost");
    expect(sent.filter((type) => type === "sync").length).toBe(3);
    // What comes next is not held up.
    expect((await client.sync(0, undefined)).nodes.length).toBe(1);
  });

  test("tells which operation failed, and what is new", async () => {
    const { client } = await open();
    const ino = client.takeInode() ?? 0;
    const failed = client.commit(
      () => ({ operations: [create(ino, "a"), { op: "unlink", dir: ROOT, name: "none" }] }),
      () => {},
    );
    await expect(failed).rejects.toBeInstanceOf(CommitError);
    await expect(failed).rejects.toMatchObject({ errno: "ENOENT", operation: 1, changes: { reset: false } });
  });

  test("sends messages one after the other, and prepares a batch when it is its turn", async () => {
    const { client } = await open();
    const order: string[] = [];
    const commit = (name: string) =>
      client.commit(
        () => {
          order.push(`prepared ${name}`);
          return { operations: [] };
        },
        () => order.push(`committed ${name}`),
      );
    await Promise.all([commit("one"), commit("two")]);
    expect(order).toEqual(["prepared one", "committed one", "prepared two", "committed two"]);
  });

  test("reads what it has staged, filled up with zeros, until it is used or given up", async () => {
    const { client, service } = await open();
    const stage = client.staging.next();
    await client.staging.put(stage, 3, bytes("tail"));
    const read = await client.readStage(stage, 2, 2);
    expect([read.length, new TextDecoder().decode(read.subarray(PIECE_BYTES, PIECE_BYTES + 4))]).toEqual([
      2 * PIECE_BYTES,
      "tail",
    ]);
    const ino = client.takeInode() ?? 0;
    const data = { stage, length: 3 * PIECE_BYTES + 4, sparse: true };
    await client.commit(
      () => ({ operations: [create(ino, "a"), { op: "write", ino, offset: 0, data }] }),
      () => {},
    );
    expect(service.store.stat(ino).size).toBe(3 * PIECE_BYTES + 4);
    expect(new TextDecoder().decode(service.store.read(ino, 3 * PIECE_BYTES - 1, 9))).toBe("\0tail");
    await expect(client.readStage(stage, 0, 1)).rejects.toBeInstanceOf(FileError);
    const other = client.staging.next();
    await client.staging.put(other, 0, bytes("never"));
    await client.discard(other);
    expect(service.store.bytes).toBe(4);
  });

  test("is told what room there is", async () => {
    const { client, service } = await open();
    const { room } = await client.sync(0, undefined);
    expect(room).toEqual({ bytes: service.store.limits.totalBytes, nodes: service.store.limits.nodes - 1 });
  });

  test("leaves pieces of a file as they are that a sparse write does not have", async () => {
    const { client, service } = await open();
    const ino = client.takeInode() ?? 0;
    const old = new Uint8Array(3 * PIECE_BYTES).fill(1);
    await client.commit(
      () => ({ operations: [create(ino, "a"), { op: "write", ino, offset: 0, data: old }] }),
      () => {},
    );
    const stage = client.staging.next();
    await client.staging.put(stage, 1, new Uint8Array(PIECE_BYTES).fill(2));
    const data = { stage, length: 3 * PIECE_BYTES, sparse: true };
    await client.commit(
      () => ({ operations: [{ op: "write", ino, offset: 0, data }] }),
      () => {},
    );
    const now = [0, 1, 2].map((index) => service.store.read(ino, index * PIECE_BYTES + 9, 1)[0]);
    expect(now).toEqual([1, 2, 1]);
  });
});
