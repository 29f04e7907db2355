// When a gateway asks the pool's object what scripts have done to the files of the build.

import { expect, test } from "vitest";
import { WrittenFiles } from "../../src/platform/workers/written-files.ts";
import type { Exchange, ExchangeEnd } from "../../src/transport/exchange.ts";

const END: ExchangeEnd = { applicationStatus: 0, protocolStatus: "request-complete" };
const request = { role: "responder", params: [] } as const;

/** A pool whose scripts do `run`, and say what it gives. */
function open(run: () => Partial<ExchangeEnd>) {
  const object = { tag: "1", changed: ["/app/a.css"], asked: 0, time: 0 };
  const written = new WrittenFiles({
    binding: () => ({
      findFile: () => Promise.resolve(undefined),
      readFile: () => Promise.reject(new Error("no file was found")),
      buildChanges(tag) {
        object.asked += 1;
        const { changed } = object;
        return Promise.resolve(tag === object.tag ? undefined : { tag: object.tag, changed, made: [] });
      },
    }),
    documentRoot: "/app",
    now: () => object.time,
  });
  const exchange: Exchange = async (_request, sink) => {
    const end = { ...END, ...run() };
    sink.ended?.(end);
    return end;
  };
  const watched = written.watching(exchange);
  const page = () => watched(request, { stdout() {}, stderr() {} }, new AbortController().signal);
  /** Whether a look at static files asked. */
  const asks = async (): Promise<boolean> => {
    const before = object.asked;
    await written.fresh();
    return object.asked > before;
  };
  return { object, written, page, asks };
}

test("not after a page that changed none of them, for ten seconds", async () => {
  const { object, page, asks } = open(() => ({ note: object.tag }));
  expect(await asks()).toBe(true);
  for (let i = 0; i < 3; i++) {
    expect(await page()).toMatchObject(END);
    expect(await asks()).toBe(false);
  }
  object.time += 10_001;
  expect(await asks()).toBe(true);
});

test("after one that did, and knows it then", async () => {
  const { object, written, page, asks } = open(() => ({ note: object.tag }));
  await asks();
  expect(written.changed("/b.css")).toBe(false);
  object.tag = "2";
  object.changed = ["/app/b.css"];
  await page();
  expect(await asks()).toBe(true);
  expect(written.changed("/b.css")).toBe(true);
  await page();
  expect(await asks()).toBe(false);
});

test("after one whose answer says nothing of it, and after one that failed", async () => {
  let fails = false;
  const { page, asks } = open(() => {
    if (fails) throw new Error("the child died");
    return {};
  });
  await asks();
  await page();
  expect(await asks()).toBe(true);
  expect(await asks()).toBe(false);
  fails = true;
  await expect(page()).rejects.toThrow("the child died");
  expect(await asks()).toBe(true);
});

test("again, when a page changed something while it was asked", async () => {
  const { object, written, page, asks } = open(() => ({ note: object.tag }));
  await asks();
  await page();
  object.time += 10_001;
  const asking = written.fresh();
  object.tag = "2";
  await page();
  await asking;
  expect(await asks()).toBe(true);
});
