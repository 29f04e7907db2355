// The protocol, message by message. Faults of all kinds: faults.test.ts.

import { describe, expect, test } from "vitest";
import {
  baseFromFiles,
  type ChildMessage,
  type FileOperation,
  FileService,
  type FileServiceOptions,
  MemoryHome,
  PIECE_BYTES,
  ROOT,
  type StoreAnswer,
} from "../../src/fs/index.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data);

function open(options: Partial<FileServiceOptions> = {}, home = new MemoryHome()) {
  const service = new FileService(home, { time: 1000, ...options });
  const child = (key: string) => {
    const welcome = service.hello(key);
    if (welcome.type !== "welcome") throw new Error(JSON.stringify(welcome));
    let batch = 0;
    let next = welcome.inodes.first;
    /** Sends; gives the answer, or undefined while it waits, and then calls `later`. */
    const ask = (message: ChildMessage, later?: (answer: StoreAnswer) => void, time = 2000) => {
      let answer: StoreAnswer | undefined;
      service.receive(welcome.life, message, time, (told) => {
        answer = told;
        later?.(told);
      });
      return answer;
    };
    const commit = (
      operations: readonly FileOperation[],
      extra: object = {},
    ): Extract<ChildMessage, { type: "commit" }> => {
      return { type: "commit", batch: ++batch, since: 0, time: 2000, operations, ...extra };
    };
    return { ...welcome, ask, commit, ino: () => next++ };
  };
  return { service, home, child };
}

const create = (name: string, ino: number): FileOperation => ({ op: "create", dir: ROOT, name, ino, mode: 0o600 });
const write = (ino: number, content: string): FileOperation => ({ op: "write", ino, offset: 0, data: bytes(content) });
const exclusive = (ino: number, handle = 1) => ({ family: "flock", ino, handle, type: "exclusive" }) as const;

describe("a session", () => {
  test("that is new takes one message to make, lock and read, and one to write and unlock", () => {
    const { child, service } = open();
    const a = child("a");
    const ino = a.ino();
    const first = a.ask(a.commit([create("sess", ino)], { lock: { lock: exclusive(ino), wait: 1000, have: 0 } }));
    expect(first).toMatchObject({ type: "committed", lock: { outcome: "granted", content: { bytes: bytes("") } } });
    const last = a.ask(a.commit([write(ino, "n|i:1;")], { unlock: [exclusive(ino)] }));
    expect(last).toMatchObject({ type: "committed", seq: service.store.seq });
    expect(service.locks.held).toBe(0);
  });

  test("that two children make at once is one file: the second gets its number, waits for it, and reads what the first wrote", () => {
    const { child } = open();
    const [a, b] = [child("a"), child("b")];
    const [mine, other] = [a.ino(), b.ino()];
    a.ask(a.commit([create("sess", mine)], { lock: { lock: exclusive(mine), wait: 1000, have: 0 } }));
    let later: StoreAnswer | undefined;
    const waiting = b.commit([create("sess", other)], { lock: { lock: exclusive(other), wait: 1000, have: 0 } });
    expect(b.ask(waiting, (answer) => (later = answer))).toBeUndefined();
    a.ask(a.commit([write(mine, "from a")], { unlock: [exclusive(mine)] }));
    expect(later).toMatchObject({ type: "committed", aliases: [[other, mine]], lock: { outcome: "granted" } });
    const { lock, changes } = later as Extract<StoreAnswer, { type: "committed" }>;
    expect(text(lock?.content?.bytes)).toBe("from a");
    expect(changes.nodes.map(({ name }) => name)).toContain("sess");
  });

  test("brings no content along that the child has already, or that is long", () => {
    const { child, service } = open();
    const a = child("a");
    const [ino, large] = [a.ino(), a.ino()];
    a.ask(a.commit([create("s", ino), write(ino, "x"), create("l", large)]));
    a.ask(a.commit([{ op: "write", ino: large, offset: PIECE_BYTES, data: bytes("x") }]));
    const { version } = service.store.stat(ino);
    for (const [number, have] of [
      [ino, version],
      [large, 0],
    ] as const) {
      const answer = a.ask({ type: "lock", since: 0, wish: { lock: exclusive(number), wait: 0, have } });
      expect(answer).toMatchObject({ type: "locked", lock: { outcome: "granted" } });
      expect((answer as Extract<StoreAnswer, { type: "locked" }>).lock).not.toHaveProperty("content");
    }
  });
});

