import { expect, test } from "vitest";
import { memoryStore } from "../../../src/gateway/cache/index.ts";
import { entryOf } from "./entries.ts";

test("the least recently used record goes first when memory is short", () => {
  const store = memoryStore({ maxBytes: 50_000 });
  for (const key of ["a", "b", "c", "d"]) store.set(key, entryOf({ key, body: new Uint8Array(10_000) }));
  expect(store.get("a")).toBeDefined();
  store.set("e", entryOf({ key: "e", body: new Uint8Array(10_000) }));
  const kept = ["a", "b", "c", "d", "e"].filter((key) => store.get(key) !== undefined);
  expect(kept).toEqual(["a", "c", "d", "e"]);
});

test("a record longer than all the memory allowed is not kept, and pushes nothing out", () => {
  const store = memoryStore({ maxBytes: 10_000 });
  store.set("a", entryOf({ key: "a" }));
  store.set("b", entryOf({ key: "b", body: new Uint8Array(20_000) }));
  expect(store.get("a")).toBeDefined();
  expect(store.get("b")).toBeUndefined();
});
