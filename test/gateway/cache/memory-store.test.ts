import { expect, test } from "vitest";
import { createCache, memoryStore } from "../../../src/gateway/cache/index.ts";
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

test("a hit waits for nothing, and its headers are the caller's", async () => {
  const cache = createCache({ store: memoryStore() });
  const request = { method: "GET", url: "http://example.test/", headers: { get: () => null } };
  const produce = async () => ({
    status: 200,
    headers: [["Cache-Control", "max-age=60"]] as [string, string][],
    body: new Uint8Array(1),
  });
  const first = cache.reply(request, produce);
  expect(first).toBeInstanceOf(Promise);
  expect((await first).status).toBe("MISS");
  await expect.poll(() => cache.reply(request, produce)).not.toBeInstanceOf(Promise);
  const hit = await cache.reply(request, produce);
  expect(hit.status).toBe("HIT");
  hit.reply.headers.push(["Set-Cookie", "mine"]);
  expect((await cache.reply(request, produce)).reply.headers).not.toContainEqual(["Set-Cookie", "mine"]);
});
