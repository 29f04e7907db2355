// The home of a page's files: whole or not at all, wherever it is stopped.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FileHome, type FileOperation, FileStore, MemoryHome, PIECE_BYTES, ROOT } from "../../../src/fs/index.ts";
import { OpfsHome } from "../../../src/platform/browser/opfs-home.ts";
import { FakeDisk, Stopped } from "./fake-disk.ts";

const OWNERS = [0, 2, 3, 4, -1];

/** A change of one row or piece. */
type Step = (home: FileHome) => void;

/** Numbers that look like chance, the same ones for the same seed. */
function chances(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** A transaction: a few steps, of which the last may be one that throws. */
function transaction(
  chance: () => number,
  turn: number,
): { readonly steps: readonly Step[]; readonly throws: boolean } {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(chance() * of.length)] as T;
  const steps = Array.from({ length: 1 + Math.floor(chance() * 6) }, (): Step => {
    const owner = pick(OWNERS);
    const index = Math.floor(chance() * 3);
    switch (Math.floor(chance() * 9)) {
      case 0:
        return (home) => home.setValue(pick(["a", "b"]), `value ${turn}`);
      case 1:
        return (home) => home.putNode(node(2 + (turn % 3), turn));
      case 2:
        return (home) => home.removeNode(2 + (turn % 3), turn);
      case 3:
        return (home) => home.putBatch({ life: turn % 4, batch: turn, answer: "{}" });
      case 4:
        return (home) => home.movePiece(owner, index, pick(OWNERS), 1);
      case 5:
        return (home) => home.removePieces(owner, index);
      case 6:
        return (home) => {
          home.forgetRemoved(turn - 3);
          home.forgetBatches(turn % 2);
        };
      default: {
        const bytes = new Uint8Array(1 + Math.floor(chance() * 9000)).fill(turn % 256);
        return (home) => home.putPiece(owner, index, bytes);
      }
    }
  });
  return { steps, throws: chance() < 0.15 };
}

function node(ino: number, seq: number) {
  const rest = { mode: 0o644, size: 1, mtime: seq, ctime: seq, version: seq, seq };
  return { ino, parent: ROOT, name: `n${ino}`, type: "file" as const, ...rest };
}

