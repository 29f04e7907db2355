import { describe, expect, test } from "vitest";
import { memoryPair } from "../../src/transport/memory.ts";
import { fromStreams, toStreams } from "../../src/transport/streams.ts";
import { pattern, transportContract } from "./contract.ts";

transportContract("web streams over memory", {
  pair: async () => {
    const [left, right] = memoryPair();
    return [fromStreams(toStreams(left)), fromStreams(toStreams(right))];
  },
  mostUnderWay: 6 * 64 * 1024,
  tellsReset: true,
});

describe("toStreams", () => {
  test("pipes through both directions", async () => {
    const [left, right] = memoryPair();
    const echo = toStreams(right);
    const piped = echo.readable.pipeTo(echo.writable).catch(() => {});
    const { readable, writable } = toStreams(left);
    const writer = writable.getWriter();
    const bytes = pattern(300_000);
    const sent = writer.write(bytes);
    let got = 0;
    for await (const chunk of readable) {
      got += chunk.length;
      if (got === bytes.length) break;
    }
    await sent;
    await piped;
    expect(got).toBe(bytes.length);
  });
});
