// Contents that an interpreter keeps of files that it has read or written, and which it lets go.

import { expect, test } from "vitest";
import type { MemoryNode } from "../../../src/php/durable/memory-node.ts";
import { PageCache } from "../../../src/php/durable/page-cache.ts";
import { LARGE, SharedContents } from "../../../src/php/durable/shared-contents.ts";
import { type SharedNode, sharedNode } from "../../../src/php/durable/shared-node.ts";

/** Files of so many bytes that were read in their order, and how often somebody looks at what is held of them. */
function open(sizes: readonly number[]) {
  const contents = new SharedContents(new PageCache(0), () => new Error("no error is made here"), LARGE);
  const looks = { count: 0 };
  const files = sizes.map((size, index) => {
    let held: Uint8Array | null = null;
    const node = {
      usedBytes: 0,
      get contents() {
        looks.count += 1;
        return held;
      },
      set contents(bytes) {
        held = bytes;
      },
    } as MemoryNode;
    const shared = sharedNode(node, index + 1);
    contents.take(shared, 0, new Uint8Array(size));
    return shared;
  });
  const held = () => files.filter(({ stale }) => stale === undefined).map(({ ino }) => ino);
  return { contents, files, looks, held };
}

/** A script makes a file longer. */
function grow(contents: SharedContents, shared: SharedNode | undefined, size: number): void {
  if (shared === undefined) throw new Error("there is no such file");
  contents.touched(shared);
  shared.node.contents = new Uint8Array(size);
  shared.node.usedBytes = size;
}

test("those go that were not used for the longest, but for what is open or not committed yet", () => {
  const { contents, files, held } = open([10, 10, 10, 10, 10]);
  const [first, second, third] = files;
  contents.shrink(50);
  expect(held()).toEqual([1, 2, 3, 4, 5]);
  if (first === undefined || second === undefined || third === undefined) throw new Error("there are five files");
  contents.used(first);
  second.opens = 1;
  contents.shrink(35);
  expect(held()).toEqual([1, 2, 5]);
  third.sending = true;
  grow(contents, third, 30);
  contents.shrink(35);
  expect(held()).toEqual([2]);
  expect(third.node.contents?.length).toBe(30);
});

test("what was written counts as it is in the end, what was forgotten or emptied for others not at all", () => {
  const { contents, files, held } = open([10, 10, 10]);
  contents.shrink(100);
  grow(contents, files[0], 25);
  grow(contents, files[0], 40);
  contents.shrink(60);
  expect(held()).toEqual([1, 2, 3]);
  const [, second, third] = files;
  if (second === undefined || third === undefined) throw new Error("there are three files");
  contents.forget(second);
  third.node.contents = null;
  contents.shrink(40);
  expect(held()).toEqual([1, 2, 3]);
});

test("while there is room nobody looks at those that did not change", () => {
  const { contents, files, looks } = open(Array.from({ length: 2000 }, () => 1));
  contents.shrink(10_000);
  looks.count = 0;
  grow(contents, files[7], 2);
  contents.shrink(10_000);
  expect(looks.count).toBeLessThan(5);
});