describe("a commit", () => {
  test("that is sent again is answered again, with what is new by then, and not applied again", () => {
    const { child, service } = open();
    const [a, b] = [child("a"), child("b")];
    const ino = a.ino();
    const message = a.commit([create("log", ino), { op: "write", ino, offset: "end", data: bytes("x") }]);
    const first = a.ask(message) as Extract<StoreAnswer, { type: "committed" }>;
    b.ask(b.commit([create("other", b.ino())]));
    const again = a.ask(message) as Extract<StoreAnswer, { type: "committed" }>;
    expect([again.seq, again.aliases]).toEqual([first.seq, first.aliases]);
    expect(again.changes.seq).toBe(service.store.seq);
    expect(service.store.stat(ino).size).toBe(1);
    expect(a.ask({ ...message, batch: 0 })).toMatchObject({ type: "failed", errno: "EINVAL" });
  });

  test("that failed fails again in the same way, and gives no lock back before what is left of it was applied", () => {
    const { child, service } = open();
    const a = child("a");
    a.ask({ type: "lock", since: 0, wish: { lock: exclusive(ROOT), wait: 0 } });
    const message = a.commit([{ op: "unlink", dir: ROOT, name: "x" }], { unlock: [exclusive(ROOT)] });
    const failed = { type: "failed", errno: "ENOENT", operation: 0, changes: { seq: service.store.seq } };
    expect(a.ask(message)).toMatchObject(failed);
    expect(a.ask(message)).toMatchObject(failed);
    expect(service.locks.held).toBe(1);
    expect(a.ask(a.commit([], { unlock: [exclusive(ROOT)] }))).toMatchObject({ type: "committed" });
    expect(service.locks.held).toBe(0);
  });

  test("uses numbers of its own child only", () => {
    const { child } = open();
    const [a, b] = [child("a"), child("b")];
    expect(a.ask(a.commit([create("x", b.ino())]))).toMatchObject({ errno: "EINVAL" });
    const more = a.ask({ type: "reserve" }) as Extract<StoreAnswer, { type: "inodes" }>;
    expect(a.ask(a.commit([create("x", more.inodes.first + more.inodes.count - 1)]))).toMatchObject({
      type: "committed",
    });
  });

  test("of a life that is over tells what became of it, and what was never applied stays so", () => {
    const { child, service, home } = open();
    const a = child("a");
    const done = a.commit([create("x", a.ino())]);
    const { seq } = a.ask(done) as Extract<StoreAnswer, { type: "committed" }>;
    const never = a.commit([create("y", a.ino())]);
    const ended = { type: "ended", applied: { seq, aliases: [] } };
    const restarted = open({}, home).service;
    for (const other of [service, restarted]) {
      if (other === service) service.end(a.life);
      let answer: StoreAnswer | undefined;
      other.receive(a.life, done, 1, (told) => (answer = told));
      expect(answer).toEqual(ended);
      other.receive(a.life, never, 1, (told) => (answer = told));
      expect(answer).toEqual({ type: "ended" });
      other.receive(a.life, { type: "sync", since: 0 }, 1, (told) => (answer = told));
      expect(answer).toEqual({ type: "ended" });
    }
  });
});

