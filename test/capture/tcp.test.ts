import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_CAPTURE_LIMITS } from "../../src/capture/capture.ts";
import type { Segment } from "../../src/capture/segment.ts";
import { reassemble, type TcpConnection } from "../../src/capture/tcp.ts";
import { concat } from "../../src/codec/index.ts";

const NOTHING = new Uint8Array(0);

function segment(from: "w" | "a", sequence: number, payload: Uint8Array | string = NOTHING, flags = ""): Segment {
  return {
    time: undefined,
    from: from === "w" ? "10.0.0.1:40000" : "10.0.0.2:9000",
    to: from === "w" ? "10.0.0.2:9000" : "10.0.0.1:40000",
    fromPort: from === "w" ? 40_000 : 9000,
    toPort: from === "w" ? 9000 : 40_000,
    sequence: sequence >>> 0,
    syn: flags.includes("S"),
    ack: flags.includes("A"),
    fin: flags.includes("F"),
    rst: flags.includes("R"),
    payload: typeof payload === "string" ? new TextEncoder().encode(payload) : payload,
  };
}

const open = (w = 99, a = 499) => [segment("w", w, "", "S"), segment("a", a, "", "SA")];

/** `0:text`, `1:gap 3`, `0:closed` of every event. */
function told({ events }: TcpConnection | undefined = { addresses: ["", ""], ports: [0, 0], events: [] }): string[] {
  return events.map((event) => {
    if (event.type === "bytes") return `${event.side}:${new TextDecoder().decode(event.bytes)}`;
    return `${event.side}:${event.type === "gap" ? `gap ${event.missing}` : event.how}`;
  });
}

const tellFirst = (segments: readonly Segment[]) => told(reassemble(segments)[0]);