function run(home: FileHome, { steps, throws }: ReturnType<typeof transaction>): void {
  try {
    home.transaction(() => {
      for (const step of steps) step(home);
      if (throws) throw new RangeError("refused");
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}

function dump(home: FileHome): unknown {
  const pieces = OWNERS.flatMap((owner) =>
    [0, 1, 2].map((index) => {
      const bytes = home.getPiece(owner, index);
      return bytes === undefined
        ? ""
        : `${bytes.length} ${bytes[0]} ${bytes.at(-1)} ${bytes.every((b) => b === bytes[0])}`;
    }),
  );
  return {
    values: ["a", "b"].map((name) => home.getValue(name)),
    nodes: [...home.nodes()].sort((a, b) => a.ino - b.ino),
    removed: [...home.removed()].sort((a, b) => a.ino - b.ino),
    batches: [...home.batches()].sort((a, b) => a.life - b.life),
    pieces,
    bytes: home.bytes,
    each: OWNERS.map((owner) => home.pieceBytes(owner)),
  };
}

/** Runs until the disk stops, opens again, and looks: the last transaction is there as a whole or not at all. */
function stopAndLook(seed: number, stopAt: number, power: boolean): { readonly stopped: boolean } {
  const disk = new FakeDisk(power);
  const chance = chances(seed);
  const model = new MemoryHome();
  let before = dump(model);
  let after = before;
  disk.stopAt = stopAt;
  let stopped = false;
  try {
    const home = new OpfsHome(disk.files);
    for (let turn = 1; turn <= 25; turn++) {
      const next = transaction(chances(seed * 100 + turn), turn);
      const same = transaction(chances(seed * 100 + turn), turn);
      before = dump(model);
      run(model, same);
      after = dump(model);
      run(home, next);
      expect(dump(home)).toEqual(after);
      before = after;
    }
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    stopped = true;
  }
  disk.restart(power ? chance : undefined);
  const again = new OpfsHome(disk.files);
  const found = dump(again);
  if (JSON.stringify(found) !== JSON.stringify(before)) expect(found).toEqual(after);
  // And it goes on.
  run(again, transaction(chances(seed), 99));
  const last = dump(again);
  disk.restart(power ? chance : undefined);
  expect(dump(new OpfsHome(disk.files))).toEqual(last);
  return { stopped };
}

describe("files in a browser", () => {
  test.each([
    ["the page is killed", false],
    ["the power fails", true],
  ])("are whole wherever %s", (_, power) => {
    for (const seed of [1, 2, 3]) {
      for (let stopAt = 1; ; stopAt++) if (!stopAndLook(seed, stopAt, power).stopped) break;
    }
  });

  test("are whole in any order of changes", () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 150 }), fc.boolean(), (seed, stopAt, power) => {
        stopAndLook(seed, stopAt, power);
      }),
      { numRuns: 150 },
    );
  });

  test("are as before when there is no room, and go on when there is", () => {
    const disk = new FakeDisk();
    const store = new FileStore(new OpfsHome(disk.files), { time: 1 });
    const ino = store.reserve(2);
    const write = (byte: number): FileOperation[] => [
      { op: "write", ino, offset: 0, data: new Uint8Array(3 * PIECE_BYTES).fill(byte) },
    ];
    const commit = (operations: readonly FileOperation[]) => store.commit(operations, { life: 0, time: 1 });
    commit([{ op: "create", dir: ROOT, name: "f", ino, mode: 0o644 }, ...write(1)]);
    const calls = disk.calls;
    commit(write(2));
    const each = disk.calls - calls;
    for (let at = 1; at <= each; at++) {
      disk.fullAt = disk.calls + at;
      // The last call is a flush, for which there is always room.
      if (at < each) expect(() => commit(write(3))).toThrow(expect.objectContaining({ errno: "ENOSPC" }));
      disk.fullAt = undefined;
      expect(store.read(ino, 2 * PIECE_BYTES, 1)).toEqual(Uint8Array.of(2));
    }
    commit(write(4));
    const again = new FileStore(new OpfsHome(disk.files), { time: 1 });
    expect(again.read(ino, PIECE_BYTES, 1)).toEqual(Uint8Array.of(4));
  });

  test("take no more room than they need, and their journal is made anew", () => {
    const disk = new FakeDisk();
    const home = new OpfsHome(disk.files);
    const store = new FileStore(home, { time: 1 });
    const ino = store.reserve(8);
    const names = Array.from({ length: 8 }, (_, at) => `${at}${"f".repeat(250)}`);
    const commit = (operations: readonly FileOperation[]) => store.commit(operations, { life: 0, time: 1 });
    commit(names.map((name, at) => ({ op: "create", dir: ROOT, name, ino: ino + at, mode: 0o644 })));
    for (let turn = 0; turn < 1200; turn++) {
      const data = new Uint8Array(100 + ((turn * 37) % 9000)).fill(turn);
      commit(names.map((_, at) => ({ op: "write", ino: ino + at, offset: 0, data })));
    }
    const { journals, pieces } = disk.files;
    expect(pieces.getSize()).toBeLessThan(500_000);
    expect(Math.min(...journals.map((file) => file.getSize()))).toBeGreaterThan(0);
    expect(Math.max(...journals.map((file) => file.getSize()))).toBeLessThan(3 * 1024 * 1024);
    const again = new FileStore(new OpfsHome(disk.files), { time: 1 });
    expect(again.lookup(names[0] ?? "").seq).toBe(store.seq);
    expect(again.read(ino, 0, 1)).toEqual(Uint8Array.of(1199 % 256));
  });

  test("are forgotten as a whole, wherever that is stopped", () => {
    for (let at = 1; ; at++) {
      const disk = new FakeDisk();
      const home = new OpfsHome(disk.files);
      run(home, transaction(chances(1), 1));
      run(home, { steps: [(one) => one.putPiece(2, 0, new Uint8Array(5000).fill(7))], throws: false });
      const before = dump(home);
      const calls = disk.calls;
      disk.stopAt = calls + at;
      try {
        home.clear();
      } catch (error) {
        if (!(error instanceof Stopped)) throw error;
      }
      const finished = disk.calls < calls + at;
      disk.restart(undefined);
      const empty = dump(new OpfsHome(new FakeDisk().files));
      const found = dump(new OpfsHome(disk.files));
      expect([JSON.stringify(before), JSON.stringify(empty)]).toContain(JSON.stringify(found));
      if (!finished) continue;
      expect(found).toEqual(empty);
      // The store of before does not know: what it writes must not get in between.
      expect(() => home.transaction(() => home.setValue("a", "late"))).toThrow("reset");
      expect(dump(new OpfsHome(disk.files))).toEqual(empty);
      break;
    }
  });

  test("of a later release are not touched; without their journal they are said to be damaged", () => {
    const disk = new FakeDisk();
    new OpfsHome(disk.files).transaction(() => {});
    const [first] = disk.files.journals;
    disk.files.pieces.write(Uint8Array.of(1), { at: 0 });
    first.write(Uint8Array.of(0), { at: 3 });
    expect(() => new OpfsHome(disk.files)).toThrow(expect.objectContaining({ code: "FILE_STORE_DAMAGED" }));
  });
});