describe("a child's life", () => {
  test("begins anew with the same key: what the one before held is free, and numbers differ", () => {
    const { child, service } = open();
    const a = child("slot 0");
    a.ask({ type: "lock", since: 0, wish: { lock: exclusive(ROOT), wait: 0 } });
    a.ask({ type: "stage", stage: 1, index: 0, data: bytes("x") });
    const again = child("slot 0");
    expect([service.lives, service.locks.held, service.store.bytes]).toEqual([1, 0, 0]);
    expect(again.inodes.first).toBeGreaterThanOrEqual(a.inodes.first + a.inodes.count);
    expect(a.ask({ type: "sync", since: 0 })).toEqual({ type: "ended" });
  });

  test("keeps unlinked files only while it is at work and has not said that it has them closed", () => {
    const { child, service } = open();
    const [a, b, idle] = [child("a"), child("b"), child("idle")];
    idle.ask({ type: "rest" });
    const ino = a.ino();
    a.ask(a.commit([create("x", ino), write(ino, "content")]));
    a.ask(a.commit([{ op: "unlink", dir: ROOT, name: "x" }], { drop: [ino] }));
    const { version } = service.store.stat(ino);
    expect(b.ask({ type: "read", ino, version, offset: 0, length: 9 })).toMatchObject({ bytes: bytes("content") });
    b.ask({ type: "unlock", unlock: [], drop: [ino] });
    expect(b.ask({ type: "read", ino, version, offset: 0, length: 9 })).toMatchObject({
      type: "failed",
      errno: "ENOENT",
    });
    expect(service.store.bytes).toBe(0);
    expect(service.begin(idle.life)).toBe(service.store.seq);
    expect(service.holders()).toContain(idle.life);
  });

  test("is one of a bounded number", () => {
    const { child, service } = open({ limits: { lives: 2 } });
    child("a");
    child("b");
    expect(service.hello("c")).toMatchObject({ type: "failed", errno: "EAGAIN" });
    service.end(1);
    expect(service.hello("c")).toMatchObject({ type: "welcome" });
  });

  test("that stages and never uses it loses that after a while", () => {
    const { child, service } = open({ stageAge: 1000 });
    const a = child("a");
    a.ask({ type: "stage", stage: 1, index: 0, data: bytes("x") });
    service.expire(2999);
    expect(service.store.bytes).toBe(1);
    service.expire(3001);
    expect(service.store.bytes).toBe(0);
  });
});

test("a message that comes when it was sent again and others came after it is not done", () => {
  const { child, service } = open();
  const a = child("a");
  const lock: ChildMessage = { type: "lock", since: 0, wish: { lock: exclusive(ROOT), wait: 0 } };
  const unlock: ChildMessage = { type: "unlock", unlock: [exclusive(ROOT)] };
  const send = (turn: number, message: ChildMessage): [string | undefined, number] => {
    let type: string | undefined;
    service.receive(
      a.life,
      message,
      2000,
      (answer) => {
        type = answer.type;
      },
      turn,
    );
    return [type, service.locks.held];
  };
  expect(send(1, lock)).toEqual(["locked", 1]);
  expect(send(4, unlock)).toEqual(["done", 0]);
  expect(send(5, lock)).toEqual(["locked", 1]);
  expect(send(3, unlock)).toEqual(["failed", 1]);
  expect(send(6, unlock)).toEqual(["done", 0]);
  expect(send(2, lock)).toEqual(["failed", 0]);
  // Another life counts anew.
  const b = child("b");
  service.receive(b.life, lock, 2000, (answer) => expect(answer.type).toBe("locked"), 1);
});

test("which lock stands in the way is told", () => {
  const { child } = open();
  const [a, b] = [child("a"), child("b")];
  const lock = { family: "range", ino: ROOT, start: 5, end: 9, type: "exclusive" } as const;
  a.ask({ type: "lock", since: 0, wish: { lock, wait: 0 } });
  expect(b.ask({ type: "test-lock", lock })).toEqual({
    type: "conflict",
    conflict: { life: a.life, type: "exclusive", start: 5, end: 9 },
  });
  expect(a.ask({ type: "test-lock", lock })).toEqual({ type: "conflict", conflict: undefined });
});

test("what is no message fails and changes nothing", () => {
  const { child, service } = open({ base: baseFromFiles("1", { a: bytes("a") }) });
  const a = child("a");
  const { seq, bytes: used } = service.store;
  const messages = [
    { type: "nonsense" },
    { type: "commit", batch: 1, since: 0, time: 1, operations: [{ op: "nonsense" }] },
    { type: "commit", batch: 2, since: 0, time: 1, operations: [{ op: "create", dir: ROOT, name: 5, ino: a.ino() }] },
    { type: "commit", batch: 3, since: 0, time: Number.NaN, operations: [] },
    { type: "commit", batch: "x", since: 0, time: 1, operations: [] },
    { type: "read", ino: ROOT, version: 1, offset: 0, length: 1 },
    { type: "read", ino: 2, version: service.store.stat(2).version, offset: -1, length: 1 },
    { type: "stage", stage: 1, index: 0.5, data: bytes("x") },
    { type: "lock", since: 0, wish: { lock: { family: "flock", ino: 1, handle: 1, type: "other" }, wait: 0 } },
  ];
  for (const message of messages) expect(a.ask(message as ChildMessage)).toMatchObject({ type: "failed" });
  expect([service.store.seq, service.store.bytes, service.locks.held]).toEqual([seq, used, 0]);
});