describe("reassemble", () => {
  test("joins both directions in the order of time", () => {
    const segments = [...open(), segment("w", 100, "ask"), segment("a", 500, "tell"), segment("w", 103, "more")];
    expect(tellFirst(segments)).toEqual(["0:ask", "1:tell", "0:more"]);
  });

  test("takes bytes that come twice once: retransmissions and overlaps", () => {
    const segments = [
      ...open(),
      segment("w", 100, "abc"),
      segment("w", 100, "abc"),
      segment("w", 102, "cde"),
      segment("w", 101, "b"),
    ];
    expect(tellFirst(segments)).toEqual(["0:abc", "0:de"]);
  });

  test("puts segments that came out of order in theirs, at the time when the hole was filled", () => {
    const segments = [...open(), segment("w", 103, "def"), segment("a", 500, "x"), segment("w", 100, "abc")];
    expect(tellFirst(segments)).toEqual(["1:x", "0:abc", "0:def"]);
  });

  test("tells of bytes that are missing, without holding back what the other side says", () => {
    const segments = [
      ...open(),
      segment("w", 100, "ab"),
      segment("w", 105, "fg"),
      segment("a", 500, "x"),
      segment("w", 107, "h"),
    ];
    expect(tellFirst(segments)).toEqual(["0:ab", "0:gap 3", "0:fg", "1:x", "0:h"]);
  });

  test("does without the handshake", () => {
    expect(tellFirst([segment("w", 777, "late"), segment("a", 5, "x")])).toEqual(["0:late", "1:x"]);
  });

  test("goes on across the end of the sequence numbers", () => {
    const w = 0xfffffffe;
    const segments = [...open(w - 1, 0xffffffff), segment("w", w, "abc"), segment("w", 1, "def"), segment("a", 0, "x")];
    expect(tellFirst(segments)).toEqual(["0:abc", "0:def", "1:x"]);
  });

  test("tells ends and resets once, and what is missing before an end", () => {
    const closing = [...open(), segment("w", 100, "a", "F"), segment("w", 101, "", "F"), segment("a", 503, "", "FA")];
    expect(tellFirst(closing)).toEqual(["0:a", "0:closed", "1:gap 3", "1:closed"]);
    expect(tellFirst([...open(), segment("w", 100, "a"), segment("a", 9999, "", "R")])).toEqual(["0:a", "1:reset"]);
  });

  test("takes keep-alive probes for nothing", () => {
    const segments = [...open(), segment("w", 100, "abc"), segment("w", 102, "\0"), segment("w", 103, "d")];
    expect(tellFirst(segments)).toEqual(["0:abc", "0:d"]);
  });

  test("begins a new connection at a new SYN between the same ports, and not at one that is sent again", () => {
    const [syn, answer] = open();
    if (syn === undefined || answer === undefined) throw new Error("no handshake");
    const all = reassemble([
      syn,
      syn,
      answer,
      segment("w", 100, "one"),
      ...open(5000, 6000),
      segment("w", 5001, "two"),
    ]);
    expect(all.map(told)).toEqual([["0:one"], ["0:two"]]);
  });

  test("knows from the answer to a SYN who connected", () => {
    const [connection] = reassemble([segment("a", 499, "", "SA"), segment("a", 500, "x"), segment("w", 100, "y")]);
    expect(connection?.addresses).toEqual(["10.0.0.1:40000", "10.0.0.2:9000"]);
    expect(told(connection)).toEqual(["1:x", "0:y"]);
  });

  test("refuses more connections than the limit", () => {
    const limits = { ...DEFAULT_CAPTURE_LIMITS, maxConnections: 2 };
    const many = [1, 2, 3].map((port) => ({ ...segment("w", 1, "x"), from: `10.0.0.1:${port}` }));
    expect(() => reassemble(many, limits)).toThrow(expect.objectContaining({ code: "CAPTURE_LIMIT" }));
  });

  test("gives back any stream from any segments that cover it, in any order, from any sequence number", () => {
    const scenario = fc
      .record({ stream: fc.uint8Array({ minLength: 1, maxLength: 120 }), isn: fc.integer({ min: 0, max: 0xffffffff }) })
      .chain(({ stream, isn }) => {
        const whole = fc.array(fc.nat(stream.length - 1), { maxLength: 8 }).map((cuts) => {
          const at = [...new Set([0, ...cuts, stream.length])].sort((a, b) => a - b);
          return at.slice(1).map((end, index) => [at[index] ?? 0, end] as const);
        });
        const extra = fc.array(
          fc
            .tuple(fc.nat(stream.length), fc.nat(stream.length))
            .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
          { maxLength: 6 },
        );
        return fc
          .tuple(whole, extra)
          .chain(([parts, more]) => fc.shuffledSubarray([...parts, ...more], { minLength: parts.length + more.length }))
          .map((parts) => ({ stream, isn, parts }));
      });
    fc.assert(
      fc.property(scenario, ({ stream, isn, parts }) => {
        const segments = parts.map(([start, end]) => segment("w", isn + 1 + start, stream.subarray(start, end)));
        const [connection] = reassemble([segment("w", isn, "", "S"), ...segments]);
        const out = (connection?.events ?? []).map((event) => (event.type === "bytes" ? event.bytes : NOTHING));
        expect(connection?.events.every(({ type }) => type === "bytes")).toBe(true);
        expect(concat(out)).toEqual(stream);
      }),
      { numRuns: 500 },
    );
  });

  test("tells each byte or counts it as missing, whatever the segments", () => {
    const any = fc.record({
      offset: fc.nat(300),
      payload: fc.uint8Array({ maxLength: 40 }),
      flags: fc.constantFrom("", "", "F", "R"),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 20 }), (list) => {
        const segments = list.map(({ offset, payload, flags }) => segment("w", 1 + offset, payload, flags));
        const [connection] = reassemble([segment("w", 0, "", "S"), ...segments]);
        const carried = list.filter(({ flags }) => flags !== "R");
        const seen = new Set(
          carried.flatMap(({ offset, payload }) => Array.from(payload, (_, index) => offset + index)),
        );
        let told = 0;
        let length = 0;
        for (const event of connection?.events ?? []) {
          if (event.type === "bytes") told += event.bytes.length;
          if (event.type !== "end") length += event.type === "bytes" ? event.bytes.length : event.missing;
        }
        expect(told).toBe(seen.size);
        expect(length).toBeGreaterThanOrEqual(Math.max(0, ...seen) === 0 ? 0 : Math.max(...seen) + 1);
      }),
      { numRuns: 500 },
    );
  });
});
