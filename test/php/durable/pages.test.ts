// A large file's pieces in memory, and what becomes of its changes in a batch.

import { describe, expect, test } from "vitest";
import { PIECE_BYTES } from "../../../src/fs/index.ts";
import { Content, LONG, runs } from "../../../src/php/durable/content.ts";
import { Dirty } from "../../../src/php/durable/dirty.ts";
import type { MemoryNode } from "../../../src/php/durable/memory-node.ts";
import { PageCache } from "../../../src/php/durable/page-cache.ts";
import { Pages } from "../../../src/php/durable/pages.ts";

const bytes = (length: number, byte: number) => new Uint8Array(length).fill(byte);
const failure = (errno: number) => Object.assign(new Error(`errno ${errno}`), { errno });

/** A file of the store with so many bytes, none of them in memory. */
function file(size: number, most = 100 * PIECE_BYTES) {
  const cache = new PageCache(most);
  const pages = new Pages(cache, size, failure);
  const node = { usedBytes: size } as MemoryNode;
  return { cache, pages, node };
}

describe("pieces", () => {
  test("that are missing end a read, and fail one that begins with them", () => {
    const { pages, node } = file(3 * PIECE_BYTES);
    pages.put(0, bytes(PIECE_BYTES, 1));
    const target = new Uint8Array(2 * PIECE_BYTES);
    expect(pages.read(node, target, 0, target.length, 10)).toBe(PIECE_BYTES - 10);
    expect(() => pages.read(node, target, 0, 10, PIECE_BYTES)).toThrow("errno 29");
    expect(pages.read(node, target, 0, 10, 3 * PIECE_BYTES)).toBe(0);
  });

  test("that nobody has are zeros", () => {
    const { pages, node } = file(0);
    pages.resize(node, 2 * PIECE_BYTES);
    const target = bytes(20, 9);
    expect(pages.read(node, target, 0, 20, PIECE_BYTES - 10)).toBe(20);
    expect(target).toEqual(bytes(20, 0));
  });

  test("are needed before a write that changes them in part", () => {
    const { pages, node } = file(3 * PIECE_BYTES);
    expect(pages.needed(0, PIECE_BYTES)).toEqual([]);
    expect(pages.needed(5, 2 * PIECE_BYTES + 5)).toEqual([0, 2]);
    expect(pages.needed(3 * PIECE_BYTES, 3 * PIECE_BYTES + 5)).toEqual([]);
    expect(() => pages.write(node, bytes(10, 1), 0, 10, 5)).toThrow("errno 29");
  });

  test("that were used last stay when there are too many, and those that were written all", () => {
    const { cache, pages, node } = file(10 * PIECE_BYTES, 2 * PIECE_BYTES);
    for (let index = 0; index < 5; index++) pages.put(index, bytes(PIECE_BYTES, index));
    pages.write(node, bytes(PIECE_BYTES, 7), 0, PIECE_BYTES, 0);
    pages.read(node, new Uint8Array(1), 0, 1, PIECE_BYTES);
    cache.trim();
    expect([0, 1, 2, 3, 4].filter((index) => pages.has(index))).toEqual([0, 1, 4]);
    expect([cache.bytes, cache.dirtyBytes]).toEqual([3 * PIECE_BYTES, PIECE_BYTES]);
    pages.handedOver(10 * PIECE_BYTES);
    cache.trim(0);
    expect(cache.bytes).toBe(0);
  });

  test("that were sent ahead, cut off and are there again are zeros", () => {
    const { pages, node } = file(0);
    pages.write(node, bytes(2 * PIECE_BYTES, 5), 0, 2 * PIECE_BYTES, 0);
    pages.stage = 1;
    for (const index of [0, 1]) pages.sent(index);
    pages.resize(node, 10);
    pages.resize(node, PIECE_BYTES + 3);
    expect(pages.source(1)).toBe("nowhere");
    const unsent = pages.unsent(PIECE_BYTES + 3);
    expect([...unsent.keys()]).toEqual([0, 1]);
    expect(unsent.get(0)?.subarray(8, 12)).toEqual(Uint8Array.of(5, 5, 0, 0));
    expect(unsent.get(1)).toEqual(bytes(3, 0));
  });

  test("that another child changed are forgotten, but for those that were written here", () => {
    const { pages, node } = file(4 * PIECE_BYTES);
    for (let index = 0; index < 4; index++) pages.put(index, bytes(PIECE_BYTES, index));
    pages.write(node, bytes(PIECE_BYTES, 8), 0, PIECE_BYTES, PIECE_BYTES);
    pages.changed(3 * PIECE_BYTES, [0, 1]);
    expect([0, 1, 2, 3].filter((index) => pages.has(index))).toEqual([1, 2]);
    pages.changed(3 * PIECE_BYTES, "all");
    expect([0, 1, 2, 3].filter((index) => pages.has(index))).toEqual([1]);
  });
});

