import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CaptureEvent } from "../../src/capture/capture.ts";
import { type FollowOptions, follow, followCapture } from "../../src/capture/follow.ts";
import { answerOf, captureToJson, requestToJson } from "../../src/capture/json.ts";
import { readCapture } from "../../src/capture/read.ts";
import { recordsOf } from "../../src/capture/records.ts";
import {
  concat,
  encodeAbortRequest,
  encodeBeginRequest,
  encodeEndRequest,
  encodeHeader,
  encodeParams,
  encodeStream,
  encodeStreamEnd,
  RecordType,
} from "../../src/codec/index.ts";
import { hex } from "../codec/wire.ts";
import { answer, bytes, request } from "./build.ts";

function followed(events: readonly CaptureEvent[], options?: FollowOptions) {
  return follow(recordsOf({ id: 1, webServer: "w", application: "a", mixed: false, events }), options);
}

const problemsOf = (events: readonly CaptureEvent[]) => followed(events).items.flatMap(({ problems }) => problems);

describe("follow", () => {
  test("gathers a request and its answer, with times", () => {
    const { requests, items } = followed([
      bytes(
        "to-application",
        request(
          1,
          [
            ["REQUEST_METHOD", "POST"],
            ["CONTENT_LENGTH", "4"],
          ],
          "body",
        ),
        100,
      ),
      bytes("to-web-server", answer(1, "Status: 201\r\nA: b\r\n\r\nhello", "oops\n"), 103.5),
    ]);
    const [only] = requests;
    if (only === undefined) throw new Error("no request");
    expect(requestToJson(only)).toEqual({
      number: 1,
      requestId: 1,
      role: "responder",
      keepConnection: true,
      params: [
        ["REQUEST_METHOD", "POST"],
        ["CONTENT_LENGTH", "4"],
      ],
      stdinLength: 4,
      dataLength: 0,
      stdoutLength: 26,
      head: "Status: 201\r\nA: b",
      bodyLength: 5,
      stderr: "oops\n",
      applicationStatus: 0,
      protocolStatus: "request-complete",
      aborted: false,
      begin: 100,
      firstByte: 103.5,
      end: 103.5,
      items: [0, 1, 2, 3, 4, 5, 6, 7],
      problems: [],
    });
    expect(items.flatMap(({ problems }) => problems)).toEqual([]);
  });

  test("shows the state of both sides before and after each record", () => {
    const { items } = followed([bytes("to-application", request(1)), bytes("to-web-server", answer(1, "x"))]);
    expect(
      items.map(({ before, after }) => [before.webServer, after.webServer, before.application, after.application]),
    ).toEqual([
      ["none", "sending-stdin", "none", "receiving-params"],
      ["sending-stdin", "sending-stdin", "receiving-params", "receiving-params"],
      ["sending-stdin", "sending-stdin", "receiving-params", "receiving-stdin"],
      ["sending-stdin", "waiting", "receiving-stdin", "responding"],
      ["waiting", "waiting", "responding", "responding"],
      ["waiting", "ended", "responding", "ended"],
    ]);
    expect(
      items.map(({ webServerInput, applicationInput }) => `${webServerInput ?? "-"} ${applicationInput ?? "-"}`),
    ).toEqual(["begin begin", "- params", "- params-end", "stdin-end stdin-end", "- -", "end-request end-request"]);
  });

  test("keeps interleaved requests apart, and an id that is used again", () => {
    const { requests } = followed([
      bytes("to-application", concat([request(1, [["N", "one"]]), request(2, [["N", "two"]])])),
      bytes("to-web-server", concat([answer(2, "second"), answer(1, "first")])),
      bytes("to-application", request(1, [["N", "three"]])),
    ]);
    const texts = requests.map(
      (one) => `${one.requestId} ${one.params[0]?.[1]} ${new TextDecoder().decode(one.stdout.content)}`,
    );
    expect(texts).toEqual(["1 one first", "2 two second", "1 three "]);
    expect(requests.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(requests[2]?.states.application).toBe("responding");
  });

  test("follows an abort, and the answer that is still owed", () => {
    const { requests, items } = followed([
      bytes("to-application", concat([request(1), encodeAbortRequest(1)])),
      bytes("to-web-server", encodeEndRequest(1, 1)),
    ]);
    expect(requests[0]).toMatchObject({ aborted: true, end: { applicationStatus: 1 } });
    expect(items.at(-2)?.after).toEqual({ webServer: "aborted", application: "aborting" });
    expect(items.at(-1)?.after).toEqual({ webServer: "ended", application: "ended" });
    expect(items.flatMap(({ problems }) => problems)).toEqual([]);
  });

  test("follows a filter's two streams", () => {
    const { items, requests } = followed([
      bytes(
        "to-application",
        concat([
          encodeBeginRequest(1, "filter", false),
          encodeStreamEnd(RecordType.PARAMS, 1),
          ...encodeStream(RecordType.DATA, 1, hex("616263")),
          encodeStreamEnd(RecordType.STDIN, 1),
          encodeStreamEnd(RecordType.DATA, 1),
        ]),
      ),
    ]);
    expect(items.map(({ after }) => after.application)).toEqual([
      "receiving-params",
      "receiving-stdin-and-data",
      "receiving-stdin-and-data",
      "receiving-data",
      "responding",
    ]);
    expect(requests[0]?.data).toMatchObject({ length: 3, ended: true });
  });

  test.each<[string, readonly CaptureEvent[], RegExp]>([
    [
      "STDIN before the end of params",
      [bytes("to-application", concat([encodeBeginRequest(1, "responder", false), encodeStreamEnd(5, 1)]))],
      /stdin-end while the application is receiving-params/,
    ],
    [
      "BEGIN_REQUEST for an active id",
      [bytes("to-application", concat([request(1), request(1)]))],
      /BEGIN_REQUEST for a request that is active/,
    ],
    ["a record of no request", [bytes("to-web-server", answer(3, "x"))], /a record of a request that has not begun/],
    [
      "a second END_REQUEST",
      [bytes("to-application", request(1)), bytes("to-web-server", concat([answer(1, "x"), encodeEndRequest(1, 0)]))],
      /END_REQUEST for a request that has ended/,
    ],
    [
      "STDIN shorter than CONTENT_LENGTH",
      [bytes("to-application", request(1, [["CONTENT_LENGTH", "9"]], "body")), bytes("to-web-server", answer(1, "x"))],
      /CONTENT_LENGTH is 9, but STDIN had 4 bytes/,
    ],
    [
      "a connection that is closed without an answer",
      [bytes("to-application", request(1)), { type: "end", direction: "to-web-server", time: 1, how: "closed" }],
      /closed the connection without END_REQUEST for request 1/,
    ],
    ["a gap", [{ type: "gap", direction: "to-application", time: 1, missing: 7 }], /7 bytes are missing/],
    [
      "params that end inside a pair",
      [
        bytes(
          "to-application",
          concat([encodeBeginRequest(1, "responder", false), hex("0104000100020000 0505 0104000100000000")]),
        ),
      ],
      /end inside pair 1/,
    ],
  ])("tells of %s", (_name, events, problem) => {
    expect(problemsOf(events).join("\n")).toMatch(problem);
  });

  test("takes habits of peers that are allowed: STDIN after the answer, no end of STDOUT", () => {
    const whole = request(1);
    expect(
      problemsOf([
        bytes("to-application", whole.subarray(0, -8)),
        bytes("to-web-server", answer(1, "x")),
        bytes("to-application", whole.subarray(-8)),
        { type: "end", direction: "to-web-server", time: 1, how: "closed" },
      ]),
    ).toEqual([]);
  });

  test("reads params that are cut between records anywhere", () => {
    const [params = new Uint8Array(0)] = encodeParams([
      ["NAME", "value"],
      ["B", "c".repeat(130)],
    ]);
    for (let cut = 1; cut < params.length; cut++) {
      const parts = [params.slice(0, cut), params.slice(cut)].flatMap((part) =>
        encodeStream(RecordType.PARAMS, 1, part),
      );
      const { requests, items } = followed([
        bytes("to-application", concat([encodeBeginRequest(1, "responder", false), ...parts, encodeStreamEnd(4, 1)])),
      ]);
      expect(requests[0]?.params.map(([name]) => name)).toEqual(["NAME", "B"]);
      expect(items.flatMap(({ problems }) => problems)).toEqual([]);
    }
  });

  test("keeps no more of the streams than told, and counts the rest", () => {
    const events = [1, 2, 3].flatMap((id) => [
      bytes("to-application", request(id)),
      bytes("to-web-server", answer(id, "x".repeat(100))),
    ]);
    const some = followed(events, { maxKept: 60, maxKeptInAll: 130 }).requests;
    expect(some.map(({ stdout }) => [stdout.length, stdout.content.length])).toEqual([
      [100, 60],
      [100, 60],
      [100, 10],
    ]);
    const forgetting = followed(events, { maxKept: 60, maxKeptInAll: 130, forgetEnded: true }).requests;
    expect(forgetting.map(({ number, stdout }) => [number, stdout.content.length])).toEqual([[3, 60]]);
  });

  test("bounds params as the codec does", () => {
    const header = new Uint8Array(8);
    encodeHeader(header, 0, RecordType.PARAMS, 1, 65_535, 0);
    const filling = concat([header, new Uint8Array(65_535)]);
    const { requests } = followed([
      bytes("to-application", concat([encodeBeginRequest(1, "responder", false), filling, filling])),
    ]);
    expect(requests[0]?.problems.join()).toContain("more than 4096 name-value pairs");
    expect(requests[0]?.params).toHaveLength(4096);
  });

  test("never throws, whatever the records, and explains each in its place", () => {
    const record = fc
      .record({
        type: fc.integer({ min: 0, max: 12 }),
        id: fc.nat(2),
        content: fc.uint8Array({ maxLength: 12 }),
        padding: fc.nat(3),
      })
      .map(({ type, id, content, padding }) => {
        const head = new Uint8Array(8);
        encodeHeader(head, 0, type, id, content.length, padding);
        return concat([head, content, new Uint8Array(padding)]);
      });
    const event = fc.oneof(
      fc
        .tuple(fc.constantFrom("to-application" as const, "to-web-server" as const), record)
        .map(([direction, chunk]) => bytes(direction, chunk)),
      fc.constantFrom<CaptureEvent>(
        bytes("to-application", request(1)),
        bytes("to-web-server", answer(1, "x")),
        { type: "gap", direction: "to-application", time: 1, missing: 3 },
        { type: "end", direction: "to-web-server", time: 2, how: "reset" },
      ),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const { items, requests } = followed(events);
        expect(items.map(({ index }) => index)).toEqual(items.map((_, index) => index));
        for (const one of requests) {
          answerOf(one);
          for (const index of one.items) expect(items[index]?.request).toBe(one.number);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("captureToJson", () => {
  test("numbers requests throughout, and survives JSON", () => {
    const raw = readCapture(concat([request(1), answer(1, "a"), request(2), answer(2, "b")]));
    const twice = { ...raw, connections: [...raw.connections, ...raw.connections] };
    const json = captureToJson(twice);
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
    expect(json.connections.flatMap(({ requests }) => requests.map(({ number }) => number))).toEqual([1, 2, 3, 4]);
    expect(followCapture(twice).flatMap(({ requests }) => requests.map(({ number }) => number))).toEqual([1, 2, 3, 4]);
    expect(json.connections[0]?.items[0]).toEqual({
      index: 0,
      kind: "record",
      direction: "to-application",
      time: null,
      type: "BEGIN_REQUEST",
      typeCode: 1,
      requestId: 1,
      contentLength: 8,
      paddingLength: 0,
      bytes: "01010001000800000001010000000000",
      summary: expect.stringContaining("responder"),
      request: 1,
      before: { webServer: "none", application: "none" },
      after: { webServer: "sending-stdin", application: "receiving-params" },
      problems: [],
    });
  });
});