describe("changes of a large file", () => {
  const staged: [number, number, number][] = [];
  const staging = {
    next: () => 7,
    put: async (stage: number, index: number, data: Uint8Array) => {
      staged.push([stage, index, data.length]);
    },
  };

  test("go as they are when they are few", () => {
    const { pages, node } = file(5 * PIECE_BYTES);
    const dirty = new Dirty();
    pages.put(0, bytes(PIECE_BYTES, 0));
    pages.write(node, bytes(3, 1), 0, 3, 10);
    dirty.written(10, 13, false);
    const content = dirty.largeContent(pages, 5 * PIECE_BYTES, 5 * PIECE_BYTES);
    expect(content.operations(4)).toEqual([{ op: "write", ino: 4, offset: 10, data: bytes(3, 1) }]);
  });

  test("go to the end, wherever it is, when something was only added", () => {
    const { pages, node } = file(PIECE_BYTES);
    const dirty = new Dirty();
    pages.write(node, bytes(3, 1), 0, 3, PIECE_BYTES);
    dirty.written(PIECE_BYTES, PIECE_BYTES + 3, true);
    const content = dirty.largeContent(pages, PIECE_BYTES + 3, PIECE_BYTES);
    expect(content.operations(4)).toEqual([{ op: "write", ino: 4, offset: "end", data: bytes(3, 1) }]);
  });

  test("are sent ahead as pieces when they are many, and cut and lengthen in the right order", async () => {
    const { pages, node } = file(LONG);
    const dirty = new Dirty();
    pages.resize(node, 0);
    dirty.resized(0, LONG);
    const length = LONG + 5;
    pages.write(node, bytes(length, 2), 0, length, 2 * PIECE_BYTES);
    dirty.written(2 * PIECE_BYTES, 2 * PIECE_BYTES + length, false);
    pages.resize(node, 2 * LONG);
    const content = dirty.largeContent(pages, 2 * LONG, LONG);
    await content.sendAhead(staging);
    expect(staged).toEqual([
      [7, 2, LONG],
      [7, 18, PIECE_BYTES],
    ]);
    expect(content.operations(4)).toEqual([
      { op: "truncate", ino: 4, size: 0 },
      { op: "write", ino: 4, offset: 0, data: { stage: 7, length: 2 * LONG, sparse: true } },
      { op: "truncate", ino: 4, size: 2 * LONG },
    ]);
    expect(pages.stage).toBeUndefined();
  });

  test("that follow each other travel together, up to 1 MiB", () => {
    const pieces = new Map([5, 6, 9].map((index) => [index, bytes(PIECE_BYTES, index)] as const));
    expect([...runs(pieces)].map(([first, run]) => [first, run.length])).toEqual([
      [5, 2 * PIECE_BYTES],
      [9, PIECE_BYTES],
    ]);
    expect(new Content(undefined, [], undefined).operations(1)).toEqual([]);
  });
});
